# SPDX-License-Identifier: Apache-2.0
"""A line through points by medians (Theil and Sen), with how sure its slope is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations, groupby, pairwise
from math import sqrt

from debvisor_timers.history.order import deviation, median

MOST_POINTS = 60
"""Of so many points all pairs are looked at, 1,770: a millisecond."""

_SURE = 2.576
"""Of a normal distribution 99 of 100 lie within so many deviations."""

Point = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """y = start_y + slope * (x - start_x); the true slope is between low and high, 99 to 1.

    residual: the mean distance of the points from the line.
    """

    slope: float
    low: float
    high: float
    start_x: float
    start_y: float
    residual: float

    def at(self, x: float) -> float:
        """Return y at `x`."""
        return self.start_y + self.slope * (x - self.start_x)


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """Two levels, and the x of the first point on the second one."""

    x: float
    before: float
    after: float
    residual: float


def thinned(points: Sequence[Point]) -> list[Point]:
    """Return at most MOST_POINTS points: the medians of as many groups, of the same size each.

    points: in order of x.
    """
    count = len(points)
    if count <= MOST_POINTS:
        return list(points)
    bounds = [count * number // MOST_POINTS for number in range(MOST_POINTS + 1)]
    groups = [points[first:last] for first, last in pairwise(bounds)]
    return [
        (median(sorted(x for x, _ in group)), median(sorted(y for _, y in group)))
        for group in groups
    ]


def fit_line(points: Sequence[Point]) -> Line | None:
    """Return the line through `points`; None where all have the same x.

    Its slope is the median of the slopes of all pairs, so nearly a third of the points may be
    anything. Source: P. K. Sen, Estimates of the regression coefficient based on Kendall's tau,
    1968.
    """
    slopes = sorted(
        (second[1] - first[1]) / (second[0] - first[0])
        for first, second in combinations(points, 2)
        if second[0] != first[0]
    )
    if not slopes:
        return None
    slope = median(slopes)
    x = points[0][0]
    y = median(sorted(each[1] - slope * (each[0] - x) for each in points))
    off = [each[1] - y - slope * (each[0] - x) for each in points]
    low, high = _bounds(slopes, points, off)
    residual = sum(map(abs, off)) / len(points)
    return Line(slope=slope, low=low, high=high, start_x=x, start_y=y, residual=residual)


def fit_step(points: Sequence[Point], *, least: int) -> Step | None:
    """Return the two levels that fit best, each of at least `least` points; None for too few."""
    levels = [each[1] for each in points]
    best: Step | None = None
    for at in range(least, len(points) - least + 1):
        before, after = median(sorted(levels[:at])), median(sorted(levels[at:]))
        distance = sum(abs(y - before) for y in levels[:at])
        distance += sum(abs(y - after) for y in levels[at:])
        residual = distance / len(points)
        if best is None or residual < best.residual:
            best = Step(x=points[at][0], before=before, after=after, residual=residual)
    return best


def _bounds(
    slopes: Sequence[float], points: Sequence[Point], off: Sequence[float]
) -> tuple[float, float]:
    """Return between which of the sorted `slopes` the true one is; off: the points from the line.

    Where neighbours are alike, the points tell less than as many that know nothing of each other:
    by the usual factor for a process of the first order.
    """
    alike = _likeness(off)
    reach = _SURE * sqrt(_variance(points) * (1 + alike) / (1 - alike))
    low = round((len(slopes) - reach) / 2)
    high = round((len(slopes) + reach) / 2)
    return slopes[max(low, 0)], slopes[min(high, len(slopes) - 1)]


def _likeness(off: Sequence[float]) -> float:
    """Return the correlation of neighbours, 0 to 0.95; those far off count as less far.

    Of few points it comes out too small, by (1 + 4 r) / n about (Kendall, 1954).
    """
    most = 3 * deviation(sorted(off), 0.0)
    held = [min(max(each, -most), most) for each in off]
    square = sum(each * each for each in held)
    product = sum(first * second for first, second in pairwise(held))
    if not square:
        return 0.0
    found = product / square
    return min(max(found + (1 + 4 * found) / len(off), 0.0), 0.95)


def _variance(points: Sequence[Point]) -> float:
    """Return the variance of Kendall's S; points of the same x make it smaller."""
    ties = [len(list(group)) for _, group in groupby(sorted(x for x, _ in points))]
    total = _term(len(points)) - sum(map(_term, ties))
    return max(total, 0) / 18


def _term(count: int) -> int:
    return count * (count - 1) * (2 * count + 5)
