# SPDX-License-Identifier: Apache-2.0
"""A timeline drawn with characters: a row a job, bars of load beneath."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from math import ceil
from textwrap import wrap

import click

from debvisor_timers.cli.results import LOOKS
from debvisor_timers.cli.times import span
from debvisor_timers.errors import UsageError
from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.operations.coming.cells import Cell, cells, edges, heights
from debvisor_timers.operations.coming.timeline import Row, Timeline, zone_of

_LENGTHS = {1: (15, 30, 60), 7: (60, 120, 180, 240, 360)}
"""How long a cell may be, in minutes, in a picture of so many days."""
_HOURS_APART = {15: 1, 30: 2, 60: 3}
_NARROWEST_LABEL, _GOOD_LABEL = 8, 12
_GAP = 2
_BAR_ROWS = 4
_LEVELS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Canvas:
    """What there is to draw on: days of the picture, columns, and whether it takes UTF-8."""

    days: int
    width: int
    is_unicode: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class _Characters:
    """The signs of a picture; `results` has those of past runs."""

    start: str
    many: str
    window: str
    constant: str
    passing: str
    now: str
    above_now: str
    guide: str
    cut: str
    bars: str
    results: Mapping[RunOutcome, str]


_OUTCOMES = tuple(RunOutcome)
_UNICODE = _Characters(
    start="●",
    many="+",
    window="░",
    constant="─",
    passing="═",
    now="│",
    above_now="▼",
    guide="·",
    cut="…",
    bars=" ▁▂▃▄▅▆▇█",
    results={outcome: LOOKS[outcome].sign for outcome in _OUTCOMES},
)
_ASCII = _Characters(
    start="o",
    many="M",
    window=":",
    constant="-",
    passing="=",
    now="|",
    above_now="v",
    guide=".",
    cut="~",
    bars=" ....####",
    results={outcome: LOOKS[outcome].ascii_sign for outcome in _OUTCOMES},
)
_COLOURS = {"start": "green", "several": "green", "window": "yellow", "constant": "blue"}
_SKIPPED = str(RunOutcome.SKIPPED)
_PASSING = "passing "
"""Before the outcome, the kind of a mark where a run goes on."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grid:
    """Columns of time: where each begins, which are marked by a label, and the width of ids.

    now: the column that the present lies in; None where it lies in none.
    """

    bounds: tuple[datetime, ...]
    minutes: int
    labels: dict[int, str]
    id_width: int
    now: int | None
    characters: _Characters

    @property
    def count(self) -> int:
        """Return how many columns there are."""
        return len(self.bounds) - 1


def picture(line: Timeline, canvas: Canvas) -> Iterator[str]:
    """Yield the lines of the picture; raises UsageError when the canvas is too narrow for it."""
    grid = _grid(line, canvas)
    for text in wrap(_heading(line, canvas.days, grid.minutes), canvas.width):
        yield click.style(text, bold=True)
    if not any(row.starts for row in line.rows):
        yield f"nothing {'ran' if line.end <= line.now else 'runs'} in this time"
        return
    axis = _axis(grid)
    yield axis
    yield from _present(line, grid)
    used: set[str] = set()
    for row in line.rows:
        yield _row(row, grid, used, _marks(row, line, grid))
    yield axis
    yield from _bars(heights(line, grid.bounds), grid)
    yield from _legend(used, grid.characters, canvas.width)


def _grid(line: Timeline, canvas: Canvas) -> _Grid:
    longest = max((len(row.job_id) for row in line.rows), default=_NARROWEST_LABEL)
    characters = _UNICODE if canvas.is_unicode else _ASCII
    for minutes in _LENGTHS[canvas.days]:
        bounds = edges(line.start, line.end, line.zone, timedelta(minutes=minutes))
        room = canvas.width - _GAP - (len(bounds) - 1)
        is_last = minutes == _LENGTHS[canvas.days][-1]
        if room >= (_NARROWEST_LABEL if is_last else min(longest, _GOOD_LABEL)):
            break
    else:
        columns = canvas.width - room + _NARROWEST_LABEL
        what = "a day" if canvas.days == 1 else "a week"
        raise UsageError(
            f"a width of {canvas.width} is too small for {what}", fix=f"use {columns} or more"
        )
    return _Grid(
        bounds=tuple(bounds),
        minutes=minutes,
        labels=_labels(bounds, line, canvas.days, minutes),
        id_width=min(max(longest, _NARROWEST_LABEL), room),
        now=bisect_right(bounds, line.now) - 1 if line.start <= line.now < line.end else None,
        characters=characters,
    )


def _labels(bounds: Sequence[datetime], line: Timeline, days: int, minutes: int) -> dict[int, str]:
    """Return the text that stands above a column, by its number: an hour, or a day."""
    zone = zone_of(line.zone)
    local = [bound.astimezone(zone) for bound in bounds[:-1]]
    if days == 1:
        apart = _HOURS_APART[minutes]
        return {
            number: f"{at:%H}"
            for number, at in enumerate(local)
            if at.minute == 0 and at.hour % apart == 0
        }
    first = [next(some)[0] for _, some in groupby(enumerate(local), lambda item: item[1].date())]
    name = "%a %d" if 24 * 60 // minutes > 6 else "%a"
    return {number: f"{local[number]:{name}}" for number in first}


def _heading(line: Timeline, days: int, minutes: int) -> str:
    zone = zone_of(line.zone)
    start, last = line.start.astimezone(zone), (line.end - timedelta(seconds=1)).astimezone(zone)
    when = f"{start:%a %Y-%m-%d}" + (f" to {last:%a %Y-%m-%d}" if days > 1 else "")
    length = line.end - line.start
    odd = f", {span(length)} long" if length != timedelta(days=days) else ""
    return f"{when} {line.zone}{odd}; a column is {span(timedelta(minutes=minutes))}"


