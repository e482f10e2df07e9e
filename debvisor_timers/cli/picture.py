# SPDX-License-Identifier: Apache-2.0
"""A timeline drawn with characters: a row a job, bars of load beneath."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import groupby
from math import ceil

import click

from debvisor_timers.cli.times import span
from debvisor_timers.errors import UsageError
from debvisor_timers.operations.timeline import Cell, Row, Timeline, cells, edges, heights, zone_of

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
    start: str
    window: str
    skipped: str
    constant: str
    guide: str
    cut: str
    bars: str


_UNICODE = _Characters(
    start="●", window="░", skipped="×", constant="─", guide="·", cut="…", bars=" ▁▂▃▄▅▆▇█"
)
_ASCII = _Characters(
    start="o", window="~", skipped="x", constant="-", guide=".", cut="~", bars=" ....####"
)
_COLOURS = {"start": "green", "window": "yellow", "skipped": "red", "constant": "blue"}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Grid:
    """Columns of time: where each begins, which are marked by a label, and the width of ids."""

    bounds: tuple[datetime, ...]
    minutes: int
    labels: dict[int, str]
    id_width: int
    characters: _Characters


def picture(line: Timeline, canvas: Canvas) -> Iterator[str]:
    """Yield the lines of the picture; raises UsageError when the canvas is too narrow for it."""
    grid = _grid(line, canvas)
    yield click.style(_heading(line, canvas.days, grid.minutes), bold=True)
    if not any(row.starts for row in line.rows):
        yield "nothing runs in this time"
        return
    axis = _axis(grid)
    yield axis
    used: set[str] = set()
    for row in line.rows:
        yield _row(row, grid, used, _marks(row, line, grid))
    yield axis
    yield from _bars(heights(line, grid.bounds), grid)
    yield _legend(used, grid.characters)


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


def _marks(row: Row, line: Timeline, grid: _Grid) -> list[tuple[str, str]]:
    """Return the kind of mark in each column, empty for none, and its character."""
    if row.job_id in line.constant:
        return [("constant", grid.characters.constant)] * (len(grid.bounds) - 1)
    marks = [_mark(cell, grid.characters) for cell in cells(row, grid.bounds)]
    guide = grid.characters.guide
    return [
        (kind, guide if not kind and number in grid.labels else character)
        for number, (kind, character) in enumerate(marks)
    ]


def _row(row: Row, grid: _Grid, used: set[str], kinds: list[tuple[str, str]]) -> str:
    used.update(kind for kind, _ in kinds)
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
    if cell.starts > 9:
        return "several", "+"
    if cell.starts > 1:
        return "several", str(cell.starts)
    if cell.is_window:
        return "window", characters.window
    if cell.starts:
        return "start", characters.start
    return ("skipped", characters.skipped) if cell.skipped else ("", " ")


def _coloured(text: str, kind: str) -> str:
    if not kind:
        return click.style(text, dim=True) if text.strip() else text
    return click.style(text, fg=_COLOURS.get(kind, "green"))


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


def _legend(used: set[str], characters: _Characters) -> str:
    meanings = {
        "start": f"{characters.start} start",
        "several": "2-9 + several",
        "window": f"{characters.window} may start (jitter)",
        "skipped": f"{characters.skipped} skipped",
        "constant": f"{characters.constant} every 15min",
    }
    return "   ".join(meaning for kind, meaning in meanings.items() if kind in used)
