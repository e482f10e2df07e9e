# SPDX-License-Identifier: Apache-2.0
"""An apply that is killed or loses power, at every step: all of it or nothing, and nothing runs."""

from __future__ import annotations

import pytest

from tests.box import Box
from tests.system.cut_off import COMMITTED, STEPS, UNDONE, kill_apply, names_of_steps, stop_apply
from tests.system.great_change import (
    JOBS_BEFORE,
    assert_after,
    prepared,
    timers,
)
from tests.system.host import STATE, Host


@pytest.fixture
def host(box: Box) -> Host:
    return prepared(box)


def test_the_tests_know_all_steps(host: Host) -> None:
    assert names_of_steps(host) == STEPS
    assert_after(host, "no place")


def test_a_kill_at_any_step_is_undone_by_recover(host: Host) -> None:
    before = host.picture()
    for place in UNDONE:
        kill_apply(host, place)

        assert "everything is as it was before it" in host.cli("recover").stdout

        assert host.picture() == before, place
        assert host.started() == [], place
        host.age_stamp(*JOBS_BEFORE)


@pytest.mark.parametrize("place", [*UNDONE, COMMITTED])
def test_a_kill_at_any_step_is_mended_by_the_next_apply(host: Host, place: str) -> None:
    kill_apply(host, place)

    done = host.apply()

    assert "an earlier apply had been cut off" in done.stderr
    assert_after(host, place)


def test_a_kill_after_the_last_step_is_told_and_finished_by_recover(host: Host) -> None:
    kill_apply(host, COMMITTED)
    assert host.json("status", expect=10)["findings"][0]["kind"] == "interrupted"
    assert "it is finished now" in host.cli("recover").stdout
    assert_after(host, COMMITTED)


def test_a_power_cut_at_any_step_is_recovered_by_the_boot(host: Host) -> None:
    """Jobs that the apply does not touch may catch up, as at any boot; nothing else runs."""
    before = host.files()
    for place in (*UNDONE, COMMITTED):
        host.age_stamp(*JOBS_BEFORE)
        host.watch()
        stop_apply(host, place)
        host.box.power_cut()
        host.box.start()

        shown = host.show("debvisor-timers-recover.service", "Result", "ConditionResult")
        assert shown == {"Result": "success", "ConditionResult": "yes"}, place
        host.box.run(["test", "!", "-e", f"{STATE}/apply.json"])
        assert sorted(host.started()) == ["same", "scripted"], place
        assert host.units("--failed") == [], place
        if place != COMMITTED:
            assert host.files() == before, place
            assert host.running_timers() == timers(JOBS_BEFORE), place
            assert not host.plan_is_empty(), place
    host.watch()
    assert_after(host, COMMITTED)


SLOW = """\
jobs:
  slow:
    timeout: 1h
    script: "while [ ! -e /run/go ]; do sleep 0.05; done; exit 3"
"""


@pytest.mark.parametrize("edit", [SLOW.replace("1h", "1s"), "jobs: {}\n"])
@pytest.mark.parametrize("place", ["keeping runs as they began", "setting stamps", COMMITTED])
def test_a_run_outlives_a_killed_apply_and_its_recovery(box: Box, edit: str, place: str) -> None:
    host = Host(box)
    host.apply(SLOW)
    host.cli("run", "slow")
    service = "debvisor-job-slow.service"
    box.wait_until(f"systemctl is-active {service} | grep -qx activating", 20, "it runs")
    before = host.show(service, "InvocationID")
    host.write(edit)
    kill_apply(host, place, "--allow-empty")
    host.cli("recover")
    assert host.show(service, "InvocationID", "ActiveState") == {
        **before,
        "ActiveState": "activating",
    }

    box.run("touch /run/go")

    run = host.await_run("slow", "failed")[0]
    assert (run["exit_status"], run["reason"]) == (3, "exit status 3")
    host.apply(SLOW.replace("exit 3", "exit 0"))
    box.wait_until("! ls /run/systemd/system.control | grep -q debvisor-job", 10, "nothing is left")
    assert host.cli("run", "slow", "--wait").stdout.startswith("slow succeeded")
