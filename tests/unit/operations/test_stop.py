# SPDX-License-Identifier: Apache-2.0
"""stop: end the running run of a job, and nothing else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from debvisor_timers.errors import NotFoundError, RefusedError
from debvisor_timers.operations.run import stop_job
from debvisor_timers.systemd.memory.state import Outcome
from debvisor_timers.systemd.ports import ActiveState
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
