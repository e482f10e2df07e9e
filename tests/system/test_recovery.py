# SPDX-License-Identifier: Apache-2.0
"""All or nothing: an apply that fails, is killed, interrupted or loses power, at every step."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.box import Box
from tests.system.cut_off import (
    COMMITTED,
    HALF_OF_THE_UNITS,
    STEPS,
    UNDONE,
    kill_apply,
    names_of_steps,
    stop_apply,
)
from tests.system.host import STATE, UNITS, Host

LATER = datetime.now(UTC) + timedelta(hours=6)
"""Far enough from now: no timer fires by itself while the tests run."""


def daily(hours: int, catch_up: str = "once") -> str:
    return (
        f'schedule: {{cron: "{LATER + timedelta(hours=hours):%M %H} * * *", catch_up: {catch_up}}}'
    )


FIRED = "command: [/usr/bin/touch, /var/fired]"
BEFORE = f"""\
jobs:
  moved: {{ {daily(0)}, {FIRED} }}
  skipper: {{ {daily(0, "skip")}, {FIRED} }}
  scripted: {{ {daily(1)}, script: "touch /var/fired" }}
  rested: {{ {daily(2)}, {FIRED} }}
  left: {{ {daily(3)}, {FIRED} }}
  same: {{ {daily(4)}, {FIRED} }}
"""
AFTER = f"""\
jobs:
  moved: {{ {daily(-7)}, {FIRED} }}
  skipper: {{ {daily(-7, "skip")}, {FIRED} }}
  scripted: {{ {daily(1)}, script: "touch /var/fired; true" }}
  rested: {{ {daily(2)}, {FIRED}, enabled: false }}
  new: {{ {daily(5)}, triggers: [{{boot: 1h}}], {FIRED} }}
  same: {{ {daily(4)}, {FIRED} }}
