# SPDX-License-Identifier: Apache-2.0
"""What `next`, `timeline` and `check` say of the future, against what systemd has armed."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from xml.etree.ElementTree import fromstring
from zoneinfo import ZoneInfo

import pytest

from tests.box import Box, Layer
from tests.system.host import Host

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
PLAIN = """\
jobs:
  daily: {schedule: "0 2 * * *", command: [/bin/true]}
  either: {schedule: "30 4 13 * fri", command: [/bin/true]}
  tokyo: {schedule: {cron: "15 7 * * mon-fri", timezone: Asia/Tokyo}, command: [/bin/true]}
  utc: {schedule: {cron: "15 7 1 * *", timezone: UTC}, command: [/bin/true]}
  own-syntax: {schedule: {on_calendar: ["Mon 03:00", "*-*-* 05:00:30"]}, command: [/bin/true]}
  last-day: {schedule: "0 23 L * *", command: [/bin/true]}
"""
# Far from now: what a boot may make up for within the jitter has no delay that could be told.
NOW = datetime.now(ZoneInfo("Europe/Amsterdam"))
JITTER = f"""\
  late: {{schedule: {{cron: "0 {(NOW.hour + 8) % 24} * * *", jitter: 30min}}, command: [/bin/true]}}
  later:
    schedule: {{cron: "0 {(NOW.hour + 10) % 24} * * *", jitter: 2h, catch_up: once}}
    command: [/bin/true]
  latest:
    schedule: {{on_calendar: "{NOW + timedelta(days=4):%a} 05:00 Asia/Tokyo", jitter: 1d}}
    command: [/bin/true]
