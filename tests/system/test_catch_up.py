# SPDX-License-Identifier: Apache-2.0
"""What a timer that was down missed: one run for catch_up: once, none for skip."""

from __future__ import annotations

import pytest

from tests.box import Box

JOBS = """\
jobs:
  once:
    schedule: {cron: "CRON", catch_up: once}
    command: [/bin/echo, ran]
  skip:
    schedule: {cron: "CRON", catch_up: skip}
    command: [/bin/echo, ran]
"""


def missed(minutes: int) -> str:
    """Return a shell word that is a cron expression for `minutes` ago, in the box's UTC."""
    return f"$(date -u -d '{minutes} minutes ago' '+%-M %-H * * *')"


@pytest.fixture
def applied(box: Box) -> Box:
    """Return a box whose two jobs were due five minutes ago, before they were applied."""
    box.write("/etc/debvisor/timers/jobs.d/a.yaml", JOBS)
    box.run(f'sed -i "s/CRON/{missed(5)}/" /etc/debvisor/timers/jobs.d/a.yaml')
    box.run("debvisor-timers apply")
    return box


def ran(box: Box) -> list[str]:
    """Return the jobs that have a run, in order of their names."""
    return [
        job
        for job in ("once", "skip")
        if box.run(f"debvisor-timers history {job} --json").stdout.strip() != "[]"
    ]


def age_stamps(box: Box) -> None:
    box.run("touch -d '1 hour ago' /var/lib/systemd/timers/stamp-debvisor-job-*.timer")


def settle(box: Box) -> None:
    """Wait until nothing is queued or running any more."""
    box.wait_until(
        'test -z "$(systemctl list-jobs --no-legend)" &&'
        " test -z \"$(systemctl list-units --no-legend --state=activating 'debvisor-job-*')\"",
        20,
        "systemd has nothing left to do",
    )


def test_a_new_job_does_not_catch_up(applied: Box) -> None:
    settle(applied)

    assert ran(applied) == []


def test_a_boot_catches_up_once_where_the_job_asks_for_it(applied: Box) -> None:
    applied.shutdown()
    applied_stamps = applied.path / "var/lib/systemd/timers"
    assert len(list(applied_stamps.glob("stamp-debvisor-job-*.timer"))) == 2
    applied.start()
    settle(applied)
    assert ran(applied) == [], "the stamps were touched by apply, after the jobs were due"

    age_stamps(applied)
    applied.power_cut()
    applied.start()
    settle(applied)
    assert ran(applied) == ["once"]

    applied.reboot()
    settle(applied)
    assert len(applied.run("debvisor-timers history once --json").stdout.split('"run":')) == 2


def test_taking_the_emergency_brake_off_fires_no_job_that_skips(applied: Box) -> None:
    """Also a timer that was stopped by the brake while it was loaded, and was due meanwhile."""
    applied.run("systemctl stop debvisor-timers.target")
    age_stamps(applied)
    applied.run("systemctl start debvisor-timers.target")
    settle(applied)

    assert ran(applied) == ["once"]
    assert "active" in applied.run("systemctl is-active 'debvisor-job-*.timer'").stdout


def test_an_edit_fires_nothing_though_the_new_time_was_missed(applied: Box) -> None:
    age_stamps(applied)
    applied.run(
        f'sed -i "s/cron: \\"[^\\"]*\\"/cron: \\"{missed(2)}\\"/"'
        " /etc/debvisor/timers/jobs.d/a.yaml"
    )
    changed = applied.run("debvisor-timers apply").stdout
    assert "2 updated" in changed
    settle(applied)

    assert ran(applied) == []


def test_reloading_systemd_fires_nothing(applied: Box) -> None:
    age_stamps(applied)
    applied.run("systemctl daemon-reload")
    applied.run("systemctl daemon-reexec")
    settle(applied)

    assert ran(applied) == []


def test_a_timer_started_again_by_hand_fires_no_job_that_skips(applied: Box) -> None:
    applied.run("systemctl stop debvisor-job-skip.timer")
    age_stamps(applied)
    applied.run("systemctl start debvisor-job-skip.timer")
    settle(applied)

    assert ran(applied) == []
    assert applied.run("systemctl is-active debvisor-job-skip.timer").stdout == "active\n"
