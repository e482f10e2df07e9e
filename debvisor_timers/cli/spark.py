# SPDX-License-Identifier: Apache-2.0
"""Durations drawn with characters: a line of small bars, and a histogram."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta
from itertools import groupby, pairwise
from math import ceil, floor, log

import click

from debvisor_timers.cli.results import LOOKS, Look
from debvisor_timers.cli.times import span
from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.order import median
from debvisor_timers.history.outcome import UNDER_WAY, RunOutcome

_BARS, _ASCII_BARS = "▁▂▃▄▅▆▇█", "12345678"
_PARTS, _ASCII_PART = "▏▎▍▌▋▊▉█", "#"
_WIDE = 20.0
"""Where durations differ from their median by more, a scale by logarithms shows more of them."""
_MOST_ROWS = 10
_FINEST = 50
"""A step is no finer than such a part of the longest duration: 5min to 5min tells nothing."""
_SMALLEST = 0.001
_SHORTEST_BAR = 4

_STEPS = (
    *(0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30),
    *(60, 120, 300, 600, 900, 1800, 3600, 7200, 14_400, 21_600, 43_200, 86_400, 172_800, 604_800),
)
_ROUND = (
    *(0.001, 0.01, 0.1, 1, 10, 60, 600, 3600, 36_000, 86_400, 864_000),
    *(8_640_000, 86_400_000, 864_000_000),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Strip:
    """The newest runs as bars, the newest at the right; one character a run.

    bars: by duration, a space where that is not known. signs: how each ended, a space for a
    success; empty where all succeeded. told: how many runs these are, and what the bars stand for.
    """

    bars: str
    signs: str
    told: str


def strip(runs: Sequence[RunFigures], *, width: int, is_unicode: bool) -> Strip | None:
    """Return the newest `width` of `runs` that have ended; None where no duration is known."""
    shown = _shown(runs, width)
    scale = _Scale.of(shown)
    if scale is None:
        return None
    bars = [(_bar(scale, run, is_unicode=is_unicode), _look(run)) for run in shown]
    signs = [
        (" " if look is _GOOD else _sign(look, is_unicode=is_unicode), look) for _, look in bars
    ]
    while signs and signs[-1][1] is _GOOD:
        signs.pop()
    return Strip(
        bars=_painted(bars),
        signs=_painted(signs),
        told=f"of the last {len(shown)}, {scale.words}" if len(shown) > 1 else scale.words,
    )


def short_strip(runs: Sequence[RunFigures], *, width: int, is_unicode: bool) -> str:
    """Return the same in one line: the sign of a run that did not succeed takes its bar's place."""
    shown = _shown(runs, width)
    scale = _Scale.of([run for run in shown if _look(run) is _GOOD])
    marks = []
    for run in shown:
        look = _look(run)
        is_bar = look is _GOOD and scale is not None
        sign = _sign(look, is_unicode=is_unicode)
        marks.append((_bar(scale, run, is_unicode=is_unicode) if is_bar else sign, look))
    return _painted(marks)


def histogram(lengths: Sequence[float], *, width: int, is_unicode: bool) -> Iterator[str]:
    """Yield a row for each range of durations with how many of `lengths`, at least one, it has."""
    edges = _edges(sorted(lengths))
    counts = [0] * (len(edges) - 1)
    for length in lengths:
        counts[min(max(bisect_right(edges, length) - 1, 0), len(counts) - 1)] += 1
    labels = [f"{_span(low)} to {_span(high)}" for low, high in pairwise(edges)]
    column = max(map(len, labels))
    digits = len(str(max(counts)))
    room = max(width - column - digits - 4, _SHORTEST_BAR)
    for label, number in zip(labels, counts, strict=True):
        bar = _length(number * room / max(counts), is_unicode=is_unicode)
        drawn = f"  {click.style(bar, fg='green')}" if bar else ""
        yield f"{label:>{column}}  {number:>{digits}}{drawn}"


def is_wide(ascending: Sequence[float]) -> bool:
    """Return whether durations differ so much that only a scale by logarithms shows them all."""
    middle = max(median(ascending), _SMALLEST)
    return ascending[-1] > middle * _WIDE or max(ascending[0], _SMALLEST) * _WIDE < middle


