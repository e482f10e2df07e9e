# SPDX-License-Identifier: Apache-2.0
"""The runs of a day or a week as lanes of marks, one lane a job; places in 1/10000 of the width.

A lane with few marks has a shape for each of them, which says what it is. One with many has one
shape for each kind: a week of 500 jobs has more marks than a browser shows in good time.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.outcome import Ending, RunOutcome
from debvisor_timers.operations.coming.cells import edges
from debvisor_timers.operations.coming.constant import QUARTER
from debvisor_timers.operations.coming.timeline import (
    Quarter,
    Row,
    Timeline,
    busiest,
    end_of,
    zone_of,
)
from debvisor_timers.operations.coming.upcoming import Upcoming
from debvisor_timers.operations.times import span

WIDTH, HEIGHT = 10_000, 24
"""Of a lane; its width is stretched to that of the page."""

_LOAD = 44
_FEW = 40
"""So many marks of a lane, or all its failures, have a shape each."""
_LEAST = 26.0
_TICK = 16.0
_BUSIEST = 5
_NAMED = 8
_HIGH, _FLAT, _THIN = (3.0, 18.0), (6.0, 12.0), (10.0, 4.0)
_SLIM = {RunOutcome.SUCCEEDED, RunOutcome.RUNNING, RunOutcome.WAITING}
_WORDS = {
    **{f"f-{outcome}": outcome.replace("_", " ") for outcome in RunOutcome},
    "f-ahead": "will start",
    "f-window": "may start (jitter)",
    "f-constant": "in every quarter of an hour",
    "f-skip": "will be skipped",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """A shape of a lane: one run, or all of a kind; href: of the page of that run, if any.

    told: what it is, empty of a shape that stands for many. is_bad: it has to be found.
    """

    kind: str
    path: str
    told: str = ""
    href: str = ""
    is_bad: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Lane:
    """A job and its marks; label: what they show, in words. is_off: disabled, or gone."""

    job_id: str
    label: str
    marks: tuple[Mark, ...]
    is_off: bool = False
    is_gone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Hour:
    """A line of the grid, in percent of the width; is_day: a midnight.

    is_fine: its words may be left out where there is little room.
    """

    at: float
    words: str
    day: str = ""
    is_day: bool = False
    is_fine: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Gathering:
    """A quarter of an hour in which many jobs start: where, in percent, and which."""

    at: float
    width: float
    when: str
    starts: str
    jobs: tuple[str, ...]
    more: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Picture:
    """All that a page needs of a timeline.

    now: in percent, None where it is not shown. load: one bar a quarter. highest: of these.
    kinds: of the marks that are there, each with what it means. idle: how many jobs have none.
    """

    title: str
    lanes: tuple[Lane, ...]
    hours: tuple[Hour, ...]
    now: float | None
    now_words: str
    load: tuple[Mark, ...]
    highest: float
    gatherings: tuple[Gathering, ...]
    kinds: tuple[tuple[str, str], ...]
    notes: tuple[str, ...]
    zone: str
    idle: int


def picture(line: Timeline, days: int) -> Picture:
    """Return the picture of `line`, which shows `days` days; jobs without a run are left out."""
    board = _Board(line)
    lanes = tuple(board.lane(row) for row in line.rows if row.starts)
    used = {mark.kind for lane in lanes for mark in lane.marks}
    highest = max((quarter.load for quarter in line.quarters), default=0.0)
    is_now = line.start <= line.now < line.end
    return Picture(
        title=_title(line),
        lanes=lanes,
        hours=tuple(_hours(board, days)),
        now=board.percent(line.now) if is_now else None,
        now_words=f"{line.now.astimezone(board.zone):%H:%M}",
        load=tuple(_load(board, highest)),
        highest=highest,
        gatherings=tuple(_gatherings(board, days)),
        kinds=tuple((kind, words) for kind, words in _WORDS.items() if kind in used),
        notes=tuple(_notes(line)),
        zone=line.zone,
        idle=len(line.rows) - len(lanes),
    )


class _Board:
    """A timeline to draw on: from instants to places."""

    def __init__(self, line: Timeline) -> None:
        self.line = line
        self.zone = zone_of(line.zone)
        self._start = line.start.timestamp()
        self._length = line.end.timestamp() - self._start

    def x(self, seconds: float) -> float:
        """Return where an instant lies; those outside are moved to the edge."""
        return WIDTH * min(max((seconds - self._start) / self._length, 0.0), 1.0)

    def percent(self, at: datetime) -> float:
        """Return the same in percent."""
        return round(self.x(at.timestamp()) * 100 / WIDTH, 3)

    def lane(self, row: Row) -> Lane:
        """Return the lane of a job: what is to come first, so that nothing hides a failure."""
        ahead = [self._ahead(run) for run in row.runs]
        past = sorted(row.past, key=lambda run: run.outcome.is_failure)
        done = [self._past(run) for run in past]
        marks = [*ahead, *done]
        if len(marks) > _FEW:
            bad = [mark for mark in done if mark.is_bad][-_FEW:]
            marks = [*_merged(each for each in marks if each not in bad), *bad]
        if row.job_id in self.line.constant and (constant := self._constant(row)):
            marks.insert(0, constant)
        return Lane(
            job_id=row.job_id,
            label=_label(row, is_constant=row.job_id in self.line.constant),
            marks=tuple(marks),
            is_off=not row.enabled,
            is_gone=row.is_gone,
        )

    def _past(self, run: RunFigures) -> Mark:
        left, right = self.x(run.start), self.x(end_of(run, self.line.now.timestamp()))
        is_skip = run.outcome is RunOutcome.SKIPPED
        top, height = _THIN if is_skip else _FLAT if run.outcome in _SLIM else _HIGH
        width = max(right - left, _LEAST * 2 if is_skip else _LEAST)
        return Mark(
            kind=f"f-{run.outcome}",
            path=_box(min(left, WIDTH - width), top, width, height),
            told=_past_told(self, run),
            href=f"/jobs/{run.job}/runs/{run.id}",
            is_bad=run.outcome.is_failure,
        )

    def _ahead(self, run: Upcoming) -> Mark:
        left, right = self.x(run.at.timestamp()), self.x(run.latest.timestamp())
        told = _ahead_told(self, run)
        if run.skipped:
            return Mark(kind="f-skip", path=_box(left, *_across(_THIN, _LEAST * 2)), told=told)
        if run.latest > run.at:
            width = max(right - left, _TICK)
            return Mark(kind="f-window", path=_box(left, *_across(_FLAT, width)), told=told)
        return Mark(kind="f-ahead", path=_box(left, *_across(_HIGH, _TICK)), told=told)

    def _constant(self, row: Row) -> Mark | None:
        line = self.line
        left = 0.0 if line.is_by_calendar else self.x(line.now.timestamp())
        told = f"{row.job_id}: in every quarter of an hour, {row.starts} starts"
        if left >= WIDTH:
            return None
        return Mark(kind="f-constant", path=_box(left, 9.0, WIDTH - left, 6.0), told=told)


def _across(heights: tuple[float, float], width: float) -> tuple[float, float, float]:
    return heights[0], width, heights[1]


def _box(x: float, y: float, width: float, height: float) -> str:
    return f"M{x:.5g} {y:g}h{width:.5g}v{height:g}h-{width:.5g}z"


def _merged(marks: Iterable[Mark]) -> Iterator[Mark]:
    """Yield one mark for each kind of `marks`."""
    paths: dict[str, list[str]] = {}
    for mark in marks:
        paths.setdefault(mark.kind, []).append(mark.path)
    for kind, some in paths.items():
        yield Mark(kind=kind, path="".join(some))


def _label(row: Row, *, is_constant: bool) -> str:
    """Return `6 runs: 5 succeeded, 1 failed; 18 to come`."""
    counts = Counter(run.outcome for run in row.past)
    parts = []
    if counts:
        words = ", ".join(f"{many} {kind.replace('_', ' ')}" for kind, many in counts.items())
        parts.append(f"{len(row.past)} {'run' if len(row.past) == 1 else 'runs'}: {words}")
    if row.runs:
        parts.append(f"{len(row.runs)} to come")
    if is_constant:
        parts.append("in every quarter of an hour")
    return "; ".join(parts) or "nothing"


def _past_told(board: _Board, run: RunFigures) -> str:
    start = datetime.fromtimestamp(run.start, board.zone)
    words = Ending(outcome=run.outcome, reason=run.reason).words
    took = f" after {span(timedelta(seconds=run.duration))}" if run.duration is not None else ""
    return f"{run.job}: {start:%a %H:%M:%S}, {words}{took}"


def _ahead_told(board: _Board, run: Upcoming) -> str:
    told = f"{run.job_id}: {run.at.astimezone(board.zone):%a %H:%M:%S}"
    if run.latest > run.at:
        told += f" to {run.latest.astimezone(board.zone):%H:%M:%S}, by jitter"
    if run.skip_words:
        told += f", {run.skip_words}"
    return told if run.enabled else f"{told}, but the job is disabled"


def _title(line: Timeline) -> str:
    first = line.start.astimezone(zone_of(line.zone))
    last = (line.end - timedelta(seconds=1)).astimezone(zone_of(line.zone))
    if first.date() == last.date():
        return f"{first:%A}, {first.day} {first:%B %Y}"
    begin = f"{first.day}" if first.month == last.month else f"{first.day} {first:%B}"
    return f"{begin} to {last.day} {last:%B %Y}"


def _hours(board: _Board, days: int) -> Iterator[Hour]:
    line = board.line
    for at in edges(line.start, line.end, line.zone, timedelta(minutes=30))[:-1]:
        local = at.astimezone(board.zone)
        is_midnight = (local.hour, local.minute) == (0, 0) or at == line.start
        if is_midnight or (local.minute == 0 and local.hour % (1 if days == 1 else 6) == 0):
            yield Hour(
                at=board.percent(at),
                words=f"{local:%H:%M}" if days == 1 else f"{local:%H}",
                day=f"{local:%a} {local.day}" if is_midnight and days > 1 else "",
                is_day=is_midnight,
                is_fine=bool(local.hour % (3 if days == 1 else 12)),
            )


def _load(board: _Board, highest: float) -> Iterator[Mark]:
    for quarter in board.line.quarters:
        if quarter.load:
            left = board.x(quarter.start.timestamp())
            right = board.x((quarter.start + QUARTER).timestamp())
            size = max(_LOAD * quarter.load / max(highest, 1.0), 2.0)
            gap = min(8.0, (right - left) * 0.2)
            yield Mark(
                kind=_crowd_kind(quarter, highest),
                path=_box(left, _LOAD - size, right - left - gap, size),
                told=_quarter_told(board, quarter),
            )


def _crowd_kind(quarter: Quarter, highest: float) -> str:
    if len(quarter.jobs) < 2 or quarter.load <= 1:
        return "l-alone"
    return "l-most" if quarter.load >= 0.75 * highest else "l-some"


def _quarter_told(board: _Board, quarter: Quarter) -> str:
    when = f"{quarter.start.astimezone(board.zone):%a %H:%M}"
    return f"{when}: {_starts(quarter.load)}: {_some(quarter.jobs)}"


def _gatherings(board: _Board, days: int) -> Iterator[Gathering]:
    for crowd in busiest(board.line.quarters, _BUSIEST):
        quarter = crowd.quarter
        at = board.percent(quarter.start)
        local = quarter.start.astimezone(board.zone)
        yield Gathering(
            at=at,
            width=round(board.percent(quarter.start + QUARTER) - at, 3),
            when=f"{local:%H:%M}" if days == 1 else f"{local:%a %H:%M}",
            starts=_starts(quarter.load),
            jobs=quarter.jobs,
            more=crowd.more,
        )


def _starts(load: float) -> str:
    number = f"{load:.1f}".removesuffix(".0")
    return f"{number} start" if number == "1" else f"{number} starts"


def _some(jobs: Sequence[str]) -> str:
    shown = ", ".join(jobs[:_NAMED])
    return f"{shown} and {len(jobs) - _NAMED} more" if len(jobs) > _NAMED else shown


def _notes(line: Timeline) -> Iterator[str]:
    yield from line.notes
    if line.cut:
        yield f"too many starts, the last are missing: {_some(line.cut)}"
