# SPDX-License-Identifier: Apache-2.0
"""What a timer that was down missed: one run, one that is not too old, or none; by its jitter."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import pytest

from tests.box import Box, Layer

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


def history(box: Box, job: str) -> list[dict[str, Any]]:
    """Return the runs of a job as `history --json` has them, the last one first."""
    box.run(["journalctl", "--sync"])
    page = box.run(f"debvisor-timers history {job} --limit 100 --json").stdout
    found: list[dict[str, Any]] = json.loads(page)
    return found


def ran(box: Box) -> list[str]:
    """Return the jobs that have a run, in order of their names."""
    return [job for job in ("once", "skip") if history(box, job)]


def age_stamps(box: Box) -> None:
    box.run("touch -d '1 hour ago' /var/lib/systemd/timers/stamp-debvisor-job-*.timer")


def settle(box: Box) -> None:
    """Wait until nothing is queued or running any more, and what it noted can be read."""
    box.wait_until(
        'test -z "$(systemctl list-jobs --no-legend)" &&'
        " test -z \"$(systemctl list-units --no-legend --state=activating 'debvisor-job-*')\"",
        60,
        "systemd has nothing left to do",
    )
    box.run("journalctl --sync")


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
    assert len(history(applied, "once")) == 1


def test_a_run_that_makes_up_for_a_time_is_told_with_that_time(applied: Box) -> None:
    """After a boot, after the brake, and for `within`; ordinary runs stay runs of the timer."""
    cron = applied.read("/etc/debvisor/timers/jobs.d/a.yaml").split('cron: "')[1]
    minute, hour = map(int, cron.split()[:2])
    for begin in ("boot", "brake"):
        if begin == "boot":
            age_stamps(applied)
            applied.power_cut()
            applied.start()
        else:
            applied.run("systemctl stop debvisor-timers.target")
            age_stamps(applied)
            applied.run("systemctl start debvisor-timers.target")
        settle(applied)
        run = history(applied, "once")[0]
        due = datetime.fromisoformat(run["scheduled_for"])
        assert (run["trigger"], due.hour, due.minute) == ("catch_up", hour, minute), begin
        assert timedelta(0) < datetime.fromisoformat(run["start"]) - due < timedelta(minutes=15)
    assert "catch-up" in applied.run("debvisor-timers history once").stdout
    note = applied.read("/var/lib/debvisor-timers/last/once")
    assert "DEBVISOR_TRIGGER=catch_up\n" in note

    applied.run("debvisor-timers run --wait once")
    assert history(applied, "once")[0]["trigger"] == "manual"


SOON = """\
jobs:
  soon:
    schedule: {on_calendar: "*-*-* *:*:00/5", catch_up: once}
    command: [/bin/sh, -c, 'echo $DEBVISOR_TRIGGER $DEBVISOR_SCHEDULED_FOR']
"""


def test_right_after_its_catch_up_a_timer_starts_ordinary_runs(box: Box) -> None:
    box.write("/etc/debvisor/timers/jobs.d/a.yaml", SOON)
    box.run("debvisor-timers apply; systemctl stop debvisor-timers.target")
    settle(box)
    for _ in range(10):
        before = len(history(box, "soon"))  # a time may have come during the apply
        # A time that is missed in truth: systemd goes by the end of the last run, if it knows that
        # (DeferReactivation=), and not by an older stamp.
        for second in (4, 1):
            box.run(f"until [ $(($(date +%s) % 5)) = {second} ]; do sleep 0.05; done")
        box.run("systemctl start debvisor-timers.target")
        box.wait_until(partial(has_run, box, "soon", before + 3), 60, "some runs")
        box.run("systemctl stop debvisor-timers.target")
        settle(box)
        since = history(box, "soon")[::-1][before:]
        first, *others = [run["trigger"] for run in since]
        # Where starting took so long that the next time came with it, the run is for that.
        if first == "catch_up":
            break
    assert (first, set(others)) == ("catch_up", {"timer"})
    for run in since:
        due = datetime.fromisoformat(run["scheduled_for"])
        assert due.second % 5 == 0
        assert timedelta(0) <= datetime.fromisoformat(run["start"]) - due < timedelta(seconds=5)
    said = box.journal("-u", "debvisor-job-soon.service", "-o", "cat")
    due = datetime.fromisoformat(since[0]["scheduled_for"]).astimezone(UTC)
    assert f"catch_up {due:%Y-%m-%dT%H:%M:%SZ}" in said


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


# Due twice while the host is off: once within the hour before the boot, once hours earlier.
WITHIN = """\
jobs:
  day: {schedule: {cron: "CRON", catch_up: {within: 1d}}, command: [/bin/true]}
  hour: {schedule: {cron: "CRON", catch_up: {within: 1h}}, command: [/bin/true]}
  minute: {schedule: {cron: "CRON", catch_up: {within: 1min}}, command: [/bin/true]}
