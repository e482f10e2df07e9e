# SPDX-License-Identifier: Apache-2.0
"""report: elapses that have left no trace."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from debvisor_timers.operations.past.report import report
from tests.unit.operations.ran import Ran, ran, swallowed
from tests.unit.operations.world import World

START = datetime(2026, 11, 23, 12, 0, 7, tzinfo=UTC)
NOW = datetime(2026, 11, 30, 12, 0, 7, tzinfo=UTC)
MINUTE, HOUR = timedelta(minutes=1), timedelta(hours=1)
DAILY = "jobs: {a: {schedule: '0 2 * * *', command: [/bin/true]}}\n"


def at(text: str) -> datetime:
    return datetime.fromisoformat(f"2026-11-{text}:00+00:00")


def on(*days: int, late: timedelta = timedelta()) -> list[Ran]:
    """Return a run at two of each day."""
    return [Ran(start=at(f"{day}T02:00") + late) for day in days]


def unseen(world: World, *, days: int = 7) -> dict[str, list[str]]:
    """Return the first and the last of the elapses without a trace, and how many there are."""
    world.systemd.state.now = NOW
    found = report(world.host, since=NOW - timedelta(days=days), until=NOW)
    assert found.notes == ()
    return {
        one.job: [
            f"{datetime.fromtimestamp(moment, UTC):%d %H:%M}"
            for moment in (one.first, one.last)
            if moment is not None
        ]
        + [str(one.unseen)]
        for one in found.missed
        if one.unseen
    }


def test_each_elapse_began_a_run(world: World) -> None:
    world.apply(DAILY)
    ran(world, "a", *on(24, 25, 26, 27, 28, 29, 30))

    assert unseen(world) == {}


def test_elapses_at_which_nothing_happened(world: World) -> None:
    world.apply(DAILY)
    ran(world, "a", *on(24, 25, 29, 30))

    assert unseen(world) == {"a": ["26 02:00", "28 02:00", "3"]}


def test_what_a_backfill_has_made_up_for_is_not_missed(world: World) -> None:
    world.apply(DAILY)
    ran(world, "a", *on(24, 25, 28, 29, 30))
    for day, result in (("26", "success"), ("27", "exit-code")):
        slot = at(f"{day}T02:00")
        made = Ran(start=at("29T10:00"), trigger="backfill", scheduled=slot, result=result)
        ran(world, "a", made)

    assert unseen(world) == {"a": ["27 02:00", "27 02:00", "1"]}


def test_a_run_that_came_hours_later_came_for_no_elapse(world: World) -> None:
    world.apply(DAILY)
    ran(world, "a", *on(24, 25, 26, 27, 28, 29, 30, late=3 * HOUR))

    assert unseen(world)["a"][-1] == "7"


def test_what_came_before_the_job_was_applied_is_not_missed(world: World) -> None:
    world.apply(DAILY)

    assert unseen(world, days=30)["a"] == ["24 02:00", "30 02:00", "7"]


def test_a_calendar_counts_since_it_is_what_it_is(world: World) -> None:
    """It was weekly until the 28th; nobody knows of that any more."""
    world.apply(DAILY.replace("* * *", "* * sun"))
    world.systemd.state.now = at("28T12:00")
    world.apply(DAILY)

    assert unseen(world) == {"a": ["29 02:00", "30 02:00", "2"]}


def test_an_apply_of_other_jobs_changes_nothing(world: World) -> None:
    world.apply(DAILY)
    world.systemd.state.now = at("28T12:00")
    world.apply(DAILY.replace("}}\n", "}, b: {command: [/bin/true]}}\n"))

    assert unseen(world)["a"] == ["24 02:00", "30 02:00", "7"]


def test_a_calendar_that_is_not_applied_as_it_is_written_is_not_looked_at(world: World) -> None:
    world.apply(DAILY)
    world.write(DAILY.replace("2 *", "3 *"))

    assert unseen(world) == {}


def test_a_skip_is_a_trace_and_so_is_a_run_that_went_on(world: World) -> None:
    world.apply(DAILY)
    ran(world, "a", Ran(start=at("24T02:00"), took=30 * HOUR), *on(27, 28))
    ran(world, "a", Ran(start=at("29T02:00"), skipped="maintenance"))
    swallowed(world, "a", first=at("26T02:00"), last=at("26T02:00"), number=1)

    assert unseen(world) == {"a": ["30 02:00", "30 02:00", "1"]}


def test_a_run_under_way_swallows_all_later_elapses(world: World) -> None:
    world.apply(DAILY)
    ran(world, "a", *on(24, 25), Ran(start=at("26T02:00"), took=None))

    assert unseen(world) == {}


def test_a_jitter_may_delay_a_run(world: World) -> None:
    text = DAILY.replace("'0 2 * * *'", "{cron: '0 2 * * *', jitter: 30min}")
    world.apply(text)
    ran(world, "a", *on(24, 25, 26, 27, 28, late=29 * MINUTE), *on(29, 30, late=32 * MINUTE))

    assert unseen(world) == {"a": ["29 02:00", "30 02:00", "2"]}


def test_a_job_that_is_disabled_or_paused_misses_nothing(world: World) -> None:
    world.apply(DAILY.replace("command", "enabled: false, command"))
    assert unseen(world) == {}

    world.systemd.state.now = START
    world.apply(DAILY)
    (world.layout.state / "paused").mkdir()
    (world.layout.state / "paused" / "a").touch()
    assert unseen(world) == {}


def test_what_has_just_elapsed_may_be_about_to_start(world: World) -> None:
    world.apply("jobs: {a: {schedule: '0 12 * * *', command: [/bin/true]}}\n")
    ran(world, "a", *(Ran(start=at(f"{day}T12:00")) for day in range(24, 30)))

    assert unseen(world) == {}
