# SPDX-License-Identifier: Apache-2.0
"""Elapses that came while a run is still under way: counted, though nobody has noted them yet."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from debvisor_timers.errors import SystemdError
from debvisor_timers.history.filter import RunFilter
from debvisor_timers.history.runs import Run, RunOutcome, Trigger
from debvisor_timers.operations.past.history import HistoryQuery
from debvisor_timers.operations.past.history import history as history_page
from debvisor_timers.operations.runs.which_run import Choice, find_run
from debvisor_timers.systemd.memory.state import Outcome
from tests.unit.operations.past_runs import history
from tests.unit.operations.world import World

JOB = "jobs: {{often: {{schedule: {schedule}, overlap: {overlap}, command: [/bin/true]}}}}\n"
RUN = "20261123T121000Z-4f2a9c"
SERVICE, TIMER = "debvisor-job-often.service", "debvisor-job-often.timer"


def run_for(
    world: World, took: timedelta, *, schedule: str = '"*/10 * * * *"', overlap: str = "skip"
) -> Sequence[Run]:
    """Start a run at 12:10 that lasts for hours, and look when it has lasted for `took`."""
    world.apply(JOB.format(schedule=schedule, overlap=overlap))
    world.systemd.set_outcome(SERVICE, Outcome(duration=timedelta(hours=9)))
    world.systemd.advance_to(datetime(2026, 11, 23, 12, 10, tzinfo=UTC) + took)
    return history(world.host, "often", limit=20)


def test_a_run_that_has_swallowed_nothing_yet_stands_alone(world: World) -> None:
    (run,) = run_for(world, timedelta(minutes=9, seconds=59))

    assert run.outcome is RunOutcome.RUNNING


@pytest.mark.parametrize(("minutes", "count"), [(10, 1), (35, 3), (7 * 60, 42)])
def test_each_elapse_since_the_start_is_counted(world: World, minutes: int, count: int) -> None:
    skip, run = run_for(world, timedelta(minutes=minutes))

    assert skip.outcome_words == "skipped (still running)"
    assert (skip.count, skip.attempts, skip.trigger) == (count, 0, Trigger.TIMER)
    assert skip.scheduled_for == datetime(2026, 11, 23, 12, 20, tzinfo=UTC)
    last = datetime(2026, 11, 23, 12, 10, tzinfo=UTC) + count * timedelta(minutes=10)
    assert skip.last_scheduled_for == last
    assert skip.overlapped == run.id
    assert skip.id == "20261123T122000Z-000000"


def test_its_id_is_found_and_stays_while_the_run_goes_on(world: World) -> None:
    skip = run_for(world, timedelta(minutes=10))[0]
    world.systemd.advance(timedelta(minutes=20))

    found = find_run(world.host, "often", Choice(id=skip.id))

    assert (found.id, found.count) == (skip.id, 3)
    assert find_run(world.host, "often", Choice()).outcome is RunOutcome.RUNNING


def test_what_is_queued_is_not_skipped(world: World) -> None:
    (run,) = run_for(world, timedelta(minutes=10), overlap="queue")
    assert run.outcome is RunOutcome.RUNNING

    world.systemd.advance(timedelta(minutes=20))
    skip, _ = history(world.host, "often", limit=20)
    assert skip.count == 2


def test_no_more_are_counted_than_end_counts(world: World) -> None:
    skip = run_for(world, timedelta(hours=1), schedule='{on_calendar: "*-*-* *:*:*"}')[0]

    assert skip.count == 1024


def test_a_timer_that_is_stopped_elapses_for_nobody(world: World) -> None:
    run_for(world, timedelta(minutes=10))
    world.systemd.manager.stop([TIMER])

    assert len(history(world.host, "often", limit=20)) == 1


def note(world: World) -> None:
    """Write the note that `begin` keeps of the run that is under way."""
    invocation = world.systemd.manager.service(SERVICE).invocation_id
    world.layout.runs.mkdir(parents=True, exist_ok=True)
    (world.layout.runs / "often").write_text(
        f"DEBVISOR_RUN_ID={RUN}\nDEBVISOR_INVOCATION_ID={invocation}\n"
        "DEBVISOR_START_USEC=1795435800000000\nDEBVISOR_ATTEMPT=1\n"
    )


def skips(world: World) -> list[tuple[int, str, str]]:
    """Return how many starts each skip tells of, from when on, and for which run; oldest first."""
    runs = reversed(history(world.host, "often", limit=20))
    return [
        (run.count, f"{run.scheduled_for:%H:%M}", run.overlapped)
        for run in runs
        if run.outcome is RunOutcome.SKIPPED
    ]


def test_a_new_schedule_counts_from_when_it_is_in_force(world: World) -> None:
    run_for(world, timedelta(minutes=35))
    note(world)
    world.apply(JOB.format(schedule='"*/5 * * * *"', overlap="skip"))
    assert skips(world) == [(3, "12:20", RUN)]

    world.systemd.advance(timedelta(minutes=11))

    assert skips(world) == [(3, "12:20", RUN), (2, "12:50", RUN)]


def test_what_was_kept_off_of_a_job_that_is_removed_is_told(world: World) -> None:
    run_for(world, timedelta(minutes=35), overlap="queue")
    note(world)

    world.apply("jobs: {}\n", allow_empty=True)

    assert skips(world) == [(3, "12:20", RUN)]


def test_it_is_told_once_however_the_apply_ends(world: World) -> None:
    run_for(world, timedelta(minutes=35))
    note(world)
    for _ in range(2):
        world.systemd.steps.fail_on("manager.reload")
        with pytest.raises(SystemdError):
            world.apply(JOB.format(schedule='"*/5 * * * *"', overlap="skip"))

    assert [count for count, *_ in skips(world)] == [3]


def test_who_reads_what_was_is_not_kept_off_where_systemd_cannot_tell(world: World) -> None:
    run_for(world, timedelta(minutes=35))
    world.systemd.steps.fail_on("analyzer.calendar")

    (run,) = history(world.host, "often", limit=20)

    assert run.outcome is RunOutcome.RUNNING


def test_a_run_that_has_ended_keeps_off_nothing(world: World) -> None:
    run_for(world, timedelta(minutes=30))
    world.systemd.manager.stop([SERVICE])

    assert [run.overlapped for run in history(world.host, "often", limit=20)] == [""]


def test_no_more_lines_than_asked_for(world: World) -> None:
    run_for(world, timedelta(minutes=30))

    (skip,) = history(world.host, "often", limit=1)
    assert skip.outcome is RunOutcome.SKIPPED


def pages(world: World, **wanted: Any) -> list[tuple[list[str], bool]]:
    """Return the outcomes on each page of a single run, and whether more follow."""
    found = []
    for offset in range(3):
        query = HistoryQuery(wanted=RunFilter(**wanted), limit=1, offset=offset)
        page = history_page(world.host, query)
        found.append(([str(run.outcome) for run in page.runs], page.has_more))
    return found


def test_what_is_derived_is_paged_and_filtered_like_all_runs(world: World) -> None:
    run_for(world, timedelta(minutes=30))

    both = [(["skipped"], True), (["running"], False), ([], False)]
    skip = [(["skipped"], False), ([], False), ([], False)]
    run = [(["running"], False), ([], False), ([], False)]
    assert pages(world) == both
    assert pages(world, jobs=("often",)) == both
    assert pages(world, outcomes=frozenset({RunOutcome.SKIPPED})) == skip
    assert pages(world, outcomes=frozenset({RunOutcome.RUNNING})) == run
    assert pages(world, since=datetime(2026, 11, 23, 12, 30, tzinfo=UTC)) == skip
    assert pages(world, until=datetime(2026, 11, 23, 12, 30, tzinfo=UTC)) == run