"""
JITTERS = {"late": timedelta(minutes=30), "later": timedelta(hours=2), "latest": timedelta(days=1)}


@pytest.fixture(scope="module")
def booted(installed: Layer) -> Iterator[Box]:
    """A host in Amsterdam with a user who may look."""
    with Box.boot(installed, hostname="zeus", timezone="Europe/Amsterdam") as box:
        groups = "debvisor-timers,systemd-journal"
        box.run(["useradd", "--create-home", "--groups", groups, "alice"])
        yield box


@pytest.fixture
def host(booted: Box) -> Host:
    """The host, whatever jobs a test before has left."""
    booted.run("rm -f /etc/debvisor/timers/config.yaml")
    return Host(booted)


def armed(host: Host, job: str) -> datetime:
    """Return what systemd has armed, to the microsecond: `systemctl show` says it to the second."""
    unit = f"debvisor-job-{job}.timer".replace("-", "_2d").replace(".", "_2e")
    systemd = "org.freedesktop.systemd1"
    path = f"/org/freedesktop/systemd1/unit/{unit}"
    asked = ["get-property", systemd, path, f"{systemd}.Timer", "NextElapseUSecRealtime"]
    _type, usec = host.box.run(["busctl", *asked]).stdout.split()
    at = EPOCH + timedelta(microseconds=int(usec))
    shown = host.show(f"debvisor-job-{job}.timer", "NextElapseUSecRealtime")
    local = at.astimezone(ZoneInfo("Europe/Amsterdam"))
    assert shown["NextElapseUSecRealtime"] == f"{local:%a %Y-%m-%d %H:%M:%S %Z}"
    return at


def coming(host: Host, *arguments: str) -> list[tuple[str, datetime, datetime]]:
    """Return the runs that `next` shows: job, start, latest start."""
    return [
        (run["job"], *(datetime.fromisoformat(run[key]) for key in ("start", "latest_start")))
        for run in host.json("next", *arguments)
    ]


def first(host: Host, job: str) -> tuple[datetime, datetime]:
    ((_, start, latest),) = coming(host, job, "--count", "1")
    return start, latest


def jobs_of(yaml: str) -> list[str]:
    return list(re.findall(r"^  ([a-z-]+):", yaml, re.MULTILINE))


def test_what_is_shown_before_an_apply_is_what_systemd_arms_by_it(host: Host) -> None:
    host.write(PLAIN + JITTER)
    expected = {job: first(host, job) for job in jobs_of(PLAIN + JITTER)}

    host.apply()

    for job, (start, latest) in expected.items():
        assert latest - start == JITTERS.get(job, timedelta()), job
        assert start <= armed(host, job) <= latest, job


def test_the_delay_of_an_applied_job_is_known_to_the_microsecond(host: Host) -> None:
    host.apply(PLAIN + JITTER)

    found = {job: armed(host, job) for job in jobs_of(PLAIN + JITTER)}
    for job, at in found.items():
        assert first(host, job) == (at, at), job
    delays = {found[job].strftime("%M:%S.%f") for job in JITTERS}
    assert len(delays) == 3, "each job has a delay of its own"

    host.box.run(["systemctl", "daemon-reload"])
    host.box.reboot()
    for job, at in found.items():
        assert armed(host, job) == at, job
        assert first(host, job) == (at, at), job
    runs = coming(host, "late", "--count", "3")
    assert [later[1] - sooner[1] for sooner, later in pairwise(runs)] == [timedelta(days=1)] * 2


def test_an_edit_that_is_not_applied_makes_it_a_window_again(host: Host) -> None:
    host.apply(PLAIN + JITTER)
    host.write(PLAIN + JITTER.replace("30min", "40min"))

    start, latest = first(host, "late")

    assert latest - start == timedelta(minutes=40)
    table = host.cli("next", "late", user="alice").stdout
    assert "JITTER" in table.splitlines()[0]
    assert "+40min" in table


def test_a_run_that_waits_for_its_delay_is_still_to_come(host: Host) -> None:
    soon = host.box.run(["date", "--date=12 seconds", "+%M:%S %s"]).stdout
    second, moment = soon.split()
    due = f"{{schedule: {{on_calendar: '*:{second}', jitter: 59min}}, command: [/bin/true]}}"
    host.apply("jobs:\n" + "".join(f"  wait-{number}: {due}\n" for number in range(5)))
    at, job = max((armed(host, f"wait-{number}"), f"wait-{number}") for number in range(5))

    host.box.wait_until(f"[ $(date +%s) -gt {moment} ]", 20, "the calendar's time has passed")

    assert armed(host, job) == at
    assert first(host, job) == (at, at)
    ((_, _, _), (_, following, _)) = coming(host, job, "--count", "2")
    assert following - at == timedelta(hours=1)


def test_all_jobs_are_one_list_in_order(host: Host) -> None:
    host.apply(PLAIN)

    runs = coming(host, "--count", "30")

    assert len(runs) == 30
    assert [at for _, at, _ in runs] == sorted(at for _, at, _ in runs)
    assert {job for job, at, _ in runs} >= {"daily", "own-syntax"}
    assert runs[0][1] == min(armed(host, job) for job in jobs_of(PLAIN))


def test_an_interval(host: Host) -> None:
    host.apply(PLAIN)

    arguments = ("daily", "--from", "2027-03-27 02:00", "--until", "2027-03-30")
    days = [at.date().day for _, at, _ in coming(host, *arguments)]

    assert days[0] == 27
    assert days[-1] == 29
    wrong = host.cli("next", "--from", "soon", expect=2)
    assert "'soon' is no time that systemd can read" in wrong.stderr


def test_an_expression_is_computed_as_a_job_would_be(host: Host) -> None:
    host.apply(PLAIN)

    cron = coming(host, "--cron", "15 7 * * mon-fri", "--timezone", "Asia/Tokyo", "--count", "5")
    calendar = coming(host, "--on-calendar", "Mon 03:00", "--count", "2")

    assert [at for _, at, _ in cron] == [at for _, at, _ in coming(host, "tokyo")]
    assert [(at.weekday(), at.hour) for _, at, _ in calendar] == [(0, 3), (0, 3)]
    host.cli("next", "--on-calendar", "no such time", expect=2)
    host.cli("next", "--cron", "0 25 * * *", expect=3)


def test_a_timeline_has_the_runs_that_systemd_has_armed(host: Host) -> None:
    host.apply(PLAIN + JITTER)
    at = armed(host, "late")

    line = host.json("timeline", "--day", f"@{int(at.timestamp())}")

    runs = {job["job"]: [run["start"] for run in job["runs"]] for job in line["jobs"]}
    assert datetime.fromisoformat(runs["late"][0]) == at
    picture = host.cli("timeline", "--day", "tomorrow", "--width", "80", user="alice").stdout
    assert "Europe/Amsterdam; a column is 30min" in picture.splitlines()[0]
    assert "daily" in picture
    assert "●" in picture


def test_a_timeline_is_drawn_into_a_file(host: Host) -> None:
    host.apply(PLAIN)
    home = "/home/alice/week.svg"

    host.cli("timeline", "--week", "tomorrow", "--svg", home, user="alice")

    svg = fromstring(host.box.read(home))
    assert svg.tag == "{http://www.w3.org/2000/svg}svg"
    assert "daily" in {text.text for text in svg.iter("{http://www.w3.org/2000/svg}text")}
    denied = host.cli("timeline", "--svg", "/etc/week.svg", user="alice", expect=4)
    assert "cannot write /etc/week.svg: Permission denied" in denied.stderr
    host.cli("timeline", "--svg", "/home", expect=2)


def test_root_does_not_follow_a_link_that_a_user_has_planted(host: Host) -> None:
    host.apply(PLAIN)
    before = host.box.read("/etc/passwd")
    host.box.run(["ln", "-s", "/etc/passwd", "/tmp/day.svg"], user="alice")

    host.cli("timeline", "--svg", "/tmp/day.svg")

    assert host.box.read("/etc/passwd") == before
    kept = host.box.run(["stat", "--format=%F %U %a", "/tmp/day.svg"]).stdout
    assert kept == "regular file root 644\n"


def test_a_check_names_a_crowd_and_what_spreads_it(host: Host) -> None:
    crowd = "".join(
        f'  crowd-{number:02}: {{schedule: "30 2 * * *", command: [/bin/true]}}\n'
        for number in range(40)
    )
    host.write("jobs:\n" + crowd)

    told = host.cli("check", user="alice").stderr

    assert "warning: schedule: 40 runs start in one minute, " in told
    assert "fix: spread them: write jitter: 5min in these schedules" in told
    host.box.write("/etc/debvisor/timers/config.yaml", "defaults: {schedule: {jitter: 5min}}\n")
    assert "start in one minute" not in host.cli("check").stderr
    assert "start in one minute" not in host.apply().stderr


def test_a_check_names_a_time_that_does_not_exist(host: Host) -> None:
    """systemd agrees: the day of the change is missing among its elapses."""
    host.write("jobs:\n  a: {schedule: {on_calendar: '02:30'}, command: [/bin/true]}\n")

    told = host.cli("check").stderr

    lost = told.partition("02:30 does not exist on ")[2].split()[0]
    before = datetime.fromisoformat(f"{lost}T00:00+01:00") - timedelta(days=1)
    (_, one, _), (_, two, _) = coming(
        host, "a", "--from", f"@{int(before.timestamp())}", "--count", "2"
    )
    assert two - one > timedelta(hours=40)
    assert lost not in {f"{one:%Y-%m-%d}", f"{two:%Y-%m-%d}"}


def test_a_jitter_that_would_swallow_runs_is_refused(host: Host) -> None:
    job = "{schedule: {on_calendar: '*:0/10', jitter: 10min}, command: [/bin/true]}"

    refused = host.apply(f"jobs:\n  a: {job}\n", expect=3)

    assert "10min is not shorter than 10min, the time between two runs" in refused.stderr
