# SPDX-License-Identifier: Apache-2.0
"""stop: end the running run of a job, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from debvisor_timers.errors import NotFoundError, RefusedError
from debvisor_timers.history.last import LastRun, read_last
from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.operations.runs.stop import stop_job
from debvisor_timers.systemd.memory.state import Outcome
from debvisor_timers.systemd.ports import ActiveState, JobResult
from tests.unit.operations.last_runs import (
    SUCCEEDED_AT_TWO,
    fail_and_retry,
    note_last,
    note_under_way,
)
from tests.unit.operations.world import NIGHTLY, TWO, World

SERVICE = "debvisor-job-nightly.service"
TIMER = "debvisor-job-nightly.timer"


def run_for_an_hour(world: World) -> None:
    world.systemd.set_outcome(SERVICE, Outcome(duration=timedelta(hours=1)))
    world.systemd.advance_to(datetime(2026, 11, 24, 2, 0, 10, tzinfo=UTC))


def is_up(world: World) -> bool:
    return any(
        unit.active_state is ActiveState.ACTIVATING for unit in world.systemd.manager.units(SERVICE)
    )


def test_a_running_run_is_ended_and_the_schedule_goes_on(world: World) -> None:
    world.apply(NIGHTLY)
    run_for_an_hour(world)
    assert is_up(world)

    assert stop_job(world.host, "nightly") is True

    assert not is_up(world)
    assert world.running() == {TIMER}
    assert world.systemd.manager.timer(TIMER).next_elapse == datetime(2026, 11, 25, 2, tzinfo=UTC)


def test_a_job_that_does_not_run_is_left_alone(world: World) -> None:
    world.apply(TWO)
    world.systemd.steps.clear()

    assert stop_job(world.host, "nightly") is False

    assert world.systemd.steps.done == []


def test_the_run_of_a_job_that_was_removed_meanwhile_can_be_ended(world: World) -> None:
    world.apply(TWO)
    run_for_an_hour(world)
    world.apply("jobs:\n" + TWO.removeprefix(NIGHTLY))
    assert is_up(world)

    assert stop_job(world.host, "nightly") is True

    assert not is_up(world)


def test_a_job_that_nobody_knows(world: World) -> None:
    world.apply(TWO)

    with pytest.raises(NotFoundError, match="there is no job 'nightli'"):
        stop_job(world.host, "nightli")


def test_a_job_that_is_not_applied(world: World) -> None:
    world.write(NIGHTLY)

    with pytest.raises(RefusedError, match="not applied"):
        stop_job(world.host, "nightly")


def last_of(world: World) -> LastRun:
    last = read_last(world.layout.last, "nightly")
    assert last is not None
    return last


def test_a_run_between_two_attempts_is_ended_and_its_result_noted(world: World) -> None:
    """systemd runs nothing of ours there: what `end` would have noted is up to us."""
    world.apply(NIGHTLY)
    note_last(world, "nightly", SUCCEEDED_AT_TWO)
    fail_and_retry(world, "nightly")

    assert stop_job(world.host, "nightly") is True

    last = last_of(world)
    assert (last.id, last.outcome) == ("20261123T120000Z-0d4c52", RunOutcome.STOPPED)
    assert last.end == datetime(2026, 11, 23, 12, 0, 7, tzinfo=UTC)
    assert last.success_id == "20261123T020000Z-4f2a9c"
    assert last.success_end == datetime(2026, 11, 23, 2, 1, 30, 500000, tzinfo=UTC)
    assert not (world.layout.runs / "nightly").exists()
    ended = (world.layout.ended / "nightly").read_text(encoding="utf-8")
    assert "DEBVISOR_STOPPED=1\n" in ended
    assert "RETRY" not in ended
    assert not is_up(world)


def test_what_end_has_noted_is_not_noted_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.apply(NIGHTLY)
    run_for_an_hour(world)
    note_under_way(world, "nightly")
    stop = world.systemd.manager.stop

    def stop_and_end(units: list[str]) -> dict[str, JobResult]:
        results = stop(units)
        world.layout.ended.mkdir(parents=True)
        (world.layout.ended / "nightly").write_text("DEBVISOR_RUN_ID=20261123T120000Z-0d4c52\n")
        return results

    monkeypatch.setattr(world.systemd.manager, "stop", stop_and_end)
    assert stop_job(world.host, "nightly") is True

    assert read_last(world.layout.last, "nightly") is None


def test_a_note_of_another_run_is_nobodys_result(world: World) -> None:
    """The power was cut, and `begin` could not run since."""
    world.apply(NIGHTLY)
    note_under_way(world, "nightly")
    run_for_an_hour(world)

    assert stop_job(world.host, "nightly") is True

    assert read_last(world.layout.last, "nightly") is None
