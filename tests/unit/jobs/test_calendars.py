# SPDX-License-Identifier: Apache-2.0
"""Calendars and maintenance windows of config.yaml, and the jobs that name them."""

from __future__ import annotations

import os
from datetime import date
from pathlib import Path

import pytest

from debvisor_timers.jobs.calendars import outdated
from debvisor_timers.jobs.load import Definitions, load_definitions
from debvisor_timers.jobs.windows import MaintenanceWindow
from tests.unit.jobs.test_config import load, messages
from tests.unit.jobs.test_ics import calendar

JOB = "jobs:\n  a:\n    script: x\n    schedule: {{cron: '@daily', exclude: {}}}\n"
FREE = "jobs: {a: {script: x}}\n"


def test_the_days_of_a_calendar_are_sorted_and_joined(tmp_path: Path) -> None:
    config = (
        "calendars:\n  holidays: ['*-01-01', 2026-12-26, 2026-12-25, '*-12-25']\n  none: []\n"
        "  one: 2026-05-05\n"
    )

    definitions = load(tmp_path, config, JOB.format("[holidays, 2026-12-24]")).require()

    assert definitions.calendars == {
        "holidays": ("2026-12-25..2026-12-26", "*-01-01", "*-12-25"),
        "none": (),
        "one": ("2026-05-05",),
    }
    schedule = definitions.jobs["a"].schedule
    assert schedule is not None
    assert schedule.exclude == ("holidays", "2026-12-24")


def test_a_calendar_comes_from_a_file(tmp_path: Path) -> None:
    path = tmp_path / "feasts.ics"
    path.write_text(calendar("DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261228"))

    definitions = load(tmp_path, f"calendars: {{feasts: {path}}}\n", JOB.format("feasts")).require()

    assert definitions.calendars == {"feasts": ("2026-12-25..2026-12-27",)}
    assert definitions.calendar_files == (path,)
    assert path not in definitions.sources


@pytest.mark.parametrize(
    ("event", "message", "fix"),
    [
        (
            "DTSTART:20270101T000000Z\nDURATION:P999999999W",
            "is no iCalendar file: Python int too large",
            "export it again from the program that made it, or correct it",
        ),
        (
            "DTSTART;VALUE=DATE:00010101\nRRULE:FREQ=DAILY",
            "has too many recurring events",
            "keep only the days that jobs leave out",
        ),
    ],
)
def test_a_file_that_cannot_be_used_is_told_at_its_place(
    tmp_path: Path, event: str, message: str, fix: str
) -> None:
    path = tmp_path / "feasts.ics"
    path.write_text(calendar(event))

    definitions = load(tmp_path, f"calendars: {{feasts: {path}}}\n", FREE)

    (problem,) = definitions.problems
    assert messages(definitions)[0].startswith(
        f"config.yaml:1:21 calendars.feasts: {path} {message}"
    )
    assert problem.fix == fix


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ("{holidays: [2026-02-30]}", "1:32 calendars.holidays: day 30 is outside 1-28, the days"),
        ("{holidays: other}", "1:23 calendars.holidays: 'other' is no date; a calendar cannot"),
        ("{holidays: x.ics}", "1:23 calendars.holidays: 'x.ics' is not an absolute path"),
        ("{holidays: [/x.ics, 2026-05-05]}", "1:23 calendars.holidays: has a file among its"),
        ("{Holidays: []}", "1:13 calendars: 'Holidays' is not a name of a calendar"),
        ("{2026-12-25: []}", "1:13 calendars: '2026-12-25' is not a name of a calendar"),
        ("[a]", "1:12 calendars: a list is not a mapping"),
        ("{holidays: }", "1:13 calendars.holidays: has no value"),
        ("{holidays: /no/such.ics}", "1:23 calendars.holidays: /no/such.ics: does not exist"),
        ("{holidays: /etc}", "1:23 calendars.holidays: /etc: is a directory, not"),
    ],
)
def test_a_wrong_calendar_is_told_at_its_place_and_once(
    tmp_path: Path, config: str, message: str
) -> None:
    """The job that names it is right."""
    definitions = load(tmp_path, f"calendars: {config}\n", FREE)

    (told,) = messages(definitions)
    assert told.startswith(f"config.yaml:{message}")


