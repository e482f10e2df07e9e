# SPDX-License-Identifier: Apache-2.0
"""How long the runs of a job took: points, trend and time-out, in percent of the chart.

All places are percentages, which SVG takes for circles, lines and text. So the chart has any width
without a script, and its text keeps its size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo

from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.outcome import UNDER_WAY, RunOutcome
from debvisor_timers.history.trend import DurationTrend, TrendKind

MOST = 300
"""So many runs have a point."""

_ROOM = 1.12
_NEAR = 2.5
"""A time-out farther up than that would press all points to the ground: it is told in words."""
_NICE = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30)
_MINUTES = tuple(minutes * 60 for minutes in (1, 2, 5, 10, 15, 30))
_HOURS = tuple(hours * 3600 for hours in (1, 2, 3, 6, 12, 24, 48, 96, 192))
_STEPS = (*_NICE, *_MINUTES, *_HOURS)
_TICKS = 4
_LABELS = 5
_AHEAD = 0.15
"""A line that grows is drawn on for such a share of the time that is shown."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Dot:
    """A run; x and y in percent, y from the top."""

    x: float
    y: float
    run: RunFigures
    is_odd: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """A straight line; kind: `trend`, `ahead` (not yet) or `limit`."""

    kind: str
    x1: float
    y1: float
    x2: float
    y2: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Tick:
    """A line of the grid: where, and what it says."""

    at: float
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Chart:
    """What is drawn; far_limit: the time-out is too far up to be drawn."""

    dots: tuple[Dot, ...]
    lines: tuple[Stretch, ...]
    rows: tuple[Tick, ...]
    columns: tuple[Tick, ...]
    kinds: tuple[str, ...]
    far_limit: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Plotted:
    """What a chart is made of: runs, oldest first; timeout in seconds; odd: ids of unusual runs."""

    runs: Sequence[RunFigures]
    trend: DurationTrend
    timeout: float | None
    odd: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Frame:
    """From seconds to percent."""

    first: float
    last: float
    top: float

    def x(self, at: float) -> float:
        return round((at - self.first) / (self.last - self.first) * 100, 2)

    def y(self, seconds: float) -> float:
        return round(100 - seconds / self.top * 100, 2)


def chart(plotted: Plotted, zone: tzinfo = UTC) -> Chart | None:
    """Return the chart of the newest runs that have ended; None of fewer than two."""
    known = [run for run in plotted.runs if _has_length(run)][-MOST:]
    if len(known) < 2 or known[0].start == known[-1].start:
        return None
    longest = max(run.duration or 0.0 for run in known)
    timeout = plotted.timeout
    is_near = timeout is not None and timeout <= longest * _NEAR
    top = max(longest, timeout if is_near and timeout else 0.0, 0.001) * _ROOM
    length = known[-1].start - known[0].start
    grows = plotted.trend.kind is TrendKind.GROWING
    last = known[-1].start + (length * _AHEAD if grows else 0.0)
    frame = _Frame(first=known[0].start, last=last, top=top)
    limit = _level("limit", frame, timeout) if is_near and timeout else ()
    return Chart(
        dots=tuple(_dot(frame, run, is_odd=run.id in plotted.odd) for run in known),
        lines=(*limit, *_trend(frame, plotted.trend, known[-1].start)),
        rows=tuple(_rows(frame)),
        columns=tuple(_columns(frame, zone)),
        kinds=tuple(dict.fromkeys(str(run.outcome) for run in known)),
        far_limit=timeout is not None and not is_near,
    )


def _has_length(run: RunFigures) -> bool:
    is_over = run.outcome not in UNDER_WAY and run.outcome is not RunOutcome.SKIPPED
    return is_over and run.duration is not None and run.duration >= 0


def _dot(frame: _Frame, run: RunFigures, *, is_odd: bool) -> Dot:
    return Dot(x=frame.x(run.start), y=frame.y(run.duration or 0.0), run=run, is_odd=is_odd)


def _level(kind: str, frame: _Frame, seconds: float) -> tuple[Stretch, ...]:
    y = frame.y(seconds)
    return (Stretch(kind=kind, x1=0.0, y1=y, x2=100.0, y2=y),)


def _trend(frame: _Frame, trend: DurationTrend, newest: float) -> Iterator[Stretch]:
    """Yield the line of a trend, as far as it is in the frame."""
    if trend.kind is TrendKind.TOO_FEW:
        return
    begin = max(trend.first, frame.first)
    if trend.kind is TrendKind.STEP and trend.step:
        at = min(max(trend.step.x, frame.first), newest)
        if at > begin:
            yield _line("trend", frame, (begin, trend.step.before), (at, trend.step.before))
        yield _line("trend", frame, (at, trend.step.after), (newest, trend.step.after))
        return
    slope = trend.slope if trend.kind in {TrendKind.GROWING, TrendKind.SHRINKING} else 0.0
    start = trend.now - slope * (trend.last - begin)
    yield _line("trend", frame, (begin, start), (newest, trend.now))
    if trend.kind is TrendKind.GROWING:
        ahead = trend.now + slope * (frame.last - newest)
        yield _line("ahead", frame, (newest, trend.now), (frame.last, ahead))


def _line(
    kind: str, frame: _Frame, begin: tuple[float, float], end: tuple[float, float]
) -> Stretch:
    (x1, y1), (x2, y2) = begin, end
    return Stretch(
        kind=kind,
        x1=frame.x(x1),
        y1=max(frame.y(max(y1, 0.0)), 0.0),
        x2=frame.x(x2),
        y2=max(frame.y(max(y2, 0.0)), 0.0),
    )


def _rows(frame: _Frame) -> Iterator[Tick]:
    step = next((each for each in _STEPS if frame.top / each <= _TICKS + 1), frame.top / _TICKS)
    for number in range(int(frame.top / step) + 1):
        seconds = number * step
        yield Tick(at=frame.y(seconds), words=_length(seconds))


def _columns(frame: _Frame, zone: tzinfo) -> Iterator[Tick]:
    days = (frame.last - frame.first) / 86_400
    form = "%H:%M" if days < 1 else "%a %H:%M" if days < 4 else "%d %b" if days < 300 else "%b %Y"
    for number in range(_LABELS):
        at = frame.first + (frame.last - frame.first) * number / (_LABELS - 1)
        words = datetime.fromtimestamp(at, zone).strftime(form)
        yield Tick(at=frame.x(at), words=words.lstrip("0") if form == "%d %b" else words)


def _length(seconds: float) -> str:
    if seconds == 0:
        return "0"
    if seconds < 1:
        return f"{seconds * 1000:g} ms"
    if seconds < 60:
        return f"{seconds:g} s"
    if seconds < 3600:
        return f"{seconds / 60:g} min"
    return f"{timedelta(seconds=seconds) / timedelta(hours=1):g} h"
