# SPDX-License-Identifier: Apache-2.0
"""A timeline drawn as SVG: for a browser, at any size, on light and dark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from math import ceil
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from debvisor_timers.cli.output import counted, starts
from debvisor_timers.operations.constant import QUARTER
from debvisor_timers.operations.timeline import (
    Quarter,
    Row,
    Timeline,
    edges,
    zone_of,
)
from debvisor_timers.operations.upcoming import Upcoming

_PLOT = 1152
_ROW = 20
_TOP = 72
_LETTER = 7.3
_BARS = 96
_LINE = 18
_MARGIN = 16
_NARROWEST_MARK = 4.0

_MEANINGS = {
    "start": "a start",
    "window": "may start (jitter)",
    "skipped": "skipped",
    "constant": "in every quarter of an hour",
}

_STYLE = """
text { font: 12px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #1b1f24; }
.title { font-weight: bold; font-size: 15px; }
.faint { fill: #57606a; }
.paper { fill: #ffffff; }
.band { fill: #f3f5f7; }
.hour { stroke: #d8dee4; stroke-width: 1; }
.day { stroke: #8c959f; stroke-width: 1; }
.start { fill: #1a7f37; }
.window { fill: #bf8700; fill-opacity: 0.45; }
.skipped { fill: #cf222e; }
.constant { fill: #0969da; fill-opacity: 0.55; }
.load { fill: #0550ae; }
.off { fill-opacity: 0.35; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.faint { fill: #9198a1; }
.paper { fill: #0d1117; }
.band { fill: #161b22; }
.hour { stroke: #30363d; }
.day { stroke: #6e7681; }
.start { fill: #3fb950; }
.window { fill: #d29922; }
.skipped { fill: #f85149; }
.constant { fill: #4493f8; }
.load { fill: #79c0ff; }
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sheet:
    """The element that is drawn on, where time begins, and how wide an hour is."""

    svg: Element
    line: Timeline
    left: float

    def x(self, at: datetime) -> float:
        """Return where an instant lies; those outside are moved to the edge."""
        share = (at - self.line.start) / (self.line.end - self.line.start)
        return round(self.left + _PLOT * min(max(share, 0.0), 1.0), 2)

    def text(self, x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> None:
        """Write `text`; y is its base line."""
        attributes = {"x": _number(x), "y": _number(y), "text-anchor": anchor}
        SubElement(self.svg, "text", attributes | ({"class": kind} if kind else {})).text = text

    def box(self, x: float, y: float, size: tuple[float, float], kind: str, told: str = "") -> None:
        """Fill a box of that width and height; `told` is shown to who points at it."""
        width, height = (_number(each) for each in size)
        attributes = {"x": _number(x), "y": _number(y), "width": width, "height": height}
        box = SubElement(self.svg, "rect", {**attributes, "class": kind})
        if told:
            SubElement(box, "title").text = printable(told)

    def upright(self, x: float, y: float, bottom: float, kind: str) -> None:
        """Draw a line from `y` down to `bottom`."""
        ends = {"x1": _number(x), "x2": _number(x), "y1": _number(y), "y2": _number(bottom)}
        SubElement(self.svg, "line", {**ends, "class": kind})


def drawing(line: Timeline, *, days: int, words: Sequence[str]) -> str:
    """Return the SVG of `line`, with `words` beneath."""
    left = _MARGIN + max([len(row.job_id) for row in line.rows] + [10]) * _LETTER + _MARGIN
    rows_end = _TOP + _ROW * len(line.rows)
    bars_end = rows_end + _MARGIN + _BARS
    size = (left + _PLOT + 2 * _MARGIN, bars_end + _LINE * (len(words) + 3) + _MARGIN)
    sheet = _Sheet(svg=_blank(size), line=line, left=left)
    title = _title(line)
    SubElement(sheet.svg, "title").text = title
    SubElement(sheet.svg, "style").text = _STYLE
    sheet.box(0, 0, size, "paper")
    sheet.text(_MARGIN, 26, title, "title")
    for number in range(0, len(line.rows), 2):
        sheet.box(_MARGIN / 2, _TOP + _ROW * number, (left + _PLOT, _ROW), "band")
    _draw_hours(sheet, days, bars_end)
    for number, row in enumerate(line.rows):
        _draw_row(sheet, row, _TOP + _ROW * number)
    _draw_load(sheet, rows_end + _MARGIN)
    _draw_legend(sheet, bars_end + 1.5 * _LINE)
    for number, text in enumerate(words):
        sheet.text(_MARGIN, bars_end + _LINE * (number + 3), text.strip(), "faint")
    indent(sheet.svg)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{tostring(sheet.svg, encoding="unicode")}\n'


def _blank(size: tuple[float, float]) -> Element:
    width, height = (_number(each) for each in size)
    return Element(
        "svg",
        {
            "xmlns": "http://www.w3.org/2000/svg",
            "viewBox": f"0 0 {width} {height}",
            "width": width,
            "height": height,
            "role": "img",
        },
    )


def _draw_legend(sheet: _Sheet, y: float) -> None:
    x = sheet.left
    for kind, meaning in _MEANINGS.items():
        sheet.box(x, y - 9, (10, 10), kind)
        sheet.text(x + 16, y, meaning, "faint")
        x += 16 + (len(meaning) + 3) * _LETTER


def _title(line: Timeline) -> str:
    zone = zone_of(line.zone)
    first, last = line.start.astimezone(zone), (line.end - timedelta(seconds=1)).astimezone(zone)
    when = f"{first:%a %Y-%m-%d}"
    if last.date() != first.date():
        when += f" to {last:%a %Y-%m-%d}"
    return f"Jobs of {when} {line.zone}"


def _draw_hours(sheet: _Sheet, days: int, bottom: float) -> None:
    line, zone = sheet.line, zone_of(sheet.line.zone)
    apart = 1 if days == 1 else 6
    for at in edges(line.start, line.end, line.zone, timedelta(minutes=30))[:-1]:
        local, x = at.astimezone(zone), sheet.x(at)
        is_midnight = (local.hour, local.minute) == (0, 0) or at == line.start
        if is_midnight and days > 1:
            sheet.text(x + 3, _TOP - 22, f"{local:%a %d}")
        if (local.minute == 0 and local.hour % apart == 0) or is_midnight:
            sheet.text(x + 3, _TOP - 6, f"{local:%H:%M}", "faint")
            sheet.upright(x, _TOP - 16, bottom, "day" if is_midnight else "hour")
    sheet.upright(sheet.left + _PLOT, _TOP - 16, bottom, "day")


def _draw_row(sheet: _Sheet, row: Row, top: float) -> None:
    off = "" if row.enabled else " off"
    sheet.text(sheet.left - 8, top + 14, row.job_id, "" if row.enabled else "faint", "end")
    if row.job_id in sheet.line.constant:
        told = f"{row.job_id}: in every quarter of an hour, {counted(row.starts, 'start')}"
        sheet.box(sheet.left, top + 7, (_PLOT, 6), f"constant{off}", told)
        return
    for run in row.runs:
        x = sheet.x(run.at)
        told = _told(sheet.line, run)
        if run.skipped:
            sheet.box(x, top + 8, (8, 4), f"skipped{off}", told)
        elif run.latest > run.at:
            width = max(sheet.x(run.latest) - x, _NARROWEST_MARK)
            sheet.box(x, top + 4, (width, _ROW - 8), f"window{off}", told)
        else:
            sheet.box(x, top + 3, (_NARROWEST_MARK, _ROW - 6), f"start{off}", told)


def _told(line: Timeline, run: Upcoming) -> str:
    zone = zone_of(line.zone)
    told = f"{run.job_id}: {run.at.astimezone(zone):%a %Y-%m-%d %H:%M:%S %Z}"
    if run.latest > run.at:
        told += f" to {run.latest.astimezone(zone):%H:%M:%S %Z}, by jitter"
    if run.skip_words:
        told += f", {run.skip_words}"
    return told if run.enabled else f"{told}, but the job is disabled"


def _draw_load(sheet: _Sheet, top: float) -> None:
    quarters = sheet.line.quarters
    highest = max(ceil(max((quarter.load for quarter in quarters), default=0)), 1)
    sheet.text(sheet.left - 8, top + 10, str(highest), "faint", "end")
    sheet.text(sheet.left - 8, top + _BARS / 2, "starts", "faint", "end")
    sheet.text(sheet.left - 8, top + _BARS / 2 + 14, "in 15 min", "faint", "end")
    sheet.text(sheet.left - 8, top + _BARS, "0", "faint", "end")
    for quarter in quarters:
        if quarter.load:
            x, size = sheet.x(quarter.start), _BARS * quarter.load / highest
            room = sheet.x(quarter.start + QUARTER) - x
            width = max(room - 1, room * 0.8)
            told = " ".join(_quarter_told(sheet.line, quarter))
            sheet.box(x, top + _BARS - size, (width, size), "load", told)


def _quarter_told(line: Timeline, quarter: Quarter) -> Iterator[str]:
    yield f"{quarter.start.astimezone(zone_of(line.zone)):%a %H:%M}:"
    yield f"{starts(quarter.load)}:"
    yield ", ".join(quarter.jobs)


def _number(value: float) -> str:
    return f"{value:.2f}".rstrip("0").rstrip(".")


def printable(text: str) -> str:
    """Return `text` without what no XML can hold."""
    return "".join(letter if letter.isprintable() else " " for letter in text)