def test_a_job_that_names_a_wrong_calendar_is_not_blamed(tmp_path: Path) -> None:
    config = "calendars:\n  holidays: /no/such.ics\n  other: [2026-02-30]\n"

    definitions = load(tmp_path, config, JOB.format("[holidays, other]"))

    assert [text.split()[1] for text in messages(definitions)] == ["calendars.other:"]
    assert definitions.calendars == {"holidays": (), "other": ()}


def test_an_unknown_calendar_is_told_in_the_job_with_the_nearest(tmp_path: Path) -> None:
    definitions = load(tmp_path, "calendars: {holidays: []}\n", JOB.format("[holydays]"))

    (problem,) = definitions.problems
    assert messages(definitions) == [
        (
            "a.yaml:4:42 schedule.exclude: there is no calendar 'holydays' in config.yaml; "
            "did you mean 'holidays'?"
        )
    ]
    assert problem.fix == "write holidays, or add holydays to calendars"
    assert definitions.jobs == {}


def test_exclusions_of_the_defaults_count_where_a_schedule_has_none(tmp_path: Path) -> None:
    config = "calendars: {holidays: []}\ndefaults: {schedule: {exclude: holidays}}\n"
    jobs = (
        "jobs:\n  a: {script: x, schedule: '@daily'}\n  c: {script: x}\n"
        "  b: {script: x, schedule: {cron: '@daily', exclude: []}}\n"
    )

    found = load(tmp_path, config, jobs).require().jobs

    assert found["a"].schedule is not None
    assert found["b"].schedule is not None
    assert (found["a"].schedule.exclude, found["b"].schedule.exclude) == (("holidays",), ())
    assert found["c"].schedule is None


def test_an_unknown_calendar_of_the_defaults_is_told_there_and_once(tmp_path: Path) -> None:
    config = "defaults: {schedule: {exclude: [nope, 2026-05-05, 2026-05-05]}}\n"
    jobs = "jobs:\n  a: {script: x, schedule: '@daily'}\n  b: {script: x, schedule: '@daily'}\n"

    definitions = load(tmp_path, config, jobs)

    assert messages(definitions) == [
        "config.yaml:1:33 defaults.schedule.exclude: there is no calendar 'nope' in config.yaml",
        "config.yaml:1:51 defaults.schedule.exclude: '2026-05-05' stands here a second time",
    ]
    assert definitions.jobs.keys() == {"a", "b"}


@pytest.mark.skipif(os.geteuid() != 0, reason="gives files away: runs in the box")
@pytest.mark.parametrize("mode", [0o646, 0o664])
def test_a_file_that_others_can_change_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "feasts.ics"
    path.write_text(calendar())
    path.chmod(mode)
    os.chown(path, 0, 1000)

    definitions = load(tmp_path, f"calendars: {{feasts: {path}}}\n", FREE)

    (problem,) = definitions.problems
    assert problem.message == f"'{path}' can be changed by others than root"
    assert (problem.span.column, problem.fix) == (21, f"chmod go-w {path}")


def test_a_file_that_is_no_calendar_is_told_at_its_place(tmp_path: Path) -> None:
    path = tmp_path / "feasts.ics"
    path.write_text("hello\n")

    definitions = load(tmp_path, f"calendars: {{feasts: {path}}}\n", JOB.format("feasts"))

    (told,) = messages(definitions)
    assert told.startswith(f"config.yaml:1:21 calendars.feasts: {path} is no iCalendar file: ")
    assert definitions.calendar_files == (path,)


def test_a_calendar_whose_days_have_passed_is_outdated_where_a_job_uses_it(tmp_path: Path) -> None:
    config = (
        "calendars: {past: [2025-12-26], empty: [], yearly: ['*-12-25', 2020-01-01],"
        " next: [2026-12-25], unused: [2020-01-01]}\n"
    )
    definitions = load(tmp_path, config, JOB.format("[past, empty, yearly, next]")).require()

    found = outdated(definitions.calendars, definitions.jobs.values(), today=date(2026, 12, 25))

    assert [(one.path, one.message) for one in found] == [
        (("calendars", "empty"), "empty has no date from 2026 to 2045"),
        (("calendars", "past"), "past has no date after 2025-12-26"),
    ]


