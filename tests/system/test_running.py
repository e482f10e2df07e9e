# SPDX-License-Identifier: Apache-2.0
"""An apply does not disturb a run: what it changes counts from the next one."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tests.box import Box

FILE = "/etc/debvisor/timers/jobs.d/a.yaml"
SLOW = """\
jobs:
  slow:
    timeout: 1h
    script: |
      trap 'exit 9' TERM
      touch /run/started
      while [ ! -e /run/go ]; do sleep 0.1; done
      exit STATUS
  other:
    command: [/bin/true]
"""
OTHER = "jobs:\n  other:\n    command: [/bin/true]\n"
UNIT = "debvisor-job-slow.service"
SHADOW = f"/run/systemd/system.control/{UNIT}"


@pytest.fixture
def running(box: Box) -> Box:
    """Return a box in which the job `slow` runs until /run/go is there, and then ends with 3."""
    box.write(FILE, SLOW.replace("STATUS", "3"))
    box.run("debvisor-timers apply")
    box.run("debvisor-timers run slow")
    box.wait_until("test -e /run/started", 10)
    return box


def last_run(box: Box) -> dict[str, Any]:
    box.run(["journalctl", "--sync"])
    runs: list[dict[str, Any]] = json.loads(box.run("debvisor-timers history slow --json").stdout)
    return runs[0]


def let_go(box: Box) -> None:
    box.run("touch /run/go")
    box.wait_until(f"! systemctl is-active {UNIT} | grep -q activating", 15, "the run has ended")
    box.wait_until(f"! test -e {SHADOW} || ! test -e /etc/systemd/system/{UNIT}", 15)


def test_a_shorter_timeout_does_not_end_a_run_that_is_under_way(running: Box) -> None:
    running.write(FILE, SLOW.replace("STATUS", "3").replace("1h", "1s"))
    running.run("debvisor-timers apply")
    assert "TimeoutStartUSec=1h" in running.run(f"systemctl show {UNIT}").stdout
    running.run("systemctl daemon-reload")
    assert last_run(running)["status"] == "running"

    let_go(running)

    assert last_run(running)["outcome"] == "failed"
    assert last_run(running)["exit_status"] == 3
    running.wait_until(
        f"systemctl show {UNIT} | grep -qx TimeoutStartUSec=1s", 10, "the new definition counts"
    )
    assert running.run("debvisor-timers plan").stdout.startswith("0 to create, 0 to update")
    assert (
        "kind"
        not in running.run("debvisor-timers status --json | grep -w stale", check=False).stdout
    )


def test_a_new_script_counts_from_the_next_run(running: Box) -> None:
    running.write(FILE, SLOW.replace("STATUS", "4"))
    running.run("debvisor-timers apply")
    let_go(running)
    assert last_run(running)["exit_status"] == 3

    running.run("debvisor-timers run slow --wait", check=False)

    assert last_run(running)["exit_status"] == 4
    scripts = running.run("ls /var/lib/debvisor-timers/scripts").stdout.split()
    assert len(scripts) <= 2


@pytest.mark.parametrize("edits", [1, 2])
def test_the_run_of_a_removed_job_goes_on_and_is_recorded(running: Box, edits: int) -> None:
    if edits == 2:
        running.write(FILE, SLOW.replace("STATUS", "4"))
        running.run("debvisor-timers apply")
    running.write(FILE, OTHER)
    running.run("debvisor-timers apply --yes")
    assert "TimeoutStartUSec=1h" in running.run(f"systemctl show {UNIT}").stdout
    assert "running" in running.run("debvisor-timers list").stdout

    let_go(running)

    assert last_run(running)["outcome"] == "failed"
    assert last_run(running)["exit_status"] == 3
    running.wait_until("! systemctl --failed --no-legend | grep -q .", 10, "nothing is left failed")
    running.run("debvisor-timers list | grep -qv slow")


def test_a_job_that_is_removed_between_two_attempts_has_as_many_as_before(box: Box) -> None:
    fails = "    command: [/bin/false]\n    retries: {max: 2, delay: 3s, factor: 1}\n"
    box.write(FILE, f"{OTHER}  slow:\n{fails}")
    box.run("debvisor-timers apply; debvisor-timers run slow")
    box.wait_until("grep -q RETRY_AT /run/debvisor-timers/runs/slow", 10, "it is to be retried")
    box.write(FILE, OTHER)
    box.run("debvisor-timers apply --yes; systemctl reset-failed")

    box.wait_until(f"! systemctl is-active {UNIT} | grep -q activating", 20, "the run has ended")

    run = last_run(box)
    assert (run["outcome"], run["attempts"], run["trigger"]) == ("failed", 3, "manual")
    box.wait_until("! debvisor-timers list | grep slow", 10, "it is gone")


def test_a_removed_job_can_be_stopped(running: Box) -> None:
    running.write(FILE, OTHER)
    running.run("debvisor-timers apply --yes")

    assert running.run("debvisor-timers stop slow").stdout == "stopped slow\n"

    assert last_run(running)["outcome"] == "stopped"


def test_a_power_cut_leaves_the_new_definition(running: Box) -> None:
    running.write(FILE, SLOW.replace("STATUS", "3").replace("1h", "1s"))
    running.run("debvisor-timers apply")
    running.power_cut()
    running.start()

    assert "TimeoutStartUSec=1s" in running.run(f"systemctl show {UNIT}").stdout
    assert last_run(running)["outcome"] == "lost"
