# SPDX-License-Identifier: Apache-2.0
"""The runs of a job in numbers: how many, how they ended, how long they took, what they used."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.order import median, percentile
from debvisor_timers.history.outcome import FAILURES, UNDER_WAY, RunOutcome, Trigger

__all__ = [
    "Durations",
    "Statistics",
    "Streak",
    "Usage",
    "ended",
    "has_worked",
    "statistics_of",
    "took",
]

_NO_ENDS = (RunOutcome.SKIPPED, *UNDER_WAY)
_OWN_ENDS = (RunOutcome.SUCCEEDED, RunOutcome.FAILED)


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """How long runs took that came to their own end, in seconds; p95: 95 of 100 took no longer."""

    count: int
    average: float
    median: float
    p95: float
    longest: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What runs used of one thing: CPU in seconds, memory in bytes."""

    count: int
    total: float
    median: float
    most: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Streak:
    """How many of the newest runs ended alike; `start`: when the first of them began."""

    succeeded: bool
    length: int
    start: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """The runs of one job in numbers; a field is None where no run tells.

    total: runs that have ended and were no skips: succeeded + failed + stopped. failed: includes
    timed_out and lost. stopped: by hand, which is neither a success nor a failure. success_rate:
    succeeded of succeeded and failed, 0 to 1. under_way: runs that have not ended.
    skipped: runs that were skipped; skipped_elapses: how many elapses these tell of.
    durations: from start to end, of runs that succeeded or failed by themselves: not of those that
    were cut off, by a time-out, by hand or by a crash, nor of those that never began. A time that a
    clock which was set back makes negative is left out.
    retried: runs that needed further attempts; further_attempts: how many these were.
    waited: seconds, for dependencies and locks, in waits runs, waited_longest in one.
    first, last: the oldest and the newest run that has ended and was no skip.
    """

    total: int
    succeeded: int
    failed: int
    timed_out: int
    lost: int
    stopped: int
    under_way: int
    skipped: int
    skipped_elapses: int
    success_rate: float | None
    durations: Durations | None
    first: RunFigures | None
    last: RunFigures | None
    streak: Streak | None
    retried: int
    further_attempts: int
    catch_ups: int
    waits: int
    waited: float
    waited_longest: float
    cpu: Usage | None
    memory: Usage | None


def statistics_of(runs: Sequence[RunFigures]) -> Statistics:
    """Return the numbers of `runs`, all of one job, oldest first."""
    outcomes = [run.outcome for run in runs]
    count = outcomes.count
    over = ended(runs)
    succeeded, failed = count(RunOutcome.SUCCEEDED), sum(map(count, FAILURES))
    further = [run.attempts - 1 for run in over if run.attempts > 1]
    waits = [run.waited for run in over if run.waited and run.waited > 0]
    return Statistics(
        total=len(over),
        succeeded=succeeded,
        failed=failed,
        timed_out=count(RunOutcome.TIMED_OUT),
        lost=count(RunOutcome.LOST),
        stopped=count(RunOutcome.STOPPED),
        under_way=sum(map(count, UNDER_WAY)),
        skipped=count(RunOutcome.SKIPPED),
        skipped_elapses=sum(run.elapses for run in runs if run.outcome is RunOutcome.SKIPPED),
        success_rate=succeeded / (succeeded + failed) if succeeded or failed else None,
        durations=_durations(over),
        first=over[0] if over else None,
        last=over[-1] if over else None,
        streak=_streak(over),
        retried=len(further),
        further_attempts=sum(further),
        catch_ups=sum(run.trigger is Trigger.CATCH_UP for run in over),
        waits=len(waits),
        waited=sum(waits),
        waited_longest=max(waits, default=0.0),
        cpu=_usage(run.cpu for run in over),
        memory=_usage(run.memory_peak for run in over),
    )


def ended(runs: Iterable[RunFigures]) -> list[RunFigures]:
    """Return those of `runs` that have ended and were no skips."""
    return [run for run in runs if run.outcome not in _NO_ENDS]


def has_worked(run: RunFigures) -> bool:
    """Return whether a run has ended that had an attempt at least."""
    return run.attempts > 0 and run.outcome not in _NO_ENDS


def took(run: RunFigures) -> float | None:
    """Return how long a run took that came to its own end, in seconds; None of any other."""
    if run.outcome not in _OWN_ENDS or not run.attempts:
        return None
    return run.duration if run.duration is not None and run.duration >= 0 else None


def _durations(over: Iterable[RunFigures]) -> Durations | None:
    lengths = sorted(length for run in over if (length := took(run)) is not None)
    if not lengths:
        return None
    return Durations(
        count=len(lengths),
        average=sum(lengths) / len(lengths),
        median=median(lengths),
        p95=percentile(lengths, 95),
        longest=lengths[-1],
    )


def _usage(amounts: Iterable[float | None]) -> Usage | None:
    known = sorted(amount for amount in amounts if amount is not None)
    if not known:
        return None
    return Usage(count=len(known), total=sum(known), median=median(known), most=known[-1])


def _streak(over: Sequence[RunFigures]) -> Streak | None:
    """Return the newest runs that ended alike; such as were stopped do not count."""
    alike = list(_alike(over))
    if not alike:
        return None
    succeeded = alike[0].outcome is RunOutcome.SUCCEEDED
    return Streak(succeeded=succeeded, length=len(alike), start=alike[-1].start)


def _alike(over: Sequence[RunFigures]) -> Iterator[RunFigures]:
    """Yield them, newest first."""
    first: bool | None = None
    for run in reversed(over):
        if run.outcome is RunOutcome.STOPPED:
            continue
        succeeded = run.outcome is RunOutcome.SUCCEEDED
        if first is None:
            first = succeeded
        if succeeded is not first:
            return
        yield run