# --- maintenance windows -------------------------------------------------------------------------


def windows(tmp_path: Path, text: str, jobs: str = FREE) -> Definitions:
    return load(tmp_path, f"maintenance_windows: {text}\n", jobs)


@pytest.mark.parametrize(
    ("window", "message"),
    [
        ("{duration: 4h}", "has no beginning"),
        ("{cron: '@daily', on_calendar: daily, duration: 4h}", "has more than one beginning"),
        ("{cron: '@daily', from: 2026-12-01 22:00, until: 2026-12-02 04:00}", "has more than one"),
        ("{cron: '@daily'}", "has no end"),
        ("{cron: '@daily', until: 2026-12-02 04:00}", "has until without from"),
        ("{cron: '@daily', duration: 10ms}", "lasts less than a second"),
        ("{from: 2026-12-01 22:00}", "has no end"),
        ("{from: 2026-12-01 22:00, duration: 4h}", "has from and duration"),
        ("{from: 2026-12-01 22:00, until: 2026-12-01 22:00}", "ends before it begins"),
        (
            "{on_calendar: 'Sun 01:00 Asia/Tokyo', duration: 4h, timezone: UTC}",
            "'Sun 01:00 Asia/Tokyo' has a time zone, and so has the key timezone",
        ),
        ("{cron: '@daily', duration: 4h, jobs: [a], except: [b]}", "has both jobs and except"),
        ("{cron: '0 25 * * *', duration: 4h}", "hour 25 is outside 0-23"),
        ("{cron: '@daily', duration: infinity}", "infinity is not allowed here"),
        ("{from: tomorrow, until: 2026-12-01 22:00}", "'tomorrow' is no date with a time"),
        ("{from: 2026-12-01 25:00, until: 2026-12-02 04:00}", "'2026-12-01 25:00': hour must be"),
        ("{from: 0001-12-01 22:00, until: 2026-12-02 04:00}", "year 0001 is outside 1970-2199"),
        ("{cron: '@daily', duration: 4h, form: x}", "unknown key 'form'; did you mean 'from'?"),
        ("{cron: '@daily', duration: 4h, from_: x}", "unknown key 'from_'; did you mean 'from'?"),
        ("{cron: '@daily', duration: 4h, except: [A]}", "'A' is not a job id"),
        ("{cron: '@daily', duration: 4h, reason: 'a\\'}", "ends with a backslash"),
    ],
)
def test_a_wrong_window_is_told_at_its_place(tmp_path: Path, window: str, message: str) -> None:
    (problem,) = windows(tmp_path, f"[{window}]").problems

    assert problem.message.startswith(message)
    assert problem.span.line == 1
    assert problem.span.column >= 22


def test_a_window_concerns_all_jobs_but_those_that_it_leaves_out() -> None:
    whole = {"cron": "@daily", "duration": "4h"}
    one = MaintenanceWindow.model_validate({**whole, "jobs": ["a"]})
    but = MaintenanceWindow.model_validate({**whole, "except": ["a"]})
    every = MaintenanceWindow.model_validate(whole)

    assert [window.concerns("a") for window in (one, but, every)] == [True, False, True]
    assert [window.concerns("b") for window in (one, but, every)] == [False, True, True]


def test_a_job_that_no_file_defines_is_a_warning(tmp_path: Path) -> None:
    """A job with a mistake is defined."""
    text = "[{cron: '@daily', duration: 4h, jobs: [a, nightly]}]"

    definitions = windows(tmp_path, text, "jobs: {nightl: {script: x}, a: {scrpt: x}}\n")

    (warning,) = [problem for problem in definitions.problems if not problem.is_error]
    assert str(warning.span).endswith("config.yaml:1:64")
    assert warning.message == "there is no job 'nightly'; did you mean 'nightl'?"
    assert warning.key == "maintenance_windows.jobs"


def test_without_a_config_there_is_no_calendar_and_no_window(tmp_path: Path) -> None:
    definitions = load_definitions(tmp_path)

    assert (definitions.calendars, definitions.calendar_files) == ({}, ())
    assert definitions.config.maintenance_windows == ()
