# SPDX-License-Identifier: Apache-2.0
"""Whether the runs of a job take longer and longer, and whether they fail more and more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from math import exp, lgamma

from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.order import median
from debvisor_timers.history.outcome import FAILURES, RunOutcome
from debvisor_timers.history.slope import Line, Point, Step, fit_line, fit_step, thinned

FEWEST = 10
"""With fewer runs than that nobody can tell a trend from chance."""

_SHORTEST = 7 * 86_400.0
"""A job that takes longer in the evening, or on Sundays, gets no slower."""
_NOTICEABLE_SHARE, _NOTICEABLE_SECONDS = 0.1, 1.0
_LEAST_OF_A_LEVEL = 5
_CLEARLY = 0.75
_ABOVE_NOISE = 4.5
_SELDOM = 0.07
"""One in 14: of what is slow on a day of each week, or of every other, more has the other level."""
_FARTHEST = 2.0
_BY_CHANCE = 0.05


class TrendKind(StrEnum):
    """What can be said of a development.

    TOO_FEW: there are too few runs, or they began within too short a time. STEP: what was steady
    has changed at one time, and is steady again.
    """

    TOO_FEW = "too_few"
    STEADY = "steady"
    GROWING = "growing"
    SHRINKING = "shrinking"
    STEP = "step"


@dataclass(frozen=True, slots=True, kw_only=True)
class DurationTrend:
    """How the durations of runs that succeeded at once develop, what they waited left out.

    count: of these runs. slope, low, high: seconds longer per second of time, and between which two
    it is with a certainty of 99 %. level: the duration in the middle of the time, in seconds.
    first, last: the starts of the oldest and the newest run. now: the duration that the line has at
    `last`. Of what is STEADY, both are the median. limit_at: when a GROWING one reaches the
    time-out, if that is not too far away to be foreseen. step: only of a STEP. Where the kind is
    TOO_FEW, only count counts.
    """

    kind: TrendKind
    count: int
    slope: float = 0.0
    low: float = 0.0
    high: float = 0.0
    level: float = 0.0
    first: float = 0.0
    last: float = 0.0
    now: float = 0.0
    limit_at: float | None = None
    step: Step | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class FailureTrend:
    """How many of the older half of the runs failed, and how many of the newer half.

    GROWING: more fail, and that is chance once in 20 times at most (Fisher's exact test).
    """

    kind: TrendKind
    failed_before: int
    before: int
    failed_after: int
    after: int


def working_time(run: RunFigures) -> float | None:
    """Return how long a run took that succeeded at its first attempt, less what it waited.

    None of any other. A failure ends early, a retry adds its delay, a lock says nothing of the job.
    """
    length = run.duration
    if run.outcome is not RunOutcome.SUCCEEDED or run.attempts != 1:
        return None
    if length is None or length < 0:
        return None
    return max(length - run.waited, 0.0) if run.waited else length


def duration_trend(runs: Sequence[RunFigures], *, timeout: float | None) -> DurationTrend:
    """Return how the durations of `runs`, oldest first, develop.

    timeout: seconds that an attempt may take; None: any. A trend is told where its slope is not
    zero with a certainty of 99 %, and makes a tenth of the duration, and a second, in all; a step
    where two levels fit clearly better than a line, differ by more than the runs scatter, and have
    few runs of each other.
    """
    points = sorted(
        (run.start, length) for run in runs if (length := working_time(run)) is not None
    )
    few = thinned(points)
    line = fit_line(few) if len(points) >= FEWEST else None
    if line is None or points[-1][0] - points[0][0] < _SHORTEST:
        return DurationTrend(kind=TrendKind.TOO_FEW, count=len(points))
    first, last = points[0][0], points[-1][0]
    level, now = line.at((first + last) / 2), line.at(last)
    step = _step(few, line)
    kind = TrendKind.STEP if step else _kind(line, level, last - first)
    if kind is TrendKind.STEADY:
        # What a line through the means of pairs says is more than most runs take.
        level = now = median(sorted(length for _, length in points))
    return DurationTrend(
        kind=kind,
        count=len(points),
        slope=line.slope,
        low=line.low,
        high=line.high,
        level=level,
        first=first,
        last=last,
        now=step.after if step else now,
        limit_at=_limit_at(line, now, timeout, (first, last))
        if kind is TrendKind.GROWING
        else None,
        step=step,
    )


def failure_trend(runs: Sequence[RunFigures]) -> FailureTrend:
    """Return whether more of the newer half of `runs`, oldest first, failed than of the older."""
    failed = [
        run.outcome in FAILURES
        for run in runs
        if run.outcome is RunOutcome.SUCCEEDED or run.outcome in FAILURES
    ]
    half = len(failed) // 2
    before, after = sum(failed[:half]), sum(failed[half:])
    return FailureTrend(
        kind=_failure_kind(before, half, after, len(failed) - half),
        failed_before=before,
        before=half,
        failed_after=after,
        after=len(failed) - half,
    )


def chance(marked: int, drawn: int, others_marked: int, others: int) -> float:
    """Return how likely it is to draw `marked` or more by chance: Fisher's exact test, one side.

    So many of `drawn` are marked, and `others_marked` of `others`. The value itself counts by half
    (mid-p): else the test is much more careful than it says with few runs.
    """
    all_marked = marked + others_marked
    most = min(drawn, all_marked)
    term = exp(
        _choices(drawn, marked)
        + _choices(others, others_marked)
        - _choices(drawn + others, all_marked)
    )
    total = term / 2
    for count in range(marked, most):
        ways = (drawn - count) * (all_marked - count)
        term *= ways / ((count + 1) * (others - all_marked + count + 1))
        total += term
        if term < total * 1e-12:
            break
    return total


def _kind(line: Line, level: float, length: float) -> TrendKind:
    is_certain = line.low > 0 or line.high < 0
    if not is_certain or not _is_noticeable(line.slope * length, level):
        return TrendKind.STEADY
    return TrendKind.GROWING if line.slope > 0 else TrendKind.SHRINKING


def _step(points: Sequence[Point], line: Line) -> Step | None:
    """Return the step that says it clearly better than the line, which would foresee nonsense."""
    step = fit_step(points, least=_LEAST_OF_A_LEVEL)
    if step is None or step.residual >= line.residual * _CLEARLY:
        return None
    change = step.after - step.before
    is_clear = abs(change) > step.residual * _ABOVE_NOISE
    is_told = is_clear and _is_noticeable(change, step.before) and _is_lasting(step, points)
    return step if is_told else None


def _is_lasting(step: Step, points: Sequence[Point]) -> bool:
    """Return False where both levels were there before and after: a weekend comes each week."""
    reach = abs(step.after - step.before) / 2
    before = [abs(y - step.after) < reach for x, y in points if x < step.x]
    after = [abs(y - step.before) < reach for x, y in points if x >= step.x]
    return all(sum(others) <= len(others) * _SELDOM for others in (before, after))


def _is_noticeable(change: float, level: float) -> bool:
    return abs(change) >= max(level * _NOTICEABLE_SHARE, _NOTICEABLE_SECONDS)


def _limit_at(
    line: Line, now: float, timeout: float | None, between: tuple[float, float]
) -> float | None:
    """Return when the line reaches the time-out; None where that is too far off to be foreseen."""
    if timeout is None or line.slope <= 0:
        return None
    first, last = between
    wait = max(timeout - now, 0.0) / line.slope
    return last + wait if wait <= (last - first) * _FARTHEST else None


def _failure_kind(before: int, half: int, after: int, rest: int) -> TrendKind:
    if half + rest < FEWEST:
        return TrendKind.TOO_FEW
    if chance(after, rest, before, half) * 2 < _BY_CHANCE:
        return TrendKind.GROWING
    if chance(before, half, after, rest) * 2 < _BY_CHANCE:
        return TrendKind.SHRINKING
    return TrendKind.STEADY


def _choices(count: int, chosen: int) -> float:
    """Return the logarithm of how many ways there are to choose `chosen` of `count`."""
    return lgamma(count + 1) - lgamma(chosen + 1) - lgamma(count - chosen + 1)
