# SPDX-License-Identifier: Apache-2.0
"""The durations of a job over time, drawn by matplotlib: nothing else here loads it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from io import BytesIO
from textwrap import fill
from typing import TYPE_CHECKING, Any

from debvisor_timers.cli import times
from debvisor_timers.cli.spark import is_wide, steps_between
from debvisor_timers.errors import UsageError
from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.history.trend import DurationTrend, TrendKind
from debvisor_timers.operations.past.trend_words import duration_words

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from debvisor_timers.history.figures import RunFigures
    from debvisor_timers.operations.past.stats import JobStatistics

_INCHES, _DOTS = (10.0, 5.0), 120
_LETTERS = 120
_MOST_MARKS = 3000
"""Of one kind: an SVG with more is slow to look at, so it holds them as one image."""
_CELLS = (1000, 400)
"""Marks that fall into the same one of so many are drawn once: nobody could tell them apart."""
_SMALLEST = 0.001
_MOST_COLUMNS = 7
_DAY, _HOUR = 86_400.0, 3600.0
_INK, _FAINT = "#1b1f24", "#57606a"
_SKIPPED = 0.03
"""How high ticks of skips stand, a share of the picture: on the axis they look like its own."""

_TICKS = ("%Y", "%b", "%-d %b", "%H:%M", "%H:%M", "%S.%f")
_FIRST_TICKS = ("", "%Y", "%-d %b", "%-d %b", "%H:%M", "%H:%M")
_RESTS = ("", "%Y, ", "%Y, ", "%Y-%b-%d, ", "%Y-%b-%d, ", "%Y-%b-%d, ")
"""What ticks that are years, months, days, hours, minutes, seconds apart say: a day its month too.

