# SPDX-License-Identifier: Apache-2.0
"""history: the last runs of a job, however many records each has left."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from debvisor_timers.errors import NotFoundError, SystemdError
from debvisor_timers.history.records import MessageId
from debvisor_timers.history.runs import RunOutcome
from debvisor_timers.systemd.memory import records
from debvisor_timers.systemd.memory.state import Outcome
from tests.unit.operations.past_runs import history
from tests.unit.operations.world import NIGHTLY, TWO, World

SERVICE = "debvisor-job-nightly.service"


def starts(world: World, *, limit: int, job: str = "nightly") -> list[str]:
    return [f"{run.start:%d %H:%M:%S}" for run in history(world.host, job, limit=limit)]


def send(world: World, message: MessageId, invocation: str, **fields: str) -> None:
    """Append a record as PID 1 writes it about nightly."""
    about = {"_PID": "1", "UNIT": SERVICE, "MESSAGE_ID": message, "INVOCATION_ID": invocation}
    records.append(world.systemd.state, {**about, **fields})


def run_with_many_records(world: World, number: int, *, extra: int) -> None:
    """Record a run of 30 s that begins now and leaves `extra` records in its middle."""
    invocation = f"{number:032x}"
    send(world, MessageId.STARTING, invocation, JOB_ID=str(number))
    for _ in range(extra):
        send(world, MessageId.CONSUMED, invocation, CPU_USAGE_NSEC="5000000")
    world.systemd.advance(timedelta(seconds=30))
    send(world, MessageId.DEACTIVATED, invocation)
    send(world, MessageId.DONE, invocation, JOB_ID=str(number), JOB_RESULT="done")


def record_days(world: World, days: int, *, extra: int) -> None:
    """Record a run at 12:00:07 of each of so many days, from the 23rd on."""
    begin = world.systemd.clock.now()
    for number in range(days):
        world.systemd.advance_to(begin + timedelta(days=number))
        run_with_many_records(world, number + 1, extra=extra)


def test_the_newest_runs_come_first_and_no_more_than_asked_for(world: World) -> None:
    world.apply(NIGHTLY)
    world.systemd.advance_to(datetime(2026, 11, 29, 12, tzinfo=UTC))

    assert starts(world, limit=3) == ["29 02:00:00", "28 02:00:00", "27 02:00:00"]


def test_a_limit_beyond_the_journal_gives_all_there_is(world: World) -> None:
    world.apply(NIGHTLY)
    world.systemd.advance_to(datetime(2026, 11, 26, 12, tzinfo=UTC))

    assert starts(world, limit=10_000) == ["26 02:00:00", "25 02:00:00", "24 02:00:00"]


@pytest.mark.parametrize("extra", [0, 9, 10, 40, 400])
@pytest.mark.parametrize("limit", [1, 2, 5])
def test_runs_with_many_records_are_neither_lost_nor_cut(
    world: World, limit: int, extra: int
) -> None:
    """What is read at first does not reach back to the beginning of the last run wanted."""
    world.write(NIGHTLY)
    record_days(world, 7, extra=extra)

    runs = history(world.host, "nightly", limit=limit)

    days = ["29", "28", "27", "26", "25"][:limit]
    assert [f"{run.start:%d %H:%M:%S}" for run in runs] == [f"{day} 12:00:07" for day in days]
    assert {run.duration for run in runs} == {timedelta(seconds=30)}
    assert {run.outcome for run in runs} == {RunOutcome.SUCCEEDED}


def test_a_single_run_that_fills_the_journal(world: World) -> None:
    world.write(NIGHTLY)
    run_with_many_records(world, 1, extra=500)

    assert starts(world, limit=1) == ["23 12:00:07"]


def test_runs_of_other_jobs_are_not_counted(world: World) -> None:
    world.apply(TWO)
    world.systemd.advance_to(datetime(2026, 11, 25, 12, tzinfo=UTC))

    assert starts(world, limit=2) == ["25 02:00:00", "24 02:00:00"]


def test_a_run_under_way_has_no_end(world: World) -> None:
    world.apply(NIGHTLY)
    world.systemd.set_outcome(SERVICE, Outcome(duration=timedelta(hours=1)))
    world.systemd.advance_to(datetime(2026, 11, 24, 2, 0, 10, tzinfo=UTC))

    (run,) = history(world.host, "nightly", limit=5)

    assert (run.outcome, run.end, run.duration) == (RunOutcome.RUNNING, None, None)


def test_a_run_that_a_power_cut_ended_is_lost(world: World) -> None:
    world.apply(NIGHTLY)
    world.systemd.set_outcome(SERVICE, Outcome(duration=timedelta(hours=1)))
    world.systemd.advance_to(datetime(2026, 11, 24, 2, 0, 10, tzinfo=UTC))
    world.systemd.reboot()

    (run,) = history(world.host, "nightly", limit=5)

    assert run.outcome is RunOutcome.LOST


def test_a_job_that_was_removed_keeps_its_history(world: World) -> None:
    world.apply(TWO)
    world.systemd.advance_to(datetime(2026, 11, 24, 12, tzinfo=UTC))
    world.apply("jobs:\n" + TWO.removeprefix(NIGHTLY))

    assert starts(world, limit=5) == ["24 02:00:00"]


def test_a_job_that_has_not_run_has_no_runs(world: World) -> None:
    world.write(NIGHTLY)

    assert history(world.host, "nightly", limit=5) == []


def test_a_job_that_neither_yaml_nor_journal_knows(world: World) -> None:
    world.apply(TWO)

    with pytest.raises(NotFoundError, match="there is no job 'hurly'") as caught:
        history(world.host, "hurly", limit=5)

    assert caught.value.fix == "did you mean 'hourly'?"


def test_a_journal_that_cannot_be_read_is_no_empty_history(world: World) -> None:
    world.apply(NIGHTLY)
    world.systemd.steps.fail_on("journal.records", SystemdError("the journal is not readable"))

    with pytest.raises(SystemdError, match="not readable"):
        history(world.host, "nightly", limit=5)
