# SPDX-License-Identifier: Apache-2.0
"""The Python API over the network in a box, and servers that are killed in the middle of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from tests.box import Box, web_layer
from tests.system.host import JOBS, STATE, UNITS, Host

SERVICE = "debvisor-timers-web.service"
AGENT = "debvisor-timers-agent.service"
POLICY = "policy: {raw_commands: true, users: [root], task_types: ['*', not_there]}\n"
OTHER = """\
jobs:
  other: {schedule: "0 5 29 2 *", script: "echo other"}
"""
SOCKET = "http+unix:///run/debvisor-timers/web.sock"

CALLS = """\
import asyncio, json, sys, time
from debvisor_timers import DependencyType, JobDependency, JobPriority, JobStatus, Scheduler
from debvisor_timers.errors import DefinitionError, NotFoundError, RefusedError

url, token = sys.argv[1:3]
found = {}
with Scheduler.connect(url, token=token) as remote:
    first = remote.create_job(
        name="First one",
        cron_expr="0 2 * * *",
        script="echo out; echo err >&2",
        priority=JobPriority.HIGH,
        timezone="Europe/Amsterdam",
        timeout_seconds=float("inf"),
        tags={"team": "core"},
    )
    found["made"] = [first.job_id, first.priority.word, first.timezone, first.timeout_seconds]
    second = remote.create_job(
        name="Second",
        cron_expr="0 3 * * *",
        task_type="not_there",
        task_config={"a": None, "b": [1, {"c": True}]},
        dependencies=[JobDependency("first-one", DependencyType.AFTER, 60)],
    )
    found["config"] = [second.task_config, [each.to_dict() for each in second.dependencies]]
    second.dependencies.append(JobDependency("first-one", DependencyType.CONFLICTS))
    found["conflicts"] = len(remote.get_job("second").dependencies)
    run = remote.execute("First one")
    found["run"] = [run.status, run.exit_code, run.stdout, run.stderr, run.trigger]

    async def both():
        return await asyncio.gather(
            remote.execute_job("first-one"), remote.in_thread(remote.get_job, "sec")
        )

    run, job = asyncio.run(both())
    found["awaited"] = [run.status, job.job_id]
    history = remote.get_execution_history("first-one")
    found["history"] = [each.execution_id == run.execution_id for each in history]
    numbers = remote.get_job_statistics("first-one")
    found["numbers"] = [numbers["total_executions"], numbers["success_rate"]]
    found["count"] = remote.get_job("first-one").execution_count
    until = time.monotonic() + 60  # the server has looked a second ago, maybe
    while not remote.list_jobs(status=JobStatus.COMPLETED) and time.monotonic() < until:
        time.sleep(0.1)
    found["listed"] = [[job.job_id for job in remote.list_jobs(**wanted)] for wanted in (
        {}, {"tags": {"team": "core"}}, {"status": JobStatus.COMPLETED}, {"task_type": "not_there"}
    )]
    wrong = []
    for call in (
        lambda: remote.create_job(name="Wrong", cron_expr="0 25 * * *", script="true"),
        lambda: remote.get_job("nothing"),
        lambda: remote.create_job(name="x", job_id="second", script="true"),
        lambda: remote.delete_job("first"),
    ):
        try:
            call()
        except (DefinitionError, NotFoundError, RefusedError) as error:
            places = [each.key for each in getattr(error, "problems", ())]
            wrong.append([type(error).__name__, places])
    found["wrong"] = wrong
    with remote.batch():
        remote.update_job("first-one", owner="anna")
        for number in range(3):
            remote.create_job(name=f"Of many {number}", script="true")
        remote.delete_job("second")
    found["batch"] = [remote.get_job("first-one").owner, sorted(remote.jobs)]
    found["stopped"] = remote.stop("first-one")
    found["forgotten"] = "first-one" in remote.execution_history
    found["deleted"] = [remote.delete_job(job_id) for job_id in sorted(remote.jobs)]
print(json.dumps(found))
"""

MANY = 40
CHANGE = f"""\
import sys
from debvisor_timers import Scheduler
from debvisor_timers.errors import DebvisorTimersError

try:
    with Scheduler.connect("{SOCKET}") as remote, remote.batch():
        for number in range({MANY}):
            remote.create_job(name=f"Many {{number}}", cron_expr="0 4 29 2 *", script="true")
except DebvisorTimersError as error:
    print(type(error).__name__)
else:
    print("done")
