# SPDX-License-Identifier: Apache-2.0
"""Excluded days and maintenance windows: real timers fire, and their runs are skipped."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.box import Box
from tests.system.host import Host

CONFIG = "/etc/debvisor/timers/config.yaml"
ICS = "/etc/debvisor/timers/feasts.ics"
NOW = datetime.now(UTC)


def day(days: int) -> str:
    """Return the date in so many days; never today or tomorrow by a hair's breadth."""
    return f"{NOW + timedelta(days=days):%Y-%m-%d}"


def today() -> str:
    """Return a range that holds the date of today, also where it is soon another."""
    return f"{day(-1)}..{day(1)}"


def jobs(**schedules: str) -> str:
    """Return jobs that leave a file where they ran, and fail; every other second."""
    text = "jobs:\n"
    for job, schedule in schedules.items():
        text += (
            f"  {job}:\n    schedule: {{on_calendar: '*:*:0/2'{schedule}}}\n"
            f"    command: [/bin/sh, -c, 'touch /root/ran-{job}; exit 3']\n"
        )
    return text


def ics(first: str, end: str) -> str:
    """Return a calendar with one whole-day event; the end is exclusive."""
    dates = [text.replace("-", "") for text in (first, end)]
    return (
        "BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//x//y//EN\r\nBEGIN:VEVENT\r\nUID:1\r\n"
        f"SUMMARY:Feast\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;VALUE=DATE:{dates[0]}\r\n"
        f"DTEND;VALUE=DATE:{dates[1]}\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
    )


def has_run(host: Host, job: str) -> bool:
    return host.box.run(f"test -e /root/ran-{job}", check=False).returncode == 0


def by_hand(host: Host, job: str) -> dict[str, Any]:
    """Start a job as the administrator would, and return that run.

    Again where a run of the timer was under way: systemd takes the start for the same one.
    """

    def started() -> list[dict[str, Any]]:
        host.box.run(["systemctl", "start", f"debvisor-job-{job}.service"], check=False)
        return [run for run in host.history(job) if run["trigger"] == "manual"]

    (run,) = host.box.wait_until(started, 20, f"a start of {job} by hand")
    return dict(run)


def skipped(host: Host, job: str) -> dict[str, Any]:
    """Return the last run of a job that was skipped; another may be under way."""
    return dict(host.await_run(job, "skipped")[0])


def failed_units(host: Host) -> str:
    return host.box.run("systemctl --failed --plain --no-legend").stdout


@pytest.fixture
def host(box: Box) -> Host:
    return Host(box)


def test_runs_on_excluded_days_are_skipped_and_told(host: Host) -> None:
    host.box.write(CONFIG, f"calendars:\n  holidays: ['{today()}']\n  feasts: {ICS}\n")
    host.box.write(ICS, ics(day(-1), day(2)))
    host.apply(
        jobs(
            own=f", exclude: ['*-02-29', '{today()}']",
            named=", exclude: holidays",
            feasts=", exclude: [feasts, '2020-01-01']",
            free=f", exclude: '{day(2)}'",
        )
    )

    (own, *_) = host.await_run("own", "skipped", count=2)
    named = skipped(host, "named")
    feasts = skipped(host, "feasts")
    host.await_run("free", "failed")

    assert own["reason"] in {f"excluded: {day(n)}" for n in (-1, 0, 1)}
    assert named["reason"] in {f"excluded: holidays ({day(n)})" for n in (-1, 0, 1)}
    assert feasts["reason"] in {f"excluded: feasts ({day(n)})" for n in (-1, 0, 1)}
    assert (own["trigger"], own["exit_status"]) == ("timer", None)
    assert [job for job in ("own", "named", "feasts", "free") if has_run(host, job)] == ["free"]
    assert host.plan_is_empty()
    host.box.run("systemctl stop debvisor-timers.target")
    host.box.wait_until("! systemctl is-active debvisor-job-free.service | grep -q activating")
    host.box.run("systemctl reset-failed '*-free.service'")
    assert failed_units(host) == ""
    (notice, *_) = host.records("DEBVISOR_JOB=named", "PRIORITY=5")
    assert str(notice["MESSAGE"]).endswith(f"is skipped: {named['reason']}")
    assert f"skipped ({own['reason']})" in host.cli("history", "own").stdout


def test_a_skip_hides_no_result_and_a_run_by_hand_goes_through(host: Host) -> None:
    """Also where the run would not even come to its program: a folder that is not there."""
    excluded = jobs(own=f", exclude: '{today()}'")
    host.apply(excluded)
    host.await_run("own", "skipped", count=2)
    real = by_hand(host, "own")
    assert (real["outcome"], real["exit_status"]) == ("failed", 3)
    assert len({run["scheduled_for"] for run in host.json("history", "own")}) > 2
    before = host.show("debvisor-job-own.timer", "ActiveEnterTimestampMonotonic")
    host.box.run("rm /root/ran-own")

    host.apply(f"{excluded}    working_directory: /opt/nowhere\n")
    skipped = len(host.history("own"))
    host.await_run("own", "skipped", count=skipped + 2)

    assert not has_run(host, "own")
    assert " failed " in host.cli("list").stdout
    assert host.box.read("/var/lib/debvisor-timers/last/own").count(real["run"]) == 1
    assert failed_units(host) == ""
    assert host.show("debvisor-job-own.timer", "ActiveEnterTimestampMonotonic") == before


