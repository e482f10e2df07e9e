# SPDX-License-Identifier: Apache-2.0
"""The run of a job that is under way, from the file that `begin` keeps: no journal needed."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from debvisor_timers.history.fields import read_fields
from debvisor_timers.history.outcome import (
    Ending,
    RunName,
    RunOutcome,
    Trigger,
    moment,
    number,
    run_names,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class UnderWay:
    """A run that waits, runs, or is between two attempts.

    invocation_id: of the newest attempt, which is number `attempt` of `max_attempts`.
    waiting: for what, `for pool backup (5 of 5 taken)`; empty while the program runs.
    retry_at: when the next attempt begins; only between attempts. waited: before it began.
    """

    id: str
    invocation_id: str
    attempt: int
    max_attempts: int
    start: datetime
    trigger: Trigger
    by: str = ""
    scheduled_for: datetime | None = None
    generation: int | None = None
    waiting: str = ""
    retry_at: datetime | None = None
    skipped: str = ""
    trigger_runs: tuple[RunName, ...] = ()
    retry_of: str = ""
    waited: timedelta = timedelta()

    @property
    def ending(self) -> Ending:
        """Return that it runs, or what it waits for."""
        if self.waiting:
            return Ending(outcome=RunOutcome.WAITING, reason=self.waiting)
        return Ending(outcome=RunOutcome.RUNNING)


def read_under_way(folder: Path, job_id: str) -> UnderWay | None:
    """Return the run that `folder` has of the job; None without one, or when it makes no sense.

    The file may be stale: ask systemd whether the invocation is the unit's.
    """
    fields = read_fields(folder / job_id)
    name, start = fields.get("DEBVISOR_RUN_ID"), moment(fields.get("DEBVISOR_START_USEC", ""))
    if not name or start is None:
        return None
    attempt = number(fields.get("DEBVISOR_ATTEMPT", "")) or 1
    retry_of = fields.get("DEBVISOR_RETRY_OF", "")
    return UnderWay(
        id=name,
        invocation_id=fields.get("DEBVISOR_INVOCATION_ID", ""),
        attempt=attempt,
        max_attempts=number(fields.get("DEBVISOR_MAX_ATTEMPTS", "")) or attempt,
        start=start,
        trigger=Trigger.read(fields.get("DEBVISOR_TRIGGER", ""), retry_of=retry_of),
        by=fields.get("DEBVISOR_BY", ""),
        scheduled_for=moment(fields.get("DEBVISOR_SCHEDULED_USEC", "")),
        generation=number(fields.get("DEBVISOR_GENERATION", "")),
        waiting=fields.get("DEBVISOR_WAITING", ""),
        retry_at=moment(fields.get("DEBVISOR_RETRY_USEC", "")),
        skipped=fields.get("DEBVISOR_SKIPPED", ""),
        trigger_runs=run_names(fields.get("DEBVISOR_TRIGGER_RUNS", "")),
        retry_of=retry_of,
        waited=timedelta(microseconds=number(fields.get("DEBVISOR_WAITED_USEC", "")) or 0),
    )