"""
RECORD = f"{STATE}/apply.json"
MOMENTS = {
    "it is asked": f"systemctl is-active --quiet {AGENT}",
    "it has begun": f"test -e {RECORD}",
    "files are written": f"test -e {JOBS}/many-5.yaml",
    "units are written": f"test -e {UNITS}/debvisor-job-many-20.service",
    "timers are started": "systemctl is-active --quiet debvisor-job-many-7.timer",
    "it is over": f"test -e {UNITS}/debvisor-job-many-39.timer && ! test -e {RECORD}",
}
"""When something is killed, by what can be seen of the change from outside."""


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    with Box.boot(web_layer()) as box:
        host = Host(box)
        box.write("/etc/debvisor/timers/config.yaml", POLICY, 0o640)
        box.run("chgrp debvisor-timers /etc/debvisor/timers/config.yaml")
        host.apply(OTHER)
        yield host


def python(host: Host, program: str, *arguments: str) -> str:
    done = host.box.run(["python3", "-", *arguments], input=program, timeout=300)
    return done.stdout


def test_the_calls_of_the_guide_work_over_the_network(host: Host) -> None:
    token = host.cli("token", "create", "remote", "--role", "admin").stdout.strip()
    for url, secret in (("http://localhost:5000", token), (SOCKET, "")):
        found: dict[str, Any] = json.loads(python(host, CALLS, url, secret))

        assert found == {
            "made": ["first-one", "high", "Europe/Amsterdam", None],
            "config": [
                {"a": None, "b": [1, {"c": True}]},
                [{"job_id": "first-one", "dependency_type": "after", "timeout_seconds": 60.0}],
            ],
            "conflicts": 2,
            "run": ["completed", 0, "out\n", "err\n", "manual"],
            "awaited": ["completed", "second"],
            "history": found["history"],
            "numbers": found["numbers"],
            "count": len(found["history"]),
            "listed": [
                ["first-one", "other", "second"],
                ["first-one"],
                ["first-one"],
                ["second"],
            ],
            "wrong": [
                ["DefinitionError", ["schedule"]],
                ["NotFoundError", []],
                ["RefusedError", []],
                ["NotFoundError", []],
            ],
            "batch": ["anna", ["first-one", "of-many-0", "of-many-1", "of-many-2", "other"]],
            "stopped": False,
            "forgotten": True,
            "deleted": [True] * 5,
        }
        assert found["history"][0] is True
        assert found["numbers"] == [len(found["history"]), 1.0]
        host.apply(OTHER)


KILLS = [
    *((AGENT, moment) for moment in MOMENTS),
    *((SERVICE, moment) for moment in ("it is asked", "it has begun", "units are written")),
]


@pytest.mark.parametrize(("service", "moment"), KILLS)
def test_a_kill_leaves_all_of_a_change_or_nothing(host: Host, service: str, moment: str) -> None:
    """The agent is asked for 40 jobs at once; whatever is killed, there are 40 or none."""
    host.box.run(["systemctl", "stop", AGENT], check=False)
    host.box.run("curl -s -o /dev/null http://127.0.0.1:5000/api/v1/health")
    before = host.files()
    client = host.box.spawn(["python3", "-c", CHANGE])
    host.box.run(
        f"end=$(($(date +%s) + 60));"
        f" until {MOMENTS[moment]} || [ $(date +%s) -gt $end ]; do :; done;"
        f" systemctl kill --kill-whom=all --signal=KILL {service}",
        timeout=90,
    )

    said, _ = client.communicate(timeout=120)

    assert said.strip() in {"done", "SystemdError", "RefusedError", "UnreachableError"}
    host.box.wait_until(
        f"! systemctl is-active --quiet {AGENT} || ! test -e {RECORD}", 60, "nobody applies"
    )
    if service == SERVICE:
        host.box.wait_until(MOMENTS["it is over"], 60, "the agent has made them")
    host.cli("recover")
    made = [name for name in host.running_timers() if "-many-" in name]
    assert host.plan_is_empty()
    if made:
        assert len(made) == MANY
        assert len(host.box.run(f"ls {JOBS} | grep many").stdout.split()) == MANY
        python(host, REMOVE)
    else:
        assert host.files() == before
        assert "many" not in host.box.run(["ls", JOBS]).stdout
    if said.strip() == "done":
        assert made
    if service == SERVICE:  # the agent goes on, whoever has asked
        assert made


REMOVE = f"""\
from debvisor_timers import Scheduler

with Scheduler.connect("{SOCKET}") as remote, remote.batch():
    for number in range({MANY}):
        remote.delete_job(f"many-{{number}}")
"""
