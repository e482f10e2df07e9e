# SPDX-License-Identifier: Apache-2.0
"""A timeline drawn as SVG: for a browser, at any size, on light and dark."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from math import ceil
from xml.etree.ElementTree import Element, SubElement, indent, tostring

from debvisor_timers.cli.output import counted, printable, starts
from debvisor_timers.cli.times import span
from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.outcome import Ending, RunOutcome
from debvisor_timers.operations.coming.cells import edges
from debvisor_timers.operations.coming.constant import QUARTER
from debvisor_timers.operations.coming.timeline import (
    Quarter,
    Row,
    Timeline,
    end_of,
    zone_of,
)
from debvisor_timers.operations.coming.upcoming import Upcoming

_PLOT = 1152
_ROW = 20
_TOP = 84
_LETTER = 7.3
_BARS = 96
_LINE = 18
_MARGIN = 16
_NARROWEST_MARK = 4.0
_NARROWEST_BAR = 3.0

_MEANINGS: dict[str, str] = {
    **{str(outcome): outcome.replace("_", " ") for outcome in RunOutcome},
    "start": "will start",
    "window": "may start (jitter)",
    "constant": "in every quarter of an hour",
}
_SLIM = {RunOutcome.SUCCEEDED, RunOutcome.RUNNING, RunOutcome.WAITING}
"""What needs no attention is drawn less high."""

_STYLE = """
text { font: 12px ui-monospace, "DejaVu Sans Mono", Menlo, Consolas, monospace; fill: #1b1f24; }
.title { font-weight: bold; font-size: 15px; }
.faint { fill: #57606a; }
.paper { fill: #ffffff; }
.band { fill: #f3f5f7; }
.hour { stroke: #d8dee4; stroke-width: 1; }
.day { stroke: #8c959f; stroke-width: 1; }
.now { stroke: #0969da; stroke-width: 1.5; }
.present { fill: #0969da; }
.succeeded { fill: #1a7f37; }
.failed { fill: #cf222e; }
.timed_out { fill: #8250df; }
.lost { fill: none; stroke: #cf222e; stroke-width: 1.5; }
.stopped { fill: #bf8700; }
.running { fill: #0969da; }
.waiting { fill: #54aeff; }
.skipped { fill: #57606a; }
.start { fill: #1a7f37; fill-opacity: 0.45; }
.window { fill: #bf8700; fill-opacity: 0.35; }
.constant { fill: #0969da; fill-opacity: 0.45; }
.load { fill: #0550ae; }
.off { fill-opacity: 0.35; }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3; }
.faint { fill: #9198a1; }
.paper { fill: #0d1117; }
.band { fill: #161b22; }
.hour { stroke: #30363d; }
.day { stroke: #6e7681; }
.now { stroke: #79c0ff; }
.present { fill: #79c0ff; }
.succeeded, .start { fill: #3fb950; }
.failed { fill: #f85149; }
.timed_out { fill: #a371f7; }
.lost { stroke: #f85149; }
.stopped, .window { fill: #d29922; }
.running, .constant { fill: #4493f8; }
.waiting { fill: #1f6feb; }
.skipped { fill: #9198a1; }
.load { fill: #79c0ff; }
}
"""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Sheet:
    """The element that is drawn on, where time begins, and which kinds of marks it has."""

    svg: Element
    line: Timeline
    left: float
    used: set[str] = field(default_factory=set)

    def x(self, at: datetime) -> float:
        """Return where an instant lies; those outside are moved to the edge."""
        return self.x_of(at.timestamp())

    def x_of(self, seconds: float) -> float:
        """Return where an instant lies that is told in seconds since 1970."""
        start, end = self.line.start.timestamp(), self.line.end.timestamp()
        share = (seconds - start) / (end - start)
        return round(self.left + _PLOT * min(max(share, 0.0), 1.0), 2)

    def text(self, x: float, y: float, text: str, kind: str = "", anchor: str = "start") -> None:
        """Write `text`; y is its base line."""
        attributes = {"x": _number(x), "y": _number(y), "text-anchor": anchor}
        SubElement(self.svg, "text", attributes | ({"class": kind} if kind else {})).text = text

    def box(self, x: float, y: float, size: tuple[float, float], kind: str, told: str = "") -> None:
        """Fill a box of that width and height; `told` is shown to who points at it."""
        self.used.add(kind.partition(" ")[0])
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
    words_top = bars_end + _LINE * 3.5
    size = (left + _PLOT + 2 * _MARGIN, words_top + _LINE * len(words) + _MARGIN)
    sheet = _Sheet(svg=_blank(size), line=line, left=left)
    title = _title(line)
    SubElement(sheet.svg, "title").text = title
    SubElement(sheet.svg, "style").text = _STYLE
    sheet.box(0, 0, size, "paper")
    sheet.text(_MARGIN, 20, title, "title")
    for number in range(0, len(line.rows), 2):
        sheet.box(_MARGIN / 2, _TOP + _ROW * number, (left + _PLOT, _ROW), "band")
    _draw_hours(sheet, days, bars_end)
    for number, row in enumerate(line.rows):
        _draw_row(sheet, row, _TOP + _ROW * number)
    _draw_load(sheet, rows_end + _MARGIN)
    _draw_present(sheet, bars_end)
    _draw_legend(sheet, bars_end + 1.5 * _LINE)
    for number, text in enumerate(words):
        sheet.text(_MARGIN, words_top + _LINE * number, text.strip(), "faint")
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
        if kind in sheet.used:
            if x + 16 + len(meaning) * _LETTER > sheet.left + _PLOT:
                x, y = sheet.left, y + _LINE
            height = 4 if kind == RunOutcome.SKIPPED else 10
            sheet.box(x, y - 4 - height / 2, (10, height), kind)
            sheet.text(x + 16, y, meaning, "faint")
            x += 16 + (len(meaning) + 3) * _LETTER


def _draw_present(sheet: _Sheet, bottom: float) -> None:
    line = sheet.line
    if line.start <= line.now < line.end:
        x = sheet.x(line.now)
        local = line.now.astimezone(zone_of(line.zone))
        is_left = x < sheet.left + _PLOT - 80
        sheet.upright(x, _TOP - 34, bottom, "now")
        sheet.text(
            x + (4 if is_left else -4),
            _TOP - 34,
            f"now {local:%H:%M}",
            "present",
            "start" if is_left else "end",
        )


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
        _draw_constant(sheet, row, top, off)
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
    # What is drawn later lies above: nothing may hide a failure.
    for past in sorted(row.past, key=lambda each: each.outcome.is_failure):
        _draw_past(sheet, past, top)


def _draw_constant(sheet: _Sheet, row: Row, top: float, off: str) -> None:
    line = sheet.line
    x = sheet.left if line.is_by_calendar else sheet.x(line.now)
    if x < sheet.left + _PLOT:
        told = f"{row.job_id}: in every quarter of an hour, {counted(row.starts, 'start')}"
        width = sheet.left + _PLOT - x
        sheet.box(x, top + 7, (width, 6), f"constant{off}", told)


def _draw_past(sheet: _Sheet, run: RunFigures, top: float) -> None:
    x, end = sheet.x_of(run.start), sheet.x_of(end_of(run, sheet.line.now.timestamp()))
    told = _past_told(sheet.line, run)
    if run.outcome is RunOutcome.SKIPPED:
        sheet.box(x, top + 8, (8, 4), "skipped", told)
        return
    edge, width = 5 if run.outcome in _SLIM else 2, max(end - x, _NARROWEST_BAR)
    x = min(x, sheet.left + _PLOT - width)
    sheet.box(x, top + edge, (width, _ROW - 2 * edge), run.outcome, told)


def _past_told(line: Timeline, run: RunFigures) -> str:
    """Return `backup: Mon 2026-11-23 02:00:00 CET, failed (exit status 3) after 2min, run ID`."""
    start = datetime.fromtimestamp(run.start, zone_of(line.zone))
    words = Ending(outcome=run.outcome, reason=run.reason).words
    took = f" after {span(timedelta(seconds=run.duration))}" if run.duration is not None else ""
    further = f", {counted(run.elapses, 'time')}" if run.elapses > 1 else ""
    return f"{run.job}: {start:%a %Y-%m-%d %H:%M:%S %Z}, {words}{took}{further}, run {run.id}"


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