"""


def has_run(box: Box, job: str, times: int) -> bool:
    return len(runs(box, job)) >= times


def runs(box: Box, job: str) -> list[datetime]:
    """Return the starts of all runs of a job, the last one first."""
    return [datetime.fromisoformat(run["start"]) for run in history(box, job)]


def apply(box: Box, yaml: str, minutes: int) -> None:
    """Apply `yaml` with the jobs due so many minutes ago."""
    box.write("/etc/debvisor/timers/jobs.d/a.yaml", yaml)
    box.run(f'sed -i "s/CRON/{missed(minutes)}/" /etc/debvisor/timers/jobs.d/a.yaml')
    box.run("debvisor-timers apply")


def test_a_run_that_was_missed_too_long_ago_is_not_made_up_for(box: Box) -> None:
    """Due 5 minutes ago, and three days of the same before: one run, or none for a minute."""
    apply(box, WITHIN, minutes=5)
    settle(box)
    assert [len(runs(box, job)) for job in ("day", "hour", "minute")] == [0, 0, 0]

    box.shutdown()
    box.run("touch -d '3 days ago' /var/lib/systemd/timers/stamp-debvisor-job-*.timer")
    box.start()
    settle(box)
    assert [len(runs(box, job)) for job in ("day", "hour", "minute")] == [1, 1, 0]

    box.reboot()
    settle(box)
    assert [len(runs(box, job)) for job in ("day", "hour", "minute")] == [1, 1, 0]


def test_taking_the_emergency_brake_off_makes_up_for_nothing_that_is_too_old(box: Box) -> None:
    apply(box, WITHIN, minutes=90)
    box.run("systemctl stop debvisor-timers.target")
    age_stamps(box)
    box.run("touch -d '3 days ago' /var/lib/systemd/timers/stamp-debvisor-job-*.timer")
    box.run("systemctl start debvisor-timers.target")
    settle(box)

    assert [len(runs(box, job)) for job in ("day", "hour", "minute")] == [1, 0, 0]


JITTER = '{cron: "CRON", catch_up: once, jitter: 8s}'
MANY = 6


def last_trigger(box: Box, job: str) -> int:
    """Return when the timer of a job has elapsed last, in seconds since 1970."""
    shown = f"systemctl show -P LastTriggerUSec debvisor-job-{job}.timer"
    return int(box.run(f'date --date="$({shown})" +%s').stdout)


def test_jobs_that_catch_up_start_by_their_jitter_after_the_boot(box: Box) -> None:
    jobs = [f"  j{n}: {{schedule: {JITTER}, command: [/bin/true]}}" for n in range(MANY)]
    apply(box, "\n".join(["jobs:", *jobs, ""]), minutes=5)
    box.shutdown()
    box.run("touch -d '1 hour ago' /var/lib/systemd/timers/stamp-debvisor-job-*.timer")
    box.start()
    names = [f"j{n}" for n in range(MANY)]
    box.wait_until(lambda: all(runs(box, job) for job in names), 20, "all have caught up")

    # When systemd fired, not when the program began: six at once take their time.
    fired = sorted(last_trigger(box, job) for job in names)
    assert fired[-1] - fired[0] <= 8 + 1
    assert len(set(fired)) > 2
    assert all(len(runs(box, job)) == 1 for job in names)


def delays(box: Box) -> list[str]:
    """Return when each timer elapses next, with its delay."""
    shown = "systemctl show -P NextElapseUSecRealtime debvisor-job-a.timer debvisor-job-b.timer"
    return box.run(shown).stdout.split("\n\n")


def test_a_jitter_stays_across_reloads_reboots_and_applies_and_differs_between_hosts(
    installed: Layer,
) -> None:
    yaml = """\
jobs:
  a: {schedule: {cron: "0 3 * * *", jitter: 1h}, command: [/bin/true]}
  b: {schedule: {cron: "0 3 * * *", jitter: 1h}, command: [/bin/true]}
"""
    found = []
    for machine in ("1" * 32, "2" * 32):
        with Box.boot(installed, machine_id=machine) as box:
            apply(box, yaml, minutes=0)
            first = delays(box)
            box.run("systemctl daemon-reload")
            assert delays(box) == first
            box.run("sed -i 's,/bin/true,/bin/false,' /etc/debvisor/timers/jobs.d/a.yaml")
            assert "2 updated" in box.run("debvisor-timers apply").stdout
            assert delays(box) == first
            box.reboot()
            assert delays(box) == first
            found += first
    assert len(set(found)) == 4


def test_the_host_wide_default_of_the_jitter_counts_for_jobs_that_say_nothing(box: Box) -> None:
    box.write("/etc/debvisor/timers/config.yaml", "defaults: {schedule: {jitter: 10min}}\n")
    jobs = """\
jobs:
  a: {schedule: "0 3 * * *", command: [/bin/true]}
  b: {schedule: {cron: "0 3 * * *", jitter: 0}, command: [/bin/true]}
"""
    apply(box, jobs, minutes=0)

    shown = "systemctl show -P RandomizedDelayUSec debvisor-job-{}.timer"
    assert box.run(shown.format("a")).stdout == "10min\n"
    assert box.run(shown.format("b")).stdout == "0\n"


def test_a_job_that_is_enabled_again_does_not_catch_up(box: Box) -> None:
    yaml = 'jobs:\n  a: {schedule: {cron: "CRON", catch_up: once}, command: [/bin/true]}\n'
    apply(box, yaml, minutes=5)
    box.run("sed -i 's/command/enabled: false, command/' /etc/debvisor/timers/jobs.d/a.yaml")
    box.run("debvisor-timers apply")
    age_stamps(box)
    box.run("sed -i 's/enabled: false, //' /etc/debvisor/timers/jobs.d/a.yaml")
    assert "1 updated" in box.run("debvisor-timers apply").stdout
    settle(box)

    assert runs(box, "a") == []
