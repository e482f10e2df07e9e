# SPDX-License-Identifier: Apache-2.0
"""check_draft: what `check` says of a file, before there is one; and the next runs."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from debvisor_timers.operations.coming.clock_days import clock_change
from debvisor_timers.operations.editing.draft import Draft, DraftCheck, check_draft
from tests.unit.operations.world import World

GOOD = """\
jobs:
  backup:
    schedule: {cron: "30 1 * * *", timezone: Europe/Amsterdam}
    command: [/bin/true]
"""


def checked(world: World, text: str, job_id: str = "backup") -> DraftCheck:
    return check_draft(world.host, Draft(name="backup.yaml", text=text, job_id=job_id))


def places(check: DraftCheck) -> list[str]:
    return [str(problem.span.file.name) + f":{problem.span.line}" for problem in check.problems]


def test_a_draft_is_told_in_words_with_five_runs(world: World) -> None:
    check = checked(world, GOOD)

    assert check.problems == ()
    assert check.schedule == "every day at 01:30 Europe/Amsterdam"
    assert [f"{run.local:%d %H:%M %Z}" for run in check.runs] == [
        "24 01:30 CET",
        "25 01:30 CET",
        "26 01:30 CET",
        "27 01:30 CET",
        "28 01:30 CET",
    ]


def test_nothing_of_a_draft_stays(world: World) -> None:
    before = world.picture()

    checked(world, GOOD)

    assert world.picture() == before
    assert list(world.layout.jobs.iterdir()) == []


def test_a_name_that_leads_elsewhere_writes_nothing_there(world: World, tmp_path: Path) -> None:
    away = tmp_path / "away.yaml"
    for name in (str(away), "../away.yaml", "no/such/folder.yaml", "config.yaml", "x" * 300):
        draft = Draft(name=name, text=GOOD, job_id="backup")

        assert check_draft(world.host, draft).problems == ()

    assert not away.exists()


def test_problems_have_the_place_where_the_file_is_going_to_be(world: World) -> None:
    check = checked(world, GOOD.replace("30 1", "30 25").replace("command", "comand"))

    assert check.has_errors
    assert {problem.span.file for problem in check.problems} == {world.layout.jobs / "backup.yaml"}
    assert [(problem.span.line, problem.span.column) for problem in check.problems] == [
        (3, 26),
        (4, 5),
    ]
    assert check.problems[0].message == "hour 25 is outside 0-23"


def test_a_text_that_is_no_yaml_is_a_problem_in_its_line(world: World) -> None:
    check = checked(world, "jobs:\n  backup: [\n")

    assert check.has_errors
    assert check.runs == ()


def test_a_job_that_is_in_no_file_is_told(world: World) -> None:
    world.write("jobs:\n  quiesce: {command: [/bin/true]}\n")
    text = GOOD + "    depends_on: [quiesce, quiese]\n"

    check = checked(world, text)

    assert [(str(one.span)[-17:], one.message) for one in check.problems] == [
        (
            "/backup.yaml:5:27",
            "there is no job 'quiese'; backup requires quiese; did you mean 'quiesce'?",
        )
    ]


def test_a_program_that_is_not_there_is_told(world: World) -> None:
    check = checked(world, GOOD.replace("/bin/true", "/no/such/program"))

    assert "/no/such/program" in check.problems[0].message
    assert places(check) == ["backup.yaml:4"]


def test_a_schedule_is_told_while_the_rest_is_wrong(world: World) -> None:
    check = checked(world, 'jobs:\n  backup:\n    schedule: "0 4 * * 1"\n')

    assert check.has_errors
    assert check.schedule == "Mondays at 04:00"
    assert f"{check.runs[0].local:%Y-%m-%d %H:%M}" == "2026-11-30 04:00"


def test_a_run_on_a_day_of_a_clock_change_is_marked(world: World) -> None:
    world.systemd.advance_to(datetime(2027, 3, 26, 12, tzinfo=UTC))

    runs = checked(world, GOOD).runs

    assert [run.clock_change for run in runs] == [
        "",
        "clocks go forward on this day, from 02:00 to 03:00",
        "",
        "",
        "",
    ]


@pytest.mark.parametrize(
    ("day", "zone", "words"),
    [
        (date(2026, 10, 25), "Europe/Amsterdam", "back on this day, from 03:00 to 02:00"),
        (date(2026, 10, 4), "Australia/Lord_Howe", "forward on this day, from 02:00 to 02:30"),
        (date(2026, 10, 26), "Europe/Amsterdam", ""),
        (date(2026, 10, 25), "UTC", ""),
    ],
)
def test_clock_changes(day: date, zone: str, words: str) -> None:
    change = clock_change(day, ZoneInfo(zone))

    assert (change.words if change else "") == (f"clocks go {words}" if words else "")