"""
JOBS_BEFORE = ("left", "moved", "rested", "same", "scripted", "skipper")
JOBS_AFTER = ("moved", "new", "same", "scripted", "skipper")


@pytest.fixture
def host(box: Box) -> Host:
    """A host on which BEFORE is applied, each job triggered for the last time days ago."""
    host = Host(box)
    host.apply(BEFORE)
    host.age_stamp(*JOBS_BEFORE)
    host.write(AFTER)
    return host


def timers(jobs: tuple[str, ...]) -> list[str]:
    return [f"debvisor-job-{job}.timer" for job in jobs]


def assert_after(host: Host, place: str) -> None:
    """All that AFTER asks for is there, nothing is left over, nothing was started."""
    assert host.plan_is_empty(), place
    assert host.running_timers() == timers(JOBS_AFTER), place
    assert not any("left" in name for name in host.units("--all")), place
    assert host.box.run(["test", "-e", f"{STATE}/apply.json"], check=False).returncode == 1
    assert host.started() == [], place
    assert host.cli("recover").stdout == "nothing to recover\n"


def test_the_tests_know_all_steps(host: Host) -> None:
    assert names_of_steps(host) == STEPS
    assert_after(host, "no place")


def test_a_kill_at_any_step_is_undone_by_recover(host: Host) -> None:
    before = host.picture()
    for place in UNDONE:
        kill_apply(host, place)
        assert host.json("status", expect=10)["findings"][0]["kind"] == "interrupted"

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


def test_a_kill_after_the_last_step_is_finished_by_recover(host: Host) -> None:
    kill_apply(host, COMMITTED)
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


# --- interrupted -------------------------------------------------------------------------------


@pytest.mark.parametrize("signal", ["INT", "TERM"])
def test_a_signal_at_any_step_undoes_it_and_says_so(host: Host, signal: str) -> None:
    before = host.picture()
    for place in UNDONE:
        process, pid = stop_apply(host, place)
        host.box.run(["kill", f"-{signal}", pid])
        _, said = process.communicate(timeout=30)

        step = "writing units" if place == HALF_OF_THE_UNITS else place
        assert said == (
            f"error: interrupted while {step}; it was undone, everything is as it was before\n"
        )
        assert process.returncode == 130, place
        assert host.picture() == before, place
        assert host.started() == [], place
        host.age_stamp(*JOBS_BEFORE)


def test_a_signal_after_the_last_step_finishes_it(host: Host) -> None:
    process, pid = stop_apply(host, COMMITTED)
    host.box.run(["kill", "-INT", pid])
    assert process.wait(30) == 130
    assert_after(host, COMMITTED)


# --- failures of the host ----------------------------------------------------------------------


def test_a_read_only_unit_folder_leaves_everything_as_it_was(host: Host) -> None:
    before = host.picture()
    host.box.run(f"mount --bind {UNITS} {UNITS}; mount -o remount,bind,ro {UNITS}")

    done = host.apply(expect=5)

    assert f"cannot write into {UNITS}: Read-only file system" in done.stderr
    assert "everything is as it was before" in done.stderr
    host.box.run(["umount", UNITS])
    assert host.picture() == before
    assert host.started() == []
    host.apply()
    assert_after(host, "mended")


@pytest.mark.parametrize(("folder", "size"), [(UNITS, "160k"), (STATE, "64k")])
def test_a_full_disk_leaves_everything_as_it_was(host: Host, folder: str, size: str) -> None:
    """Some pages are free: enough to begin, not enough to end."""
    big = "".join(
        f'  big-{n}: {{ {daily(1)}, {FIRED}, description: "{"x" * 900}" }}\n' for n in range(40)
    )
    host.box.run(
        f"cp -a {folder} /var/copy; mount -t tmpfs -o size={size},mode=755 small {folder}"
        f"; cp -a /var/copy/. {folder}; systemctl daemon-reload"
    )
    before = host.picture()

    done = host.apply(AFTER + big, expect=5)

    assert "No space left on device" in done.stderr
    assert host.picture() == before
    assert host.started() == []
    host.apply(AFTER)
    assert_after(host, "smaller")


REFUSALS = {
    "a condition that does not hold": "ConditionPathExists=/nonexistent",
    "an assertion that fails": "AssertPathExists=/nonexistent",
}


@pytest.mark.parametrize("refusal", REFUSALS)
def test_a_timer_that_systemd_does_not_start_undoes_all(host: Host, refusal: str) -> None:
    before = host.picture()
    drop_in = f"{UNITS}/debvisor-job-new.timer.d/broken.conf"
    host.box.write(drop_in, f"[Unit]\n{REFUSALS[refusal]}\n")

    done = host.apply(expect=5)

    assert "systemd did not start debvisor-job-new.timer" in done.stderr
    assert "everything is as it was before" in done.stderr
    host.box.run(["rm", drop_in])
    assert host.picture() == before
    assert host.started() == []
    host.apply()
    assert_after(host, refusal)


def test_a_drop_in_that_breaks_a_unit_is_found_before_anything_is_written(host: Host) -> None:
    before = host.picture()
    host.box.write(f"{UNITS}/debvisor-job-new.timer.d/broken.conf", "[Timer]\nOnCalendar=\n")
    assert "jobs.yaml:6:3: error: " in host.apply(expect=3).stderr
    assert host.picture() == before


def test_an_undo_that_fails_as_well_says_how_to_go_on(host: Host) -> None:
    """systemd can be told to refuse a second reload within an hour."""
    before = host.picture()
    limit = "/etc/systemd/system.conf.d/limit.conf"
    host.box.write(limit, "[Manager]\nReloadLimitIntervalSec=1h\nReloadLimitBurst=1\n")
    host.box.run("systemctl daemon-reexec; systemctl daemon-reload")

    done = host.apply(expect=6)

    assert "apply stopped while reloading systemd" in done.stderr
    assert "the apply record is kept" in done.stderr
    assert "debvisor-timers recover" in done.stderr
    host.box.run(f"rm {limit}; kill -TERM 1")  # systemd executes itself anew, as for daemon-reexec
    host.box.wait_until("systemctl daemon-reload", 10, "systemd takes reloads again")
    assert "everything is as it was before it" in host.cli("recover").stdout
    assert host.picture() == before
    assert host.started() == []


def test_a_stopped_bus_is_no_obstacle_for_root(host: Host) -> None:
    """`apply` can talk to PID 1 itself: a host in trouble must be mendable."""
    host.box.run("systemctl stop dbus.socket dbus.service")
    host.apply()
    assert_after(host, "without a bus")


def test_an_elapse_that_an_apply_held_back_is_in_the_history(host: Host) -> None:
    soon = (
        "jobs:\n  soon:\n    schedule: {on_calendar: '*:*:0/3'}\n"
        "    command: [/usr/bin/touch, /var/soon]\n"
    )
    host.apply(soon)
    host.write(soon.replace("0/3", "1/3"))
    process, _ = stop_apply(host, "writing units")
    due = host.box.run("date +%s").stdout.strip()
    host.box.wait_until(f"test $(date +%s) -ge $(({due} + 4))", 10, "an elapse has passed")
    host.watch()
    host.box.run(["touch", "/run/go-on"])
    assert process.wait(30) == 0

    skipped = [run for run in host.json("history", "soon") if run["outcome"] == "skipped"]
    assert len(skipped) == 1
    assert skipped[0]["reason"] == "an apply held its timer"
    assert skipped[0]["trigger"] == "timer"


def test_an_undo_fires_no_boot_trigger_that_has_passed(host: Host) -> None:
    """systemd fires an OnBootSec= that has passed as soon as its timer is started."""
    boot = "jobs:\n  a: { triggers: [{boot: 1s}], command: [/bin/true] }\n"
    broken = f"  b: {{ {daily(5)}, {FIRED} }}\n"
    host.apply(boot)
    host.box.reboot()
    host.await_run("a", "succeeded")
    before = host.picture()
    host.box.write(
        f"{UNITS}/debvisor-job-b.timer.d/broken.conf", "[Unit]\nConditionPathExists=/nonexistent\n"
    )
    for edit in (boot.replace("1s", "2s"), "jobs:\n"):
        host.apply(edit + broken, expect=5)
        assert host.started() == ["a"]
        assert [line for line in before if line not in host.picture()] == []
