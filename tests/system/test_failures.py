# SPDX-License-Identifier: Apache-2.0
"""An apply that is interrupted or fails for what the host lacks: all as before, and said so."""

from __future__ import annotations

import math
from itertools import cycle
from time import monotonic

import pytest

from tests.box import Box
from tests.system.cut_off import COMMITTED, HALF_OF_THE_UNITS, UNDONE, stop_apply
from tests.system.great_change import AFTER, FIRED, JOBS_BEFORE, assert_after, daily, prepared
from tests.system.host import STATE, UNITS, Host


@pytest.fixture
def host(box: Box) -> Host:
    return prepared(box)


def test_a_signal_at_any_step_undoes_it_and_says_so(host: Host) -> None:
    before = host.picture()
    for place, signal in zip(UNDONE, cycle(["INT", "TERM", "HUP"]), strict=False):
        process, pid = stop_apply(host, place)
        host.box.run(["kill", f"-{signal}", pid])
        _, said = process.communicate(timeout=120)

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
    assert process.wait(120) == 130
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
    began = monotonic()
    host.apply()
    # Time for an apply, and for the beginning of another.
    seconds = 3 + math.ceil(3 * (monotonic() - began))
    soon = host.box.run(f"date -d '{seconds} seconds' '+%Y-%m-%d %H:%M:%S'").stdout.strip()
    job = f"jobs:\n  soon: {{schedule: {{on_calendar: '{soon}'}}, {FIRED}}}\n"
    host.apply(job)
    host.write(job.replace(soon, "2099-01-01"))
    process, _ = stop_apply(host, "writing units")
    host.box.wait_until(f'test "$(date "+%Y-%m-%d %H:%M:%S")" ">" "{soon}"', 90, "it has passed")
    host.box.run(["touch", "/run/go-on"])
    assert process.wait(120) == 0

    (skipped,) = host.json("history", "soon")
    assert (skipped["outcome"], skipped["trigger"]) == ("skipped", "timer")
    assert skipped["reason"] == "an apply held its timer"
    assert skipped["scheduled_for"] == soon.replace(" ", "T") + "+00:00"
    assert host.started() == []


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
