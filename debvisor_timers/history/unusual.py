# SPDX-License-Identifier: Apache-2.0
"""Runs that were unlike those before them: too long, too short, too much memory."""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from math import exp, log

from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.order import deviation, median
from debvisor_timers.history.statistics import has_worked
from debvisor_timers.history.trend import working_time

_LOOKED_AT = 200
_COMPARED_WITH = 100
_FEWEST = 10
_DEVIATIONS = 4.0
_LEAST_DEVIATION = 0.1
"""A tenth: of a job that takes the same each time only what differs by half is unusual."""
_RARE = 20
"""What one in so many did, and half as much again, is usual too: weekly runs may take longer."""
_BEYOND = log(1.5)


class Oddity(StrEnum):
    """In what way a run was unusual."""

    LONG = "too_long"
    SHORT = "too_short"
    MEMORY = "too_much_memory"


@dataclass(frozen=True, slots=True, kw_only=True)
class Unusual:
    """An unusual run; value and usual in seconds or bytes, usual: the median of those before it."""

    run: str
    start: float
    oddity: Oddity
    value: float
    usual: float

    @property
    def factor(self) -> float:
        """Return how many times the usual it was; for a short run, a part of 1."""
        return self.value / self.usual


def unusual_runs(runs: Sequence[RunFigures]) -> list[Unusual]:
    """Return the unusual ones of the newest 200 of `runs`, which are oldest first; newest first.

    Each is compared with up to 100 before it, at least 10. It has to be more than 4 deviations
    (by the median, of the logarithm) from their median, half as much again beyond what one in 20
    of them did, and differ by a second or 16 MiB. Durations: of runs that succeeded at once.
    """
    lengths = _newest((run, working_time(run)) for run in reversed(runs))
    peaks = _newest((run, run.memory_peak) for run in reversed(runs) if has_worked(run))
    found = [
        *_found(lengths, least=1.0, smallest=0.001, oddities=(Oddity.LONG, Oddity.SHORT)),
        *_found(peaks, least=16.0 * 1024**2, smallest=1.0, oddities=(Oddity.MEMORY, None)),
    ]
    return sorted(found, key=lambda one: one.start, reverse=True)


def _newest(
    values: Iterable[tuple[RunFigures, float | None]],
) -> list[tuple[RunFigures, float]]:
    """Return as many of `values`, newest first, as are looked at or compared with; oldest first."""
    known = ((run, value) for run, value in values if value is not None)
    return list(islice(known, _LOOKED_AT + _COMPARED_WITH))[::-1]


def _found(
    values: Sequence[tuple[RunFigures, float]],
    *,
    least: float,
    smallest: float,
    oddities: tuple[Oddity, Oddity | None],
) -> Iterator[Unusual]:
    high, low = oddities
    before = _Before(smallest)
    for number, (run, value) in enumerate(values):
        if before.is_enough and number >= len(values) - _LOOKED_AT:
            usual, shortest, longest = before.bounds()
            if value > longest and value - usual >= least:
                yield _unusual(run, high, value, usual)
            elif low and value < shortest and usual - value >= least:
                yield _unusual(run, low, value, usual)
        before.add(value)


def _unusual(run: RunFigures, oddity: Oddity, value: float, usual: float) -> Unusual:
    return Unusual(run=run.id, start=run.start, oddity=oddity, value=value, usual=usual)


class _Before:
    """The logarithms of the values of the newest 100 runs before one, also in ascending order."""

    def __init__(self, smallest: float) -> None:
        """Take no value for less than `smallest`: zero has no logarithm."""
        self._smallest = smallest
        self._newest = deque[float]()
        self._ascending: list[float] = []

    def add(self, value: float) -> None:
        if len(self._newest) == _COMPARED_WITH:
            del self._ascending[bisect_left(self._ascending, self._newest.popleft())]
        self._newest.append(log(max(value, self._smallest)))
        insort(self._ascending, self._newest[-1])

    @property
    def is_enough(self) -> bool:
        return len(self._newest) >= _FEWEST

    def bounds(self) -> tuple[float, float, float]:
        """Return the usual value, and those below and above which one is unusual."""
        middle = median(self._ascending)
        reach = _DEVIATIONS * max(deviation(self._ascending, middle), _LEAST_DEVIATION)
        rare = len(self._ascending) // _RARE
        low = min(middle - reach, self._ascending[rare] - _BEYOND)
        high = max(middle + reach, self._ascending[-1 - rare] + _BEYOND)
        return exp(middle), exp(low), exp(high)