def _axis(grid: _Grid) -> str:
    text = ""
    for number, label in grid.labels.items():
        if len(text) <= number:
            text = text.ljust(number) + f"{label} "
    width = grid.id_width + _GAP + len(grid.bounds) - 1
    return f"{' ' * (grid.id_width + _GAP)}{text}"[:width].rstrip()


def _present(line: Timeline, grid: _Grid) -> Iterator[str]:
    """Yield a line that points at the column of the present, and says what time it is."""
    if grid.now is None:
        return
    local = line.now.astimezone(zone_of(line.zone))
    time, arrow = f"now {local:%H:%M}", grid.characters.above_now
    if grid.now + 2 + len(time) <= grid.count:
        text = f"{' ' * grid.now}{arrow} {time}"
    else:
        text = f"{time} {arrow}".rjust(grid.now + 1)
    yield f"{' ' * (grid.id_width + _GAP)}{text}"


def _marks(row: Row, line: Timeline, grid: _Grid) -> list[tuple[str, str]]:
    """Return the kind of mark in each column, empty for none, and its character."""
    is_constant, now = row.job_id in line.constant, grid.count if line.now >= line.end else grid.now
    marks = []
    for number, cell in enumerate(cells(row, grid.bounds, now=line.now)):
        mark = _mark(cell, grid.characters)
        is_ahead = line.is_by_calendar or (now or 0) <= number
        if is_constant and (mark[0] == RunOutcome.SUCCEEDED or (not mark[0] and is_ahead)):
            mark = "constant", grid.characters.constant
        marks.append(mark if mark[0] else ("", _empty(grid, number)))
    return marks


def _empty(grid: _Grid, number: int) -> str:
    """Return what stands in a column in which nothing happens."""
    if number == grid.now:
        return grid.characters.now
    return grid.characters.guide if number in grid.labels else " "


def _row(row: Row, grid: _Grid, used: set[str], kinds: list[tuple[str, str]]) -> str:
    used.update(_PASSING if kind.startswith(_PASSING) else kind for kind, _ in kinds)
    while kinds and kinds[-1][1] == " ":
        kinds.pop()
    marks = "".join(
        _coloured("".join(character for _, character in some), kind)
        for kind, some in groupby(kinds, lambda mark: mark[0])
    )
    label = _short(row.job_id, grid.id_width, grid.characters.cut).ljust(grid.id_width)
    return f"{label if row.enabled else click.style(label, dim=True)}{' ' * _GAP}{marks}"


def _mark(cell: Cell, characters: _Characters) -> tuple[str, str]:
    """Return the kind of mark for `cell`, empty for none, and its character."""
    if cell.result:
        return cell.result, characters.results[cell.result]
    if cell.passing:
        return f"{_PASSING}{cell.passing}", characters.passing
    if cell.starts > 1:
        return "several", str(cell.starts) if cell.starts < 10 else characters.many
    if cell.is_window:
        return "window", characters.window
    if cell.starts:
        return "start", characters.start
    return (_SKIPPED, characters.results[RunOutcome.SKIPPED]) if cell.skipped else ("", " ")


def _coloured(text: str, kind: str) -> str:
    if not kind:
        return click.style(text, dim=True) if text.strip() else text
    outcome = kind.removeprefix(_PASSING)
    colour = _COLOURS.get(kind) or LOOKS[RunOutcome(outcome)].colour
    return click.style(text, fg=colour)


def _short(text: str, width: int, mark: str) -> str:
    """Return `text`, its middle left out where it is longer than `width`: ids differ at the end."""
    if len(text) <= width:
        return text
    end = (width - 1) // 2
    return f"{text[: width - 1 - end]}{mark}{text[len(text) - end :]}"


def _bars(loads: Sequence[float], grid: _Grid) -> Iterator[str]:
    """Yield the bars from top to bottom, their scale at the left."""
    top = max(ceil(max(loads)), 1)
    eighths = [max(round(load / top * _BAR_ROWS * _LEVELS), load > 0) for load in loads]
    titles = {_BAR_ROWS - 1: str(top), 1: "starts", 0: "in 15min"}
    for level in reversed(range(_BAR_ROWS)):
        filled = (min(max(each - level * _LEVELS, 0), _LEVELS) for each in eighths)
        bars = "".join(grid.characters.bars[each] for each in filled).rstrip()
        title = titles.get(level, "").rjust(grid.id_width)
        yield f"{title}{' ' * _GAP}{click.style(bars, fg='cyan')}" if bars else title


def _legend(used: Container[str], characters: _Characters, width: int) -> Iterator[str]:
    """Yield what each mark means that was used, in lines that fit."""
    many = f"2-9 {characters.many}"
    meanings = [
        *((outcome, _meaning(outcome, characters)) for outcome in _OUTCOMES),
        (_PASSING, f"{characters.passing} while it ran"),
        ("start", f"{characters.start} start"),
        ("several", f"{many} several"),
        ("window", f"{characters.window} may start (jitter)"),
        ("constant", f"{characters.constant} every 15min"),
    ]
    said = [meaning for kind, meaning in meanings if kind in used]
    text = ""
    for meaning in said:
        if text and len(text) + len(meaning) + 3 > width:
            yield text
            text = ""
        text += f"{'   ' if text else ''}{meaning}"
    yield text


def _meaning(outcome: RunOutcome, characters: _Characters) -> str:
    return f"{characters.results[outcome]} {outcome.replace('_', ' ')}"
