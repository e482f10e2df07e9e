# SPDX-License-Identifier: Apache-2.0
"""What a report tells of the runs of a period: sums, failures, flaky jobs, what was missed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.outcome import UNDER_WAY, RunOutcome, Trigger

_LEAST_CHANGES = 3
"""One failure between successes is two changes, which make no job flaky."""
_OFTEN = 50
"""One change, or one further attempt, in so many runs: what failed twice in 10,000 is not flaky."""

ByJob = Mapping[str, Sequence[RunFigures]]
"""Runs by the id of their job, each oldest first, as the journal has them."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sums:
    """The runs of a period: of all jobs, by how they ended.

    runs: those that ended and were no skips: succeeded + failed + stopped. failed: includes those
    that timed out or were lost. skipped: elapses that came to nothing.
    """

    runs: int = 0
    succeeded: int = 0
    failed: int = 0
    stopped: int = 0
    skipped: int = 0
    under_way: int = 0

    @property
    def success_rate(self) -> float | None:
        """Return the share of those that succeeded or failed, 0 to 1; None where none did."""
        judged = self.succeeded + self.failed
        return self.succeeded / judged if judged else None


@dataclass(frozen=True, slots=True, kw_only=True)
class Failed:
    """A job of which runs failed: these, newest first, and of how many runs that ended.

    is_failing: none has succeeded since.
    """

    job: str
    failures: tuple[RunFigures, ...]
    of: int
    is_failing: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Flaky:
    """A job that fails and works by turns.

    retried: how many runs succeeded only after a further attempt. changes: how often a success came
    after a failure, or a failure after a success. of: how many runs ended.
    """

    job: str
    retried: int
    changes: int
    of: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Missed:
    """What of a job did not take place as it was planned.

    skipped: how many elapses, by the reason. lost: runs that a crash cut off. catch_ups: runs that
    came later, for elapses at which the host was off. unseen: elapses that have left no trace at
    all; first, last: the first and the last of these, in seconds since 1970.
    """

    job: str
    skipped: Mapping[str, int]
    lost: int = 0
    catch_ups: int = 0
    unseen: int = 0
    first: float | None = None
    last: float | None = None


def by_job(runs: Iterable[RunFigures]) -> dict[str, list[RunFigures]]:
    """Return `runs` by the ids of their jobs, each in the order in which they come."""
    found: dict[str, list[RunFigures]] = {}
    for run in runs:
        found.setdefault(run.job, []).append(run)
    return found


def between(runs: ByJob, since: float, until: float) -> dict[str, list[RunFigures]]:
    """Return those that started from `since` on, before `until`; no job without any."""
    some = {
        job: [run for run in several if since <= run.start < until] for job, several in runs.items()
    }
    return {job: several for job, several in some.items() if several}


def sums_of(runs: ByJob) -> Sums:
    """Return how many runs there are, by how they ended."""
    count: Counter[RunOutcome] = Counter()
    skipped = 0
    for run in (run for several in runs.values() for run in several):
        count[run.outcome] += 1
        skipped += run.elapses if run.outcome is RunOutcome.SKIPPED else 0
    failed = sum(number for outcome, number in count.items() if outcome.is_failure)
    succeeded, stopped = count[RunOutcome.SUCCEEDED], count[RunOutcome.STOPPED]
    return Sums(
        runs=succeeded + failed + stopped,
        succeeded=succeeded,
        failed=failed,
        stopped=stopped,
        skipped=skipped,
        under_way=sum(count[outcome] for outcome in UNDER_WAY),
    )


def failed_jobs(runs: ByJob) -> tuple[Failed, ...]:
    """Return the jobs of which runs failed: such as fail still first, then by how many did."""
    found = []
    for job, several in runs.items():
        judged = _judged(several)
        failures = tuple(run for run in reversed(several) if run.outcome.is_failure)
        if failures:
            found.append(
                Failed(
                    job=job,
                    failures=failures,
                    of=len(judged) + _count(several, RunOutcome.STOPPED),
                    is_failing=judged[-1].outcome.is_failure,
                )
            )
    return tuple(sorted(found, key=lambda one: (not one.is_failing, -len(one.failures), one.job)))


def flaky_jobs(runs: ByJob) -> tuple[Flaky, ...]:
    """Return the jobs that fail and work by turns, or often need a further attempt."""
    found = []
    for job, several in runs.items():
        judged = _judged(several)
        retried = sum(run.outcome is RunOutcome.SUCCEEDED and run.attempts > 1 for run in several)
        changes = sum(
            one.outcome.is_failure != other.outcome.is_failure for one, other in pairwise(judged)
        )
        changes_often = changes >= _LEAST_CHANGES and changes * _OFTEN > len(judged)
        if changes_often or retried * _OFTEN > len(judged):
            found.append(Flaky(job=job, retried=retried, changes=changes, of=len(judged)))
    return tuple(sorted(found, key=lambda one: (-(one.retried + one.changes) / one.of, one.job)))


def missed_runs(runs: ByJob, unseen: Mapping[str, Sequence[float]]) -> tuple[Missed, ...]:
    """Return what did not take place as it was planned, the jobs with most of it first.

    unseen: by job the elapses that have left no trace, ascending, in seconds since 1970.
    """
    found = []
    for job in sorted(runs.keys() | unseen.keys()):
        several, gaps = runs.get(job, ()), unseen.get(job, ())
        skipped: Counter[str] = Counter()
        for run in several:
            if run.outcome is RunOutcome.SKIPPED:
                skipped[run.reason] += run.elapses
        missed = Missed(
            job=job,
            skipped=dict(skipped.most_common()),
            lost=_count(several, RunOutcome.LOST),
            catch_ups=sum(run.trigger is Trigger.CATCH_UP for run in several),
            unseen=len(gaps),
            first=gaps[0] if gaps else None,
            last=gaps[-1] if gaps else None,
        )
        if skipped or missed.lost or missed.catch_ups or gaps:
            found.append(missed)
    return tuple(sorted(found, key=lambda one: (-one.lost, -one.unseen, -_skips(one), one.job)))


def _judged(runs: Iterable[RunFigures]) -> list[RunFigures]:
    """Return those that succeeded or failed."""
    return [run for run in runs if run.outcome is RunOutcome.SUCCEEDED or run.outcome.is_failure]


def _count(runs: Iterable[RunFigures], outcome: RunOutcome) -> int:
    return sum(run.outcome is outcome for run in runs)


def _skips(missed: Missed) -> int:
    return sum(missed.skipped.values())
