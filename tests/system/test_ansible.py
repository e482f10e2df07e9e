# SPDX-License-Identifier: Apache-2.0
"""The Ansible role of the examples: what it changes, what it leaves, and what check mode tells."""

from __future__ import annotations

import json
import re
import subprocess
from collections.abc import Iterator, Mapping

import pytest

from tests.box import ANSIBLE, Box, build_deb, layer_of_deb, make
from tests.system.host import JOBS, Host

ROLES = "/usr/share/doc/debvisor-timers/examples/ansible/roles"
PLAY = "[{hosts: localhost, connection: local, gather_facts: false, roles: [debvisor_timers]}]\n"
JOB = {"schedule": "0 2 29 2 *", "command": ["/bin/true"]}


@pytest.fixture(scope="module")
def host() -> Iterator[Host]:
    """Yield a box with the package and Ansible."""
    with Box.boot(make(layer_of_deb(build_deb(), parent=ANSIBLE))) as box:
        box.write("/root/play.yaml", PLAY)
        yield Host(box)


def play(
    host: Host, variables: Mapping[str, object], *options: str, fails: bool = False
) -> tuple[int, str]:
    """Run the role; return how many tasks have changed something, and all that was printed."""
    variables = {"install": False, **variables}
    given = {f"debvisor_timers_{name}": value for name, value in variables.items()}
    argv = ["ansible-playbook", "/root/play.yaml", "-e", json.dumps(given), *options]
    env = {"ANSIBLE_ROLES_PATH": ROLES, "ANSIBLE_PIPELINING": "true"}
    done: subprocess.CompletedProcess[str] = host.box.run(argv, check=False, env=env, timeout=120)
    said = done.stdout + done.stderr
    assert (done.returncode != 0) == fails, said
    recap = re.search(r"changed=(\d+)", done.stdout)
    assert recap, said
    return int(recap[1]), said


def jobs(**schedules: str) -> dict[str, object]:
    return {"jobs.yaml": {"jobs": {job: JOB | {"schedule": at} for job, at in schedules.items()}}}


def test_a_host_managed_by_ansible(host: Host) -> None:
    first = {"jobs": jobs(one="0 2 29 2 *", two="0 2 29 2 *"), "config": {"keep_generations": 9}}

    changed, _ = play(host, {**first, "install": True})
    assert changed == 4, "two files, what waits, the apply"
    assert len(host.running_timers()) == 2
    assert host.box.run(f"stat -c '%a %G' {JOBS}/jobs.yaml").stdout == "640 debvisor-timers\n"

    assert play(host, first)[0] == 0
    before = host.files()

    pending = {**first, "jobs": jobs(one="0 3 29 2 *", two="0 2 29 2 *")}
    changed, said = play(host, pending, "--check", "--diff")
    assert changed == 1
    assert "0 3 29 2 *" in said
    assert host.files() == before
    assert host.plan_is_empty()

    wrong = {**first, "jobs": jobs(one="0 25 29 2 *", two="0 2 29 2 *")}
    changed, said = play(host, wrong, fails=True)
    assert changed == 0
    assert "hour 25 is outside 0-23" in said
    assert host.files() == before
    assert host.plan_is_empty()
    assert not host.box.run("ls -d /tmp/*debvisor-timers || :").stdout

    changed, said = play(host, {**pending, "expect_generation": 99}, fails=True)
    assert changed == 0
    assert "generation 1 is the newest, not 99" in said
    assert host.plan_is_empty()

    # A file of others, and a unit that somebody has touched: both wait for an apply.
    host.write("jobs: {theirs: {schedule: '0 2 29 2 *', command: [/bin/true]}}\n", "theirs.yaml")
    host.box.run("systemctl disable --now debvisor-job-one.timer")
    assert play(host, first)[0] == 2, "what waits, the apply"
    assert len(host.running_timers()) == 3

    newest = host.json("generations")["current"]
    two = {**first, "jobs": jobs(two="0 2 29 2 *"), "purge": True, "expect_generation": newest}
    assert play(host, two)[0] == 4, "the file, the other one, what waits, the apply"
    assert host.running_timers() == ["debvisor-job-two.timer"]
    assert host.box.run(f"ls {JOBS}").stdout == "jobs.yaml\n"
