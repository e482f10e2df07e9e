# SPDX-License-Identifier: Apache-2.0
"""Two at once: one changes jobs, the other waits, or says who is at it."""

from __future__ import annotations

import json

import pytest

from tests.box import Box
from tests.system.cut_off import stop_apply
from tests.system.host import Host

JOB = """\
jobs:
  one:
    schedule: "0 2 29 2 *"
    command: [/bin/true]
"""
HOLDERS = "ls -l /proc/[0-9]*/fd 2>/dev/null | grep -c debvisor-timers/lock"
IMPATIENT = """
import sys
from datetime import timedelta
from debvisor_timers.cli.main import main
from debvisor_timers.operations.applying import apply, recover

second = timedelta(seconds=1)
recover._LOCK_WAIT = second
apply.ApplyOptions.__init__.__kwdefaults__["lock_wait"] = second
main()
"""
"""The command line, with one second of patience instead of thirty."""


@pytest.fixture
def host(box: Box) -> Host:
    host = Host(box)
    host.write(JOB)
    return host


def test_a_second_apply_waits_for_the_first(host: Host) -> None:
    first, _ = stop_apply(host, "writing units")
    second = host.box.spawn(["debvisor-timers", "apply", "--json"])
    host.box.wait_until(f'test "$({HOLDERS})" -eq 2', 10, "both have opened the lock")
    assert host.cli("plan").stdout.endswith("1 to create, 0 to update, 0 to remove, 0 unchanged\n")
    assert second.poll() is None
    host.box.run(["touch", "/run/go-on"])

    assert first.wait(120) == 0
    said, _ = second.communicate(timeout=120)
    assert second.returncode == 0
    assert json.loads(said)["recovery"] == "nothing"
    assert {key: json.loads(said)[key] for key in ("created", "updated", "unchanged")} == {
        "created": 0,
        "updated": 0,
        "unchanged": 1,
    }
    assert host.reloads() == 1


@pytest.mark.parametrize("command", [["apply"], ["recover"]])
def test_whoever_cannot_wait_longer_learns_who_is_at_it(host: Host, command: list[str]) -> None:
    """A live apply is not undone by `recover`, either."""
    first, pid = stop_apply(host, "reloading systemd")

    done = host.box.run(["python3", "-c", IMPATIENT, *command], check=False)

    assert done.returncode == 4
    assert done.stderr == (
        f"error: process {pid} (debvisor-timers apply) is changing jobs right now\n"
        " fix: wait for it to end, then try again\n"
    )
    host.box.run(["touch", "/run/go-on"])
    assert first.wait(120) == 0
    assert host.plan_is_empty()


def test_a_lock_dies_with_its_holder(host: Host) -> None:
    first, pid = stop_apply(host, "reloading systemd")
    host.box.run(["kill", "-KILL", pid])
    first.wait(60)

    assert "an earlier apply had been cut off" in host.apply().stderr

    assert host.plan_is_empty()
    assert host.running_timers() == ["debvisor-job-one.timer"]


def test_reading_needs_no_lock(host: Host) -> None:
    first, _ = stop_apply(host, "keeping the generation")
    for command in (["plan"], ["list"], ["next"], ["show", "one"], ["history", "one"], ["check"]):
        host.cli(*command)
    assert {finding["kind"] for finding in host.json("status", expect=10)["findings"]} == {
        "interrupted"
    }
    host.box.run(["touch", "/run/go-on"])
    assert first.wait(120) == 0
    assert host.json("status")["healthy"]
