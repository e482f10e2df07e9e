# SPDX-License-Identifier: Apache-2.0
"""timeline: what history tells of the time before now, and calendars of what comes later."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from debvisor_timers.errors import NotFoundError, PermissionRefusedError
from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.outcome import RunOutcome, Trigger
from debvisor_timers.operations.coming.cells import cells, edges
from debvisor_timers.operations.coming.timeline import Row, Timeline, timeline
from tests.unit.operations.ran import OTHER_BOOT, Ran, ran, swallowed
from tests.unit.operations.world import World

NOW = datetime(2026, 11, 23, 12, 0, 7, tzinfo=UTC)
"""The time of the world."""
HOUR, MINUTE = timedelta(hours=1), timedelta(minutes=1)
THREE = "jobs: {a: {schedule: '0 */3 * * *', command: [/bin/true]}}\n"


def at(text: str, day: int = 23) -> datetime:
    return datetime.fromisoformat(f"2026-11-{day}T{text}:00+00:00")


def of(world: World, text: str, *jobs: str, day: datetime = NOW, days: int = 1) -> Timeline:
    world.write(text)
    return timeline(world.host, jobs, day=day, days=days)


def past(row: Row) -> list[tuple[str, str]]:
    """Return when each past run started, and how it ended."""
    return [
        (f"{datetime.fromtimestamp(run.start, UTC):%d %H:%M}", str(run.outcome)) for run in row.past
    ]


def shown(line: Timeline, row: Row, hours: int = 1) -> dict[int, str]:
    """Return what stands in each cell of so many hours in which something of the past does."""
    bounds = edges(line.start, line.end, "UTC", hours * HOUR)
    found = {}
    for number, cell in enumerate(cells(row, bounds, now=line.now)):
        if cell.result or cell.passing:
            found[number] = str(cell.result) if cell.result else f"passing {cell.passing}"
    return found


def test_before_now_stand_the_runs_that_were_and_after_it_those_that_will_be(world: World) -> None:
    """One was late, one did not take place, and that of 12:00 has not begun."""
    ran(world, "a", Ran(start=at("00:00")), Ran(start=at("03:20"), result="timeout"))

    line = of(world, THREE)

    (row,) = line.rows
    assert line.now == NOW
    assert past(row) == [("23 00:00", "succeeded"), ("23 03:20", "timed_out")]
    assert [f"{run.at:%H:%M}" for run in row.runs] == ["15:00", "18:00", "21:00"]
    assert row.starts == 5
    quarters = {f"{quarter.start:%H:%M}": quarter.load for quarter in line.quarters}
    assert [time for time, load in quarters.items() if load] == [
        *("00:00", "03:15", "15:00", "18:00", "21:00")
    ]


def test_a_run_of_this_very_moment_is_past(world: World) -> None:
    world.systemd.state.now = at("12:00")
    ran(world, "a", Ran(start=at("12:00"), took=None))

    line = of(world, THREE)

    assert past(line.rows[0]) == [("23 12:00", "running")]
    assert line.rows[0].runs[0].at == at("15:00")


def test_a_day_that_is_over_has_no_runs_to_come_and_one_to_come_no_past(world: World) -> None:
    ran(world, "a", Ran(start=at("03:00", 22)), Ran(start=at("03:00")))

    yesterday = of(world, THREE, day=NOW - 24 * HOUR)
    tomorrow = of(world, THREE, day=NOW + 24 * HOUR)

    assert (past(yesterday.rows[0]), yesterday.rows[0].runs) == ([("22 03:00", "succeeded")], ())
    assert (past(tomorrow.rows[0]), len(tomorrow.rows[0].runs)) == ([], 8)


def test_runs_that_began_before_midnight_reach_into_the_day(world: World) -> None:
    ran(world, "a", Ran(start=at("23:00", 22), took=90 * MINUTE))
    ran(world, "a", Ran(start=at("21:00", 22), took=90 * MINUTE))

    line = of(world, THREE)

    assert past(line.rows[0]) == [("22 23:00", "succeeded")]
    assert shown(line, line.rows[0]) == {0: "succeeded"}


@pytest.mark.parametrize(
    ("limit", "is_found"), [("timeout: 3d", True), ("timeout: infinity", True), ("", False)]
)
def test_runs_of_jobs_that_may_last_long_are_looked_for_further_back(
    world: World, limit: str, *, is_found: bool
) -> None:
    ran(world, "a", Ran(start=at("11:00", 21), took=50 * HOUR))

    line = of(world, f"jobs: {{a: {{command: [/bin/true]{', ' + limit if limit else ''}}}}}\n")

    assert [past(row) for row in line.rows] == [[("21 11:00", "succeeded")] if is_found else []]


def test_a_run_that_goes_on_is_found_however_long_ago_it_began(world: World) -> None:
    ran(world, "a", Ran(start=at("11:00", 15), took=None))

    line = of(world, THREE)

    assert past(line.rows[0]) == [("15 11:00", "running")]
    cells_ = shown(line, line.rows[0])
    assert cells_ == {**dict.fromkeys(range(12), "passing running"), 12: "running"}


def test_a_long_run_fills_its_cells_and_its_end_says_how_it_went(world: World) -> None:
    ran(world, "a", Ran(start=at("02:30"), took=150 * MINUTE, result="exit-code", status=3))

    line = of(world, THREE)

    assert shown(line, line.rows[0]) == {
        **dict.fromkeys((2, 3, 4), "passing failed"),
        5: "failed",
    }


def test_a_cell_shows_the_worst_of_its_runs(world: World) -> None:
    ran(
        world,
        "a",
        Ran(start=at("02:00")),
        Ran(start=at("02:20"), result="exit-code", status=1),
        Ran(start=at("02:40")),
        Ran(start=at("04:00"), skipped="excluded: sunday"),
        Ran(start=at("06:00")),
        Ran(start=at("06:10"), skipped="maintenance"),
    )

    line = of(world, THREE)

    assert shown(line, line.rows[0]) == {2: "failed", 4: "skipped", 6: "skipped"}


def test_a_lost_run_has_a_begin_and_no_end(world: World) -> None:
    ran(world, "a", Ran(start=at("05:00"), took=None, boot=OTHER_BOOT))

    line = of(world, THREE)

    assert shown(line, line.rows[0]) == {5: "lost"}


def test_skips_do_not_count_as_starts(world: World) -> None:
    ran(world, "a", Ran(start=at("03:00"), took=7 * HOUR))
    swallowed(world, "a", first=at("06:00"), last=at("09:00"), number=2)

    line = of(world, THREE)

    assert sum(quarter.load for quarter in line.quarters if quarter.start < NOW) == 1
    assert line.rows[0].starts == 1 + 2 + 3


def test_jobs_that_are_gone_or_disabled_have_a_row_on_days_on_which_they_ran(world: World) -> None:
    text = "jobs: {off: {schedule: '0 4 * * *', enabled: false, command: [/bin/true]}}\n"
    ran(world, "gone", Ran(start=at("01:00")))
    ran(world, "off", Ran(start=at("02:00")))

    today, tomorrow = of(world, text), of(world, text, day=NOW + 24 * HOUR)

    assert [(row.job_id, row.is_gone, row.enabled, row.runs) for row in today.rows] == [
        ("gone", True, False, ()),
        ("off", False, False, ()),
    ]
    assert tomorrow.rows == ()
    (named,) = of(world, text, "gone").rows
    assert past(named) == [("23 01:00", "succeeded")]
    with pytest.raises(NotFoundError):
        of(world, text, "nobody")


def test_what_may_start_now_is_not_drawn_when_it_has_started(world: World) -> None:
    text = "jobs: {a: {schedule: {cron: '50 11 * * *', jitter: 30min}, command: [/bin/true]}}\n"

    before = of(world, text)
    ran(world, "a", Ran(start=at("11:58")))
    after = of(world, text)

    assert [len(row.runs) for row in (*before.rows, *after.rows)] == [1, 0]


def test_a_constant_job_has_its_past_and_the_number_of_its_runs_to_come(world: World) -> None:
    text = "jobs: {a: {schedule: '*/15 * * * *', command: [/bin/true]}}\n"
    ran(world, "a", Ran(start=at("01:00"), result="exit-code", status=1))

    line = of(world, text)

    assert line.constant == ("a",)
    assert (past(line.rows[0]), line.rows[0].runs) == ([("23 01:00", "failed")], ())
    assert line.rows[0].starts == 1 + 47
    assert not any(quarter.load for quarter in line.quarters)


def test_who_may_not_read_the_history_is_shown_the_calendars_and_told_so(world: World) -> None:
    refused = PermissionRefusedError("this user may not read the journal of the system")
    ran(world, "a", Ran(start=at("01:00")))
    world.systemd.steps.fail_on("journal.records", refused)

    line = of(world, THREE)

    assert line.is_by_calendar
    assert [len(row.runs) for row in line.rows] == [8]
    assert line.rows[0].past == ()
    (note,) = line.notes
    assert note.startswith("past runs are shown as the calendars have them: this user may not read")


@pytest.mark.parametrize("outcome", list(RunOutcome))
def test_each_outcome_has_its_rank(outcome: RunOutcome) -> None:
    run = RunFigures(
        *("a", "20261123T010000Z-000000", at("01:00").timestamp(), 60.0, outcome, Trigger.TIMER),
        *(1, None, None, None, 1, ""),
    )
    row = Row(job_id="a", enabled=True, starts=2, runs=(), past=(run, run))

    assert cells(row, [at("01:00"), at("02:00")], now=NOW)[0].result is outcome
