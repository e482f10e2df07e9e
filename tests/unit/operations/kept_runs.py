# SPDX-License-Identifier: Apache-2.0
"""Runs of long ago, put into the index of a world as if the journal had once told of them."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

from debvisor_timers.history.attempt import Attempt
from debvisor_timers.history.index import Index
from debvisor_timers.history.outcome import Ending, Exit, RunOutcome, Trigger
from debvisor_timers.history.reading import News, Place, ReadRun
from debvisor_timers.history.runs import Run
from tests.unit.operations.world import World

FIRST = datetime(2026, 10, 1, 2, 0, tzinfo=UTC)


def keep(world: World, runs: Sequence[Run]) -> None:
    """Let the index of `world` have `runs`, oldest first."""
    path = world.layout.index
    path.parent.mkdir(parents=True, exist_ok=True)
    with closing(Index.of_file(path)) as index:
        index.add(
            News(
                place=Place(),
                runs=[ReadRun(run=run, is_settled=True) for run in runs],
                jobs=frozenset(run.job for run in runs),
                boot=world.host.journal.boot_id(),
            )
        )
        index.commit()


def nightly_runs(
    lengths: Sequence[float], *, job: str = "nightly", first: datetime = FIRST
) -> list[Run]:
    """Return a run each night from `first` on, which took so many seconds."""
    return [
        a_run(first + timedelta(days=number), length, job=job)
        for number, length in enumerate(lengths)
    ]


def a_run(start: datetime, seconds: float, *, job: str = "nightly", **changes: Any) -> Run:
    """Return a run that succeeded at its first attempt, but for `changes`; attempts: how many."""
    outcome = changes.pop("outcome", RunOutcome.SUCCEEDED)
    reason = changes.pop("reason", "")
    end = start + timedelta(seconds=seconds)
    ending = Ending(outcome=outcome, reason=reason)
    attempt = Attempt(number=1, start=start, end=end, exit=Exit(), invocation_id="", ending=ending)
    values: dict[str, Any] = {
        "id": f"{start:%Y%m%dT%H%M%SZ}-4f2a9c",
        "job": job,
        "generation": 1,
        "trigger": Trigger.TIMER,
        "by": "",
        "scheduled_for": start,
        "start": start,
        "end": end,
        "ending": ending,
        "exit": Exit(code="exited", status="0"),
        "cpu": timedelta(seconds=seconds / 2),
        "memory_peak": 64 * 1024**2,
        "invocation_ids": (),
        "boot_id": "0" * 32,
        "each_attempt": () if outcome is RunOutcome.SKIPPED else (attempt,),
    }
    return Run(**{**values, **changes})
