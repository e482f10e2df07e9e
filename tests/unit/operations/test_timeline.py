# SPDX-License-Identifier: Apache-2.0
"""timeline: a day and a week in the zone of the host, cells, and the load of each quarter."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise

import pytest

from debvisor_timers.errors import NotFoundError
from debvisor_timers.operations.coming.cells import cells, edges, heights
from debvisor_timers.operations.coming.timeline import Row, Timeline, busiest, timeline
from debvisor_timers.operations.coming.upcoming import Upcoming
from tests.unit.operations.world import NIGHTLY, TWO, World

NOON = datetime(2026, 11, 23, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def world(world: World) -> World:
    """Return a host on the day before: all of the 23rd is to come."""
    world.systemd.state.now = NOON - 24 * HOUR
    return world


def of(world: World, text: str, *jobs: str, day: datetime = NOON, days: int = 1) -> Timeline:
    world.write(text)
    return timeline(world.host, jobs, day=day, days=days)


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-23T{text}:00+00:00")


def run(start: str, latest: str = "", skipped: str = "") -> Upcoming:
    return Upcoming(
        job_id="a", scheduled=at(start), at=at(start), latest=at(latest or start), skipped=skipped
    )


def row(*runs: Upcoming) -> Row:
    return Row(job_id="a", enabled=True, starts=len(runs), runs=runs)


def load(line: Timeline) -> dict[str, float]:
    """Return the load of each quarter that has one, by its time in UTC."""
    return {f"{quarter.start:%H:%M}": quarter.load for quarter in line.quarters if quarter.load}


def test_a_day_lasts_from_midnight_to_midnight(world: World) -> None:
    line = of(world, TWO)

    assert (line.start, line.end) == (at("00:00"), at("00:00") + 24 * HOUR)
    assert [(one.job_id, len(one.runs)) for one in line.rows] == [("hourly", 24), ("nightly", 1)]
    assert line.rows[0].runs[0].at == at("00:00")


@pytest.mark.parametrize(
    ("zone", "day", "start", "hours"),
    [
        ("Europe/Amsterdam", "2026-11-23T12:00+00:00", "2026-11-22T23:00+00:00", 24),
        ("Europe/Amsterdam", "2026-11-23T23:30+00:00", "2026-11-23T23:00+00:00", 24),
        ("Europe/Amsterdam", "2027-03-28T12:00+00:00", "2027-03-27T23:00+00:00", 23),
        ("Europe/Amsterdam", "2026-10-25T12:00+00:00", "2026-10-24T22:00+00:00", 25),
        ("Australia/Lord_Howe", "2027-10-03T00:00+00:00", "2027-10-02T13:30+00:00", 23.5),
        # Midnight does not exist: the day begins at one.
        ("America/Santiago", "2027-09-05T12:00+00:00", "2027-09-05T04:00+00:00", 23),
        ("America/Havana", "2026-11-01T12:00+00:00", "2026-11-01T04:00+00:00", 25),
    ],
)
def test_days_on_which_clocks_change(
    world: World, zone: str, day: str, start: str, hours: float
) -> None:
    world.systemd.state.zone = zone

    line = of(world, NIGHTLY, day=datetime.fromisoformat(day))

    assert line.start == datetime.fromisoformat(start)
    assert line.end - line.start == hours * HOUR


def test_a_week_begins_on_its_monday(world: World) -> None:
    line = of(world, NIGHTLY, day=datetime(2026, 11, 29, 23, tzinfo=UTC), days=7)

    assert (line.start, line.end) == (at("00:00"), at("00:00") + 7 * 24 * HOUR)
    assert len(line.rows[0].runs) == 7


def test_rows_come_in_the_order_of_their_first_start(world: World) -> None:
    line = of(
        world,
        "jobs:\n"
        "  b: {schedule: '0 2 * * *', command: [/bin/true]}\n"
        "  a: {schedule: '0 3 * * *', command: [/bin/true]}\n"
        "  all: {schedule: '*/5 * * * *', command: [/bin/true]}\n"
        "  never: {schedule: '0 0 1 1 *', command: [/bin/true]}\n"
        "  off: {schedule: '0 1 * * *', enabled: false, command: [/bin/true]}\n",
    )

    assert [one.job_id for one in line.rows] == ["b", "a", "all", "never"]
    assert line.constant == ("all",)
    # What runs all the time hides nothing.
    assert load(line) == {"02:00": 1, "03:00": 1}


def test_runs_that_are_skipped_are_not_all_the_time(world: World) -> None:
    (world.layout.config / "config.yaml").write_text(
        "maintenance_windows: [{cron: '0 4 * * *', duration: 10min, jobs: [held, short]}]\n",
        encoding="utf-8",
    )

    line = of(
        world,
        "jobs:\n"
        "  out: {schedule: {cron: '*/5 * * * *', exclude: [2026-11-23]}, command: [/bin/true]}\n"
        "  held: {schedule: '0-59/15 * * * *', command: [/bin/true]}\n"
        "  short: {schedule: '*/5 * * * *', command: [/bin/true]}\n",
    )

    # In the quarter of 04:00 short still runs once.
    assert line.constant == ("short",)
    assert len(load(line)) == 95
    assert [(one.job_id, one.starts, len(one.runs)) for one in line.rows] == [
        ("held", 96, 96),
        ("out", 288, 288),
        ("short", 288, 0),
    ]


def test_a_jitter_that_leads_into_the_next_quarter_is_not_all_the_time(world: World) -> None:
    line = of(
        world,
        "jobs:\n"
        "  inside: {schedule: {cron: '*/15 * * * *', jitter: 14min}, command: [/bin/true]}\n"
        "  across: {schedule: {cron: '10-59/15 * * * *', jitter: 6min}, command: [/bin/true]}\n",
    )

    assert line.constant == ("inside",)


def test_a_disabled_job_does_not_run_all_the_time(world: World) -> None:
    text = "jobs: {a: {schedule: '*/5 * * * *', enabled: false, command: [/bin/true]}}\n"

    assert of(world, text, "a").constant == ()


def test_of_jobs_that_run_all_the_time_no_run_is_built(world: World) -> None:
    """200 jobs of every minute are two million runs a week."""
    line = of(
        world,
        "jobs:\n"
        + "".join(
            f"  a{n:03}: {{schedule: '* * * * *', command: [/bin/true]}}\n" for n in range(200)
        ),
        days=7,
    )

    assert len(line.constant) == 200
    assert {(one.starts, one.runs) for one in line.rows} == {(10_080, ())}


def test_jobs_that_are_named(world: World) -> None:
    line = of(world, TWO.replace("script: echo hello", "script: x\n    enabled: false"), "hourly")

    assert [(one.job_id, one.enabled, len(one.runs)) for one in line.rows] == [
        ("hourly", False, 24)
    ]
    with pytest.raises(NotFoundError):
        timeline(world.host, ["nobody"], day=NOON)


def test_the_load_is_the_number_of_starts_in_a_quarter(world: World) -> None:
    line = of(
        world,
        "jobs:\n"
        "  a: {schedule: '0,14 2 * * *', command: [/bin/true]}\n"
        "  b: {schedule: '7 2 * * *', command: [/bin/true]}\n"
        "  c: {schedule: '15 2 * * *', command: [/bin/true]}\n",
    )

    assert load(line) == {"02:00": 3, "02:15": 1}
    (crowd,) = busiest(line.quarters, 3)
    assert (crowd.quarter.start, crowd.quarter.load, crowd.more) == (at("02:00"), 3, 0)
    assert crowd.quarter.jobs == ("a", "b")


def test_a_window_is_spread_over_the_quarters_that_it_covers(world: World) -> None:
    line = of(
        world, "jobs: {a: {schedule: {cron: '10 2 * * *', jitter: 20min}, command: [/bin/true]}}\n"
    )

    assert load(line) == {"02:00": 0.25, "02:15": 0.75}


def test_a_window_that_begins_the_day_before_reaches_into_the_day(world: World) -> None:
    line = of(
        world, "jobs: {a: {schedule: {cron: '50 23 * * *', jitter: 20min}, command: [/bin/true]}}\n"
    )

    assert load(line) == {"00:00": 0.5, "23:45": 0.5}
    assert cells(line.rows[0], edges(line.start, line.end, "UTC", HOUR), now=line.now)[0].is_window


def test_the_known_delay_of_an_applied_job_is_where_it_starts(world: World) -> None:
    world.systemd.state.now = NOON
    text = "jobs: {late: {schedule: {cron: '0 2 * * *', jitter: 30min}, command: [/bin/true]}}\n"
    world.apply(text)

    # 18min 20s, see test_upcoming.py.
    assert load(of(world, text, day=NOON + 24 * HOUR)) == {"02:15": 1}


def test_cells_count_starts_and_mark_windows_and_skips() -> None:
    bounds = [at(f"{hour:02}:00") for hour in range(1, 8)]

    found = cells(
        row(
            run("01:00"),
            run("01:59"),
            run("03:10", "06:00"),
            run("06:10", skipped="holiday"),
        ),
        bounds,
        now=at("00:00"),
    )

    assert [(cell.starts, cell.is_window, cell.skipped) for cell in found] == [
        (2, False, False),
        (0, False, False),
        (1, True, False),
        (0, True, False),
        (0, True, False),
        (0, False, True),
    ]


def test_a_cell_shows_its_highest_quarter(world: World) -> None:
    line = of(
        world,
        "jobs:\n"
        "  a: {schedule: '0,20,25 2 * * *', command: [/bin/true]}\n"
        "  b: {schedule: '50 3 * * *', command: [/bin/true]}\n",
    )

    shown = heights(line, edges(line.start, line.end, "UTC", HOUR))

    assert shown[:5] == [0, 0, 2, 1, 0]


def test_cells_begin_anew_at_each_midnight() -> None:
    start = datetime(2026, 10, 24, 22, tzinfo=UTC)

    bounds = edges(start, start + 49 * HOUR, "Europe/Amsterdam", 6 * HOUR)

    lengths = [(later - sooner) / HOUR for sooner, later in pairwise(bounds)]
    assert lengths == [6, 6, 6, 6, 1, 6, 6, 6, 6]


def test_jobs_that_meet_again_and_again_are_told_once(world: World) -> None:
    line = of(
        world,
        "jobs:\n"
        "  a: {schedule: '0 * * * *', command: [/bin/true]}\n"
        "  b: {schedule: '0 * * * *', command: [/bin/true]}\n"
        "  c: {schedule: '0 5 * * *', command: [/bin/true]}\n",
    )

    first, second = busiest(line.quarters, 3)

    assert (first.quarter.jobs, first.quarter.load, first.more) == (("a", "b", "c"), 3, 0)
    assert (second.quarter.jobs, second.quarter.load, second.more) == (("a", "b"), 2, 22)
