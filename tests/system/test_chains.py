# SPDX-License-Identifier: Apache-2.0
"""Jobs that the ends of others start, and boots: which ends, how often, and what is told of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pytest

from tests.box import Box, Layer
from tests.system import work
from tests.system.host import Host
from tests.system.work import WORK

GO = "/run/go"
JOBS = {
    "a": "",
    "b": "",
    "slow": f"command: [{WORK}, '30']",
    "fails": "command: [/bin/false], retries: {max: 1, delay: 0}",
    "no-user": "user: no-such-user",
    "all-of": "triggers: [{success_of: [a, b]}]",
    "any-of": "triggers: [{any_success_of: [a, b, slow]}]",
    "after-any-of": "triggers: [{success_of: [any-of]}]",
    "failure-of": "triggers: [{failure_of: [a, fails, no-user, slow]}]",
    "at-boot": "triggers: [{boot: 1s}]",
    "starter": "",
    "elsewhere": "where: {host: elsewhere}",
    "after-elsewhere": "triggers: [{any_success_of: [elsewhere]}]",
    "busy": f"triggers: [{{any_success_of: [starter]}}], command: [{WORK}, {GO}]",
    "fails-busy": f"triggers: [{{any_success_of: [starter]}}], command: [{WORK}, {GO}, '1'], "
    "retries: {max: 1, delay: 0}",
}
_BUSY = "systemctl list-units --plain --no-legend --state=activating,deactivating,reloading"
_QUEUED = "systemctl list-jobs --no-legend"


@pytest.fixture(scope="module")
def host(installed: Layer) -> Iterator[Host]:
    with Box.boot(installed) as box:
        host = Host(box)
        work.install(host)
        host.apply(work.yaml(JOBS, command=f"[{WORK}]"))
        yield host


@pytest.fixture(autouse=True)
def _anew(host: Host) -> None:
    host.watch()
    work.forget(host)


def end(host: Host, job: str) -> str:
    """Start a job, wait for its end and for all that follows; return the id of the run."""
    run = work.start(host, job)["RUN_ID"]
    settle(host)
    return run


def settle(host: Host) -> None:
    """Wait until nothing of ours is under way."""
    idle = f"! {{ {_BUSY}; {_QUEUED}; }} | grep -q debvisor-"
    host.box.wait_until(idle, 20, "all that follows has ended")


def newest(host: Host, job: str) -> Any:
    return host.json("history", job, "--limit=1")[0]


def answered(run: Any) -> set[str]:
    return {f"{one['job']}:{one['run']}" for one in run["trigger_runs"]}


def begun(host: Host, *jobs: str) -> Sequence[str]:
    return [job for job in work.begun(host) if job in jobs]


def said(host: Host, pair: str) -> Sequence[str]:
    """Return what was decided about a pair of jobs since the last `watch`."""
    unit = f"_SYSTEMD_UNIT=debvisor-timers-chain@{pair}.service"
    return [str(record["MESSAGE"]) for record in host.records(unit, "_TRANSPORT=stdout")]


# --- successes ----------------------------------------------------------------------------------


def test_success_of_waits_for_all_since_its_last_run(host: Host) -> None:
    end(host, "a")
    a = end(host, "a")
    assert begun(host, "all-of") == []
    b = end(host, "b")
    assert begun(host, "all-of") == ["all-of"]
    run = newest(host, "all-of")
    assert (run["outcome"], run["trigger"]) == ("succeeded", "chain")
    assert answered(run) == {f"a:{a}", f"b:{b}"}
    (line,) = [line for line in work.lines(host) if line.job == "all-of" and line.what == "begin"]
    assert set(line.runs.split()) == {f"a:{a}", f"b:{b}"}
    end(host, "b")
    assert begun(host, "all-of") == ["all-of"], "a has not succeeded again"
    end(host, "a")
    assert begun(host, "all-of") == ["all-of", "all-of"]


def test_any_success_starts_a_job_and_so_on(host: Host) -> None:
    a = end(host, "a")
    assert answered(newest(host, "any-of")) == {f"a:{a}"}
    b = end(host, "b")
    run = newest(host, "any-of")
    assert answered(run) == {f"b:{b}"}
    assert answered(newest(host, "after-any-of")) == {f"any-of:{run['run']}"}
    assert begun(host, "any-of", "after-any-of") == ["any-of", "after-any-of"] * 2
    assert begun(host, "failure-of") == []


def test_a_start_by_hand_stays_one(host: Host) -> None:
    end(host, "any-of")
    run = newest(host, "any-of")
    assert (run["trigger"], run["trigger_runs"]) == ("manual", [])


# --- failures -----------------------------------------------------------------------------------


def test_failure_of_answers_the_failure_of_a_run_once(host: Host) -> None:
    run = end(host, "fails")
    assert begun(host, "failure-of") == ["failure-of"]
    assert answered(newest(host, "failure-of")) == {f"fails:{run}"}


def test_failure_of_answers_a_run_that_could_not_be_set_up(host: Host) -> None:
    host.box.run(["systemctl", "start", work.unit("no-user")], check=False)
    settle(host)
    assert begun(host, "failure-of") == ["failure-of"]
    assert answered(newest(host, "failure-of")) == {f"no-user:{newest(host, 'no-user')['run']}"}


# --- what is no end -----------------------------------------------------------------------------


def test_a_skip_starts_nothing(host: Host) -> None:
    assert "elsewhere" in work.start(host, "elsewhere")["SKIPPED"]
    settle(host)
    nothing = "debvisor-timers: after-elsewhere has nothing to answer"
    assert said(host, "elsewhere:after-elsewhere") == [nothing]
    assert begun(host, "after-elsewhere") == []


def test_a_run_that_was_stopped_starts_nothing(host: Host) -> None:
    work.begin(host, "slow")
    work.await_program(host, "slow")
    host.cli("stop", "slow")
    settle(host)
    assert said(host, "slow:failure-of") == ["debvisor-timers: failure-of has nothing to answer"]
    assert begun(host, "any-of", "failure-of") == []


# --- at the wrong time --------------------------------------------------------------------------


def test_what_ends_while_the_job_runs_is_answered_afterwards(host: Host) -> None:
    work.start(host, "starter")
    for job in ("busy", "fails-busy"):
        work.await_program(host, job)
    work.start(host, "starter")
    last = work.start(host, "starter")["RUN_ID"]
    assert work.order(host).count("busy end") == 0
    host.box.run(["touch", GO])
    settle(host)
    assert begun(host, "busy") == ["busy", "busy"]
    # Its start limit leaves room for the attempts of one run.
    assert begun(host, "fails-busy") == ["fails-busy"] * 4
    assert work.most_at_once(host, "busy") == 1
    run = newest(host, "busy")
    assert (run["trigger"], answered(run)) == ("chain", {f"starter:{last}"})


def test_the_emergency_brake_holds_chains_as_well(host: Host) -> None:
    host.box.run(["systemctl", "stop", "debvisor-timers.target"])
    end(host, "a")
    assert begun(host, "any-of") == []
    assert said(host, "a:any-of") == [
        "debvisor-timers: any-of is not started: debvisor-timers.target is stopped"
    ]
    host.box.run(["systemctl", "start", "debvisor-timers.target"])
    end(host, "b")
    assert begun(host, "any-of") == ["any-of"]


def test_a_boot_starts_a_job_once(host: Host) -> None:
    host.box.reboot()
    host.box.wait_until(lambda: work.ended(host, "at-boot"), 20, "it has run")
    settle(host)
    run = newest(host, "at-boot")
    assert (run["outcome"], run["trigger"]) == ("succeeded", "boot")
    assert begun(host, *JOBS) == ["at-boot"]