And the first ones of a year, a month, a day, an hour; and what is left to say, beside them.
"""

_STYLE = {
    "svg.hashsalt": "debvisor-timers",
    "svg.fonttype": "none",
    "font.family": ["DejaVu Sans", "sans-serif"],
    "font.size": 10.0,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": _FAINT,
    "axes.labelcolor": _INK,
    "axes.axisbelow": True,
    "text.color": _INK,
    "xtick.color": _FAINT,
    "ytick.color": _FAINT,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kind:
    """How runs of an outcome are marked: by shape and by colour, so that either may be missed."""

    outcome: RunOutcome
    shape: str
    colour: str

    @property
    def word(self) -> str:
        return str(self.outcome).replace("_", " ")


_KINDS = (
    _Kind(outcome=RunOutcome.SUCCEEDED, shape="o", colour="#1a7f37"),
    _Kind(outcome=RunOutcome.FAILED, shape="X", colour="#cf222e"),
    _Kind(outcome=RunOutcome.TIMED_OUT, shape="^", colour="#8250df"),
    _Kind(outcome=RunOutcome.STOPPED, shape="s", colour="#bf8700"),
    _Kind(outcome=RunOutcome.LOST, shape="D", colour="#82071e"),
    _Kind(outcome=RunOutcome.SKIPPED, shape="|", colour="#0969da"),
)


def plot(job: JobStatistics, *, kind: str, zone: tzinfo, now: datetime) -> bytes:
    """Return the picture of a job as a file of `kind`, svg or png.

    zone: in which the axis of time is told. The same runs give the same bytes. Raises UsageError
    where matplotlib is not installed.
    """
    # It would say on stderr that it makes a cache of its fonts, or cannot.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    try:
        import matplotlib as mpl
        from matplotlib.backends.backend_agg import FigureCanvasAgg
        from matplotlib.figure import Figure
    except ImportError as error:
        raise UsageError(
            f"drawing needs matplotlib, which cannot be loaded: {error}",
            fix="apt install python3-matplotlib",
        ) from error
    written = BytesIO()
    with mpl.rc_context(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a letter that no font has is no reason to talk
        mpl.rcdefaults()  # neither the user's settings nor those of the current folder count
        mpl.rcParams.update(_STYLE)
        figure = Figure(figsize=_INCHES, dpi=_DOTS, facecolor="white")
        figure.set_layout_engine("constrained", h_pad=0.1, w_pad=0.1)
        FigureCanvasAgg(figure)
        _Picture(figure, job, zone).draw(now)
        metadata = {"Date": None} if kind == "svg" else {"Software": None}
        figure.savefig(written, format=kind, metadata=metadata)
    return written.getvalue()


class _Picture:
    """One job on a figure."""

    def __init__(self, figure: Figure, job: JobStatistics, zone: tzinfo) -> None:
        self._figure = figure
        self._axes = figure.add_subplot()
        self._job = job
        self._zone = zone
        self._trend = job.duration_trend()
        self._lengths = sorted(length for run in job.runs if (length := _duration(run)) is not None)
        self._is_log = bool(self._lengths) and is_wide(self._lengths)

    def draw(self, now: datetime) -> None:
        """Draw everything; now: from when on the words foresee."""
        self._say(now)
        if not self._job.runs:
            self._axes.text(
                0.5, 0.5, "no runs", transform=self._axes.transAxes, ha="center", color=_FAINT
            )
            self._axes.set_axis_off()
            return
        self._draw_time()
        self._draw_heights()
        for kind in _KINDS:
            self._mark(kind, [run for run in self._job.runs if run.outcome is kind.outcome])
        self._draw_lines()
        entries = len(
            [each for each in self._axes.get_lines() if not str(each.get_label()).startswith("_")]
        )
        columns = entries if entries <= _MOST_COLUMNS else -(-entries // 2)
        self._figure.legend(loc="outside lower center", ncols=columns, frameon=False, fontsize=9)

    def _say(self, now: datetime) -> None:
        job = self._job
        name = job.job_id if job.title == job.job_id else f"{job.job_id}: {job.title}"
        self._figure.suptitle(
            fill(_printable(name), _LETTERS - 30, max_lines=2),
            x=0.01,
            ha="left",
            fontsize=13,
            fontweight="bold",
            parse_math=False,
        )
        if self._trend.kind is not TrendKind.TOO_FEW:
            words = duration_words(self._trend, timeout=job.timeout, now=now)
            self._axes.set_title(fill(words, _LETTERS), loc="left", fontsize=9.5, color=_FAINT)

    def _draw_time(self) -> None:
        from matplotlib.dates import AutoDateLocator, ConciseDateFormatter

        starts = [run.start for run in self._job.runs]
        first, last = min(starts), max(starts)
        margin = max((last - first) * 0.02, _HOUR)
        self._axes.set_xlim(_days(first - margin), _days(last + margin))
        locator = AutoDateLocator(tz=self._zone, minticks=3, maxticks=9)  # type: ignore[no-untyped-call]
        self._axes.xaxis.set_major_locator(locator)
        formatter = ConciseDateFormatter(  # type: ignore[no-untyped-call]
            locator,
            tz=self._zone,
            formats=_TICKS,
            zero_formats=_FIRST_TICKS,
            offset_formats=[f"{rest}{self._zone}" for rest in _RESTS],
        )
        self._axes.xaxis.set_major_formatter(formatter)

    def _draw_heights(self) -> None:
        from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

        axes = self._axes
        if not self._lengths:
            axes.set_yticks([])
            axes.spines["left"].set_visible(False)
            return
        lowest, highest = self._range()
        axes.set_ylabel("duration, logarithmic" if self._is_log else "duration")
        axes.set_yscale("log" if self._is_log else "linear")
        axes.set_ylim(lowest, highest)
        ticks = steps_between(lowest, highest, is_log=self._is_log)
        axes.yaxis.set_major_locator(FixedLocator(ticks))
        axes.yaxis.set_minor_locator(NullLocator())
        axes.yaxis.set_major_formatter(FuncFormatter(lambda at, _: _span(float(at))))
        axes.grid(axis="y", color="#d8dee4", linewidth=0.8)

    def _range(self) -> tuple[float, float]:
        """Return the lowest and the highest duration that there is room for."""
        longest = max(self._lengths[-1], _SMALLEST)
        limit = self._limit()
        highest = max(longest, limit or 0.0)
        if self._is_log:
            return max(self._lengths[0], _SMALLEST) / 3, highest * 1.6
        return 0.0, highest * 1.08

    def _height(self, length: float) -> float:
        """Return where a duration stands: a scale by logarithms has no place for nothing."""
        return max(length, _SMALLEST) if self._is_log else length

    def _limit(self) -> float | None:
        """Return the time-out, None where it is so far above that all else would be flat."""
        if self._job.timeout is None or not self._lengths:
            return None
        limit, longest = self._job.timeout.total_seconds(), max(self._lengths[-1], _SMALLEST)
        return limit if limit <= longest * (30 if self._is_log else 3) else None

    def _mark(self, kind: _Kind, runs: Sequence[RunFigures]) -> None:
        """Draw runs at their durations, those without one at the bottom."""
        known = [(run.start, length) for run in runs if (length := _duration(run)) is not None]
        others = [run.start for run in runs if _duration(run) is None]
        style: dict[str, Any] = {"linestyle": "", "marker": kind.shape, "color": kind.colour}
        if known:
            few = self._told_apart(known)
            faint = kind.outcome is RunOutcome.SUCCEEDED and len(few) > 300
            self._axes.plot(
                [_days(start) for start, _ in few],
                [self._height(length) for _, length in few],
                **style,
                label=f"{len(known)} {kind.word}",
                markersize=3.5 if faint else 6,
                alpha=0.5 if faint else 0.9,
                markeredgewidth=0,
                rasterized=len(few) > _MOST_MARKS,
                zorder=3 if kind.outcome is RunOutcome.SUCCEEDED else 4,
            )
        if others:
            apart = sorted({round(_days(start), 4) for start in others})
            is_skip = kind.outcome is RunOutcome.SKIPPED
            why = "" if is_skip else " (no duration)"
            self._axes.plot(
                apart,
                [_SKIPPED if is_skip else 0.0] * len(apart),
                **style,
                label=f"{len(others)} {kind.word}{why}",
                transform=self._axes.get_xaxis_transform(),
                markersize=9 if is_skip else 6.5,
                markerfacecolor="white",
                markeredgewidth=1.4,
                rasterized=len(apart) > _MOST_MARKS,
                clip_on=False,
                zorder=4,
            )

    def _told_apart(self, points: Iterable[tuple[float, float]]) -> list[tuple[float, float]]:
        """Return one of the points of each cell."""
        left, right = self._axes.get_xlim()
        found: dict[tuple[int, int], tuple[float, float]] = {}
        scale = self._axes.transScale
        (_, low), (_, high) = scale.transform([(left, each) for each in self._axes.get_ylim()])
        points = list(points)
        heights = scale.transform([(left, self._height(length)) for _, length in points])
        for point, (_, height) in zip(points, heights, strict=True):
            column = int((_days(point[0]) - left) / (right - left) * _CELLS[0])
            row = int((height - low) / (high - low) * _CELLS[1])
            found.setdefault((column, row), point)
        return list(found.values())

    def _draw_lines(self) -> None:
        axes, numbers = self._axes, self._job.statistics
        if limit := self._limit():
            words = f"time-out {_span(limit)}"
            axes.axhline(limit, color="#cf222e", linewidth=1.2, linestyle="--", label=words)
        if numbers.durations and numbers.durations.count > 1:
            middle = numbers.durations.median
            words = f"median {_span(middle)}"
            line = axes.axhline(self._height(middle), color=_INK, linewidth=1.4, linestyle=":")
            line.set(label=words, gid="median", zorder=5)
        for number, part in enumerate(_trend_parts(self._trend)):
            axes.plot(
                [_days(start) for start, _ in part],
                [self._height(length) for _, length in part],
                color="#0550ae",
                linewidth=2,
                label="_" if number else "trend",
                zorder=5,
            )


def _trend_parts(trend: DurationTrend) -> Iterator[list[tuple[float, float]]]:
    """Yield the lines that show a trend, as points; none where there is no trend."""
    if trend.step:
        yield [(trend.first, trend.step.before), (trend.step.x, trend.step.before)]
        yield [(trend.step.x, trend.step.after), (trend.last, trend.step.after)]
    elif trend.kind in {TrendKind.GROWING, TrendKind.SHRINKING}:
        # Many points: a straight line is a curve where the scale is one of logarithms.
        length = trend.last - trend.first
        yield [
            (trend.last - length * share / 50, trend.now - trend.slope * length * share / 50)
            for share in range(50, -1, -1)
        ]


def _duration(run: RunFigures) -> float | None:
    """Return how high a run stands; None for a skip, which took no time worth the name."""
    if run.outcome is RunOutcome.SKIPPED or run.duration is None or run.duration < 0:
        return None
    return run.duration


def _days(seconds: float) -> float:
    """Return seconds since 1970 as matplotlib counts time: in days."""
    return seconds / _DAY


def _span(seconds: float) -> str:
    return times.span(timedelta(seconds=seconds)) if seconds else "0"


def _printable(text: str) -> str:
    """Return `text` without what no XML can hold."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
