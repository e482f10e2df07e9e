# SPDX-License-Identifier: Apache-2.0
"""A job as the overview shows it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.outcome import FAILURES, RunOutcome
from debvisor_timers.jobs.words import schedule_words
from debvisor_timers.operations.holding.words import paused_words
from debvisor_timers.operations.list import JobRow, JobState
from debvisor_timers.operations.states import state_words
from debvisor_timers.operations.times import span
from debvisor_timers.web.pages.strip import Strip, strip

BUSY = frozenset({JobState.RUNNING, JobState.WAITING, JobState.RETRYING})
ODD = frozenset(
    {JobState.STOPPED, JobState.NOT_APPLIED, JobState.ORPHANED, JobState.UNREADABLE},
)
"""States of jobs whose units are not what their YAML says."""

LOOKS: Mapping[RunOutcome, tuple[str, str]] = {
    RunOutcome.SUCCEEDED: ("good", "good"),
    RunOutcome.FAILED: ("bad", "bad"),
    RunOutcome.TIMED_OUT: ("bad", "late"),
    RunOutcome.LOST: ("bad", "warn"),
    RunOutcome.STOPPED: ("warn", "held"),
    RunOutcome.SKIPPED: ("faint", "skip"),
    RunOutcome.WAITING: ("busy", "busy"),
    RunOutcome.RUNNING: ("busy", "busy"),
}
"""The tone and the sign of each way to end."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Badge:
    """A word about what a job is doing, where that is not just what it should."""

    tone: str
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How the last run of a job ended; tone and sign say it without words."""

    id: str
    words: str
    tone: str
    sign: str
    at: datetime
    took: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Card:
    """A job; under: what stands below its title. next_words: why, or when exactly."""

    id: str
    title: str
    under: str
    badge: Badge | None
    strip: Strip
    last: Ended | None
    next_at: datetime | None
    next_words: str
    is_off: bool
    may_run: bool
    may_stop: bool
    may_pause: bool
    may_resume: bool


def card(row: JobRow, runs: Sequence[RunFigures]) -> Card:
    """Return a job with its newest runs, oldest first."""
    job, is_busy = row.job, row.state in BUSY
    can_start = job is not None and row.state not in {JobState.NOT_APPLIED, JobState.ORPHANED}
    starts_itself = job is not None and job.enabled and not job.is_step
    return Card(
        id=row.job_id,
        title=job.title if job else row.job_id,
        under=_under(row),
        badge=badge_of(row),
        strip=strip(runs),
        last=ended(row),
        next_at=row.next_start,
        next_words=_next_words(row),
        is_off=not (job and job.enabled),
        may_run=can_start and not is_busy,
        may_stop=is_busy,
        may_pause=starts_itself and row.pause is None,
        may_resume=row.pause is not None,
    )


def ended(row: JobRow) -> Ended | None:
    """Return how the last run of a job ended; None where it never ran."""
    last = row.last
    if last is None:
        return None
    tone, sign = LOOKS[last.outcome]
    is_known = last.duration is not None
    return Ended(
        id=last.id,
        words=last.outcome_words,
        tone=tone,
        sign=sign,
        at=last.end,
        took=span(last.duration) if is_known else "",
    )


def badge_of(row: JobRow) -> Badge | None:
    """Return what a job is doing; None of one that waits for its time."""
    if row.state in BUSY:
        return Badge(tone="busy", words=state_words(row))
    if row.pause is not None:
        return Badge(tone="held", words=paused_words(row.pause))
    if row.skipped:
        return Badge(tone="held", words="skips next")
    if row.state is JobState.DISABLED:
        return Badge(tone="", words="disabled")
    if row.state in ODD:
        return Badge(tone="warn", words=str(row.state))
    return None


def has_failed(row: JobRow) -> bool:
    """Return True of a job whose last run ended as nobody wanted."""
    return row.last is not None and row.last.outcome in FAILURES


def _under(row: JobRow) -> str:
    words = schedule_words(row.job) if row.job else ""
    is_named = row.job is not None and row.job.title != row.job_id
    return " · ".join(filter(None, [row.job_id if is_named else "", words or "on demand"]))


def _next_words(row: JobRow) -> str:
    if row.next_start is None:
        return "" if row.state in {*BUSY, JobState.DISABLED} else str(row.state)
    if row.skipped:
        return f"skipped: {row.skipped}"
    return f"{row.next_start.astimezone():%a %d %b %H:%M}"