def steps_between(low: float, high: float, *, is_log: bool) -> list[float]:
    """Return round durations between two for the ticks of a scale, at most about ten."""
    if is_log:
        return [each for each in _ROUND if low <= each <= high]
    return [each for each in _even(low, high) if low <= each <= high]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Scale:
    """From a duration to a level: from nothing to the longest, or by logarithms."""

    shortest: float
    longest: float
    is_log: bool

    @classmethod
    def of(cls, runs: Sequence[RunFigures]) -> _Scale | None:
        lengths = sorted(length for run in runs if (length := _duration(run)) is not None)
        if not lengths:
            return None
        is_log = is_wide(lengths)
        shortest = max(lengths[0], _SMALLEST) if is_log else 0.0
        return cls(shortest=shortest, longest=max(lengths[-1], _SMALLEST), is_log=is_log)

    @property
    def words(self) -> str:
        if self.is_log:
            return f"{_span(self.shortest)} to {_span(self.longest)}, by logarithms"
        return f"0 to {_span(self.longest)}"

    def share(self, length: float) -> float:
        """Return how high a bar is, 0 to 1."""
        if not self.is_log:
            return length / self.longest
        height = log(max(length, self.shortest) / self.shortest)
        return height / log(self.longest / self.shortest)


def _shown(runs: Sequence[RunFigures], width: int) -> list[RunFigures]:
    """Return the newest runs that have ended and were no skips; oldest first."""
    others = (RunOutcome.SKIPPED, *UNDER_WAY)
    shown: list[RunFigures] = []
    for run in reversed(runs):
        if len(shown) == width:
            break
        if run.outcome not in others:
            shown.append(run)
    return shown[::-1]


def _duration(run: RunFigures) -> float | None:
    return run.duration if run.duration is not None and run.duration >= 0 else None


_GOOD = LOOKS[RunOutcome.SUCCEEDED]


def _look(run: RunFigures) -> Look:
    return LOOKS[run.outcome]


def _sign(look: Look, *, is_unicode: bool) -> str:
    return look.sign if is_unicode else look.ascii_sign


def _bar(scale: _Scale | None, run: RunFigures, *, is_unicode: bool) -> str:
    bars = _BARS if is_unicode else _ASCII_BARS
    length = _duration(run)
    if scale is None or length is None:
        return " "
    return bars[min(floor(scale.share(length) * len(bars)), len(bars) - 1)]


def _painted(marks: Sequence[tuple[str, Look]]) -> str:
    return "".join(
        click.style("".join(mark for mark, _ in some), fg=colour)
        for colour, some in groupby(marks, lambda mark: mark[1].colour)
    )


def _length(size: float, *, is_unicode: bool) -> str:
    """Return a bar of so many columns; what is there at all can be seen."""
    if not is_unicode:
        return _ASCII_PART * max(round(size), size > 0)
    eighths = max(round(size * len(_PARTS)), size > 0)
    whole, part = divmod(eighths, len(_PARTS))
    return _PARTS[-1] * whole + (_PARTS[part - 1] if part else "")


def _edges(ascending: Sequence[float]) -> list[float]:
    """Return where the rows of a histogram begin, and where the last one ends."""
    shortest, longest = ascending[0], ascending[-1]
    if not is_wide(ascending):
        return _even(shortest, longest)
    edges = [0.0, *_ROUND]
    first = max(bisect_right(edges, shortest) - 1, 0)
    last = min(bisect_right(edges, longest), len(edges) - 1)
    return edges[first : last + 1]


def _even(shortest: float, longest: float) -> list[float]:
    """Return round numbers at equal distances, from `shortest` or before to beyond `longest`."""
    week = _STEPS[-1]
    weeks = ceil((longest - shortest) / week / _MOST_ROWS) * week
    for step in (*_STEPS, weeks):
        if step * _FINEST < longest:
            continue
        first, last = floor(shortest / step), floor(longest / step) + 1
        if last - first <= _MOST_ROWS:
            break
    return [number * step for number in range(first, last + 1)]


def _span(seconds: float) -> str:
    return span(timedelta(seconds=seconds)) if seconds else "0"
