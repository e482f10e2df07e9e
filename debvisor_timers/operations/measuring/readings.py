# SPDX-License-Identifier: Apache-2.0
"""What metrics are made of: one reading of the host, and one of each job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.last import LastRun
from debvisor_timers.history.outcome import RunOutcome, Trigger
from debvisor_timers.history.skip_cause import SkipCause
from debvisor_timers.history.totals import Durations
from debvisor_timers.operations.list import JobState

ENDINGS = (
    RunOutcome.SUCCEEDED,
    RunOutcome.FAILED,
    RunOutcome.TIMED_OUT,
    RunOutcome.STOPPED,
    RunOutcome.LOST,
)
"""How a run that took place can end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class JobCounts:
    """What has been counted of a job since its history began; no number ever falls.

    runs, starts: of the runs that took place and are over, by their end and by their trigger.
    skips: starts that were left out.
    """

    runs: Mapping[RunOutcome, int] = field(default_factory=dict)
    starts: Mapping[Trigger, int] = field(default_factory=dict)
    attempts: int = 0
    skips: Mapping[SkipCause, int] = field(default_factory=dict)
    cpu_seconds: float = 0.0
    durations: Durations | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobReading:
    """One job.

    timeout: None for no limit, and where the YAML does not tell of the job. last: the last run that
    took place and is over; figures: the same in figures, None where only a file tells of it.
    """

    job_id: str
    state: JobState
    title: str = ""
    owner: str = ""
    priority: str = ""
    is_enabled: bool = False
    is_paused: bool = False
    timeout: timedelta | None = None
    next_start: datetime | None = None
    under_way_since: datetime | None = None
    last: LastRun | None = None
    figures: RunFigures | None = None
    consecutive_failures: int = 0
    counts: JobCounts = field(default_factory=JobCounts)


@dataclass(frozen=True, slots=True, kw_only=True)
class Readings:
    """The host; None is what the caller may not know or nobody does.

    errors: how many there are in the YAML. is_pending: files or units are not as the last apply
    left them. applies: how many there were, by their result.
    index_lag: how old the oldest record is that the index lacks; zero when it lacks none.
    """

    version: str
    taken: datetime
    is_target_active: bool
    errors: int = 0
    is_pending: bool | None = None
    is_interrupted: bool = False
    is_in_maintenance: bool = False
    generation: int | None = None
    applied: datetime | None = None
    applies: Mapping[str, int] = field(default_factory=dict)
    index_lag: timedelta | None = None
    jobs: tuple[JobReading, ...] = ()