def test_an_exclusion_that_changes_restarts_no_timer(host: Host) -> None:
    host.apply(jobs(own=""))
    host.await_run("own", "failed")
    before = host.show("debvisor-job-own.timer", "ActiveEnterTimestampMonotonic")

    done = host.apply(jobs(own=f", exclude: '{today()}'"))

    assert "1 updated" in done.stdout
    host.await_run("own", "skipped")
    assert host.show("debvisor-job-own.timer", "ActiveEnterTimestampMonotonic") == before


WINDOWS = """\
maintenance_windows:
  - {{on_calendar: '*:*', duration: 2min, reason: 100% of the cables, jobs: [recurring]}}
  - {{from: '{begin}', until: '{end}', timezone: UTC, reason: kernel updates, jobs: [single, boot]}}
  - {{cron: '0 0 1 1 *', duration: 1s, except: [free]}}
  - {{cron: '* * * * *', duration: 2min, except: [free, single, recurring, boot]}}
"""


def test_runs_in_a_maintenance_window_are_skipped_and_told(host: Host) -> None:
    begin, end = (f"{NOW + timedelta(hours=hours):%Y-%m-%d %H:%M}" for hours in (-2, 2))
    host.box.write(CONFIG, WINDOWS.format(begin=begin, end=end))
    boot = "  boot:\n    triggers: [{boot: 1s}]\n    command: [/bin/touch, /root/ran-boot]\n"
    host.apply(jobs(recurring="", single="", other="", free="") + boot)

    recurring = skipped(host, "recurring")
    single = skipped(host, "single")
    other = skipped(host, "other")
    host.await_run("free", "failed")
    assert [run["reason"] for run in (recurring, single, other)] == [
        "maintenance: 100% of the cables",
        "maintenance: kernel updates",
        "maintenance",
    ]
    assert not any(has_run(host, job) for job in ("recurring", "single", "other"))
    assert host.plan_is_empty()

    assert by_hand(host, "single")["exit_status"] == 3
    assert has_run(host, "single")

    host.box.reboot()
    booted = skipped(host, "boot")
    assert (booted["trigger"], booted["reason"]) == ("boot", "maintenance: kernel updates")
    assert not has_run(host, "boot")
    host.box.run("systemctl stop debvisor-timers.target")
    host.box.wait_until("! systemctl is-active debvisor-job-free.service | grep -q activating")
    host.box.run("systemctl reset-failed '*-free.service'")
    assert failed_units(host) == ""


def test_without_an_answer_of_systemd_a_run_fails_aloud(host: Host) -> None:
    host.box.write(CONFIG, "maintenance_windows: [{cron: '* * * * *', duration: 2min}]\n")
    host.apply(jobs(own=""))
    host.await_run("own", "skipped")
    host.box.run("mv /usr/bin/systemd-analyze /usr/bin/gone")

    (run, *_) = host.await_run("own", "failed")

    assert run["reason"] == (
        "begin: [Errno 2] No such file or directory: '/usr/bin/systemd-analyze'"
    )
    assert run["trigger"] == "timer"
    said = host.box.journal("-u", "debvisor-job-own", "--priority=err..debug")
    assert "no run of own: begin failed: FileNotFoundError" in said
    assert not has_run(host, "own")


@pytest.mark.parametrize(
    ("spoil", "message", "fix"),
    [
        (f"rm {ICS}", f"{ICS}: does not exist", "check the name"),
        (f"echo nonsense >{ICS}", f"{ICS} is no iCalendar file", "export it again"),
        (f"chmod o+w {ICS}", f"'{ICS}' can be changed by others than root", f"chmod go-w {ICS}"),
        (f"chown nobody {ICS}", f"'{ICS}' can be changed by others than root", "chown root"),
    ],
)
def test_a_wrong_calendar_file_stops_the_apply_and_changes_nothing(
    host: Host, spoil: str, message: str, fix: str
) -> None:
    host.box.write(CONFIG, f"calendars:\n  feasts: {ICS}\n")
    host.box.write(ICS, ics(day(5), day(6)))
    host.apply(jobs(own=", exclude: feasts").replace("'*:*:0/2'", "daily"))
    before = host.picture()
    host.box.run(spoil)

    text = jobs(own="", other="").replace("'*:*:0/2'", "hourly")
    said = host.apply(text, expect=3).stderr

    assert f"{CONFIG}:2:11: error: calendars.feasts: {message}" in said
    assert f" fix: {fix}" in said
    assert host.picture() == before


def test_what_the_files_cannot_tell_is_checked_too(host: Host) -> None:
    host.box.write(
        CONFIG,
        "calendars: {past: [2020-05-05]}\n"
        "maintenance_windows:\n"
        "  - {on_calendar: 'Sun 25:00', duration: 4h, jobs: [owns]}\n",
    )
    host.write(jobs(own=", exclude: [past, holydays]"))

    said = host.cli("check", expect=3)

    told = said.stdout + said.stderr
    assert "there is no calendar 'holydays' in config.yaml" in told
    assert "warning: maintenance_windows.jobs: there is no job 'owns'; did you mean 'own'?" in told
    host.write(jobs(own=", exclude: [past]"))
    said = host.cli("check", expect=3)
    told = said.stdout + said.stderr
    assert f"{CONFIG}:3:19: error: maintenance_windows.on_calendar: 'Sun 25:00' is no time" in told
    host.box.write(CONFIG, "calendars: {past: [2020-05-05]}\n")
    said = host.cli("check")
    assert "warning: calendars.past: past has no date after 2020-05-05" in said.stderr
