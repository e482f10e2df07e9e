# SPDX-License-Identifier: Apache-2.0
"""timeline: a day or a week as a picture."""

from __future__ import annotations

import shutil
from pathlib import Path
from textwrap import fill
from typing import TYPE_CHECKING

import click

from debvisor_timers.cli.options import job_arguments, json_option
from debvisor_timers.cli.output import counted, echo_json, progress, some, starts, takes_unicode
from debvisor_timers.errors import UsageError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from debvisor_timers.operations.coming.timeline import Crowd, Timeline
    from debvisor_timers.scheduler import Scheduler

_BUSIEST = 3
_NAMED = 5
_STDOUT = "-"


@click.command("timeline", epilog="Example: debvisor-timers timeline --day tomorrow")
@job_arguments
@click.option("--day", metavar="D", help="The day that this time lies in, not today.")
@click.option("--week", metavar="D", help="The week that this time lies in, from Monday on.")
@click.option("--width", metavar="N", type=int, help="Columns; those of the terminal, or 80.")
@click.option(
    "--svg",
    metavar="FILE",
    type=click.Path(),
    help="Draw into this file instead, as SVG; - is standard output.",
)
@json_option
def command(  # noqa: PLR0913 - click hands over each option by its name
    *,
    jobs: tuple[str, ...],
    day: str | None,
    week: str | None,
    width: int | None,
    svg: str | None,
    as_json: bool,
) -> None:
    """Draw how JOBs, or all jobs, ran on a day or in a week, when they will, and how many together.

    What lies before now is told by the history, with durations and results; the rest by calendars.
    D is a time as systemd.time(7) has it: 2026-11-27, tomorrow, +3d.
    """
    from debvisor_timers.scheduler import Scheduler

    if svg == _STDOUT and as_json:
        raise UsageError("--svg - and --json together", fix="write one of them into a file")
    scheduler = Scheduler.system()
    days = 1 if week is None else 7
    progress("computing the runs of a week" if days > 1 else "computing the runs of a day")
    try:
        line = scheduler.timeline(jobs, day=_moment(scheduler, day, week), days=days)
    finally:
        progress("")
    for note in line.notes:
        click.echo(f"note: {note}", err=True)
    if not jobs:
        line = _running(line)
    if svg is not None:
        _draw(line, days, svg)
    if as_json:
        from debvisor_timers.operations.documents.timeline import timeline_document

        echo_json(timeline_document(line))
    elif svg is None:
        _echo(line, days, width)
    elif svg != _STDOUT:
        click.echo(f"{svg}: {counted(len(line.rows), 'job')}")


def _moment(scheduler: Scheduler, day: str | None, week: str | None) -> datetime:
    if day is not None and week is not None:
        raise UsageError("--day and --week together", fix="write one of them")
    text = week if day is None else day
    return scheduler.now() if text is None else scheduler.timestamp(text)


def _running(line: Timeline) -> Timeline:
    """Leave out the jobs that do not run in that time: nobody asked for them by name."""
    from dataclasses import replace

    return replace(line, rows=tuple(row for row in line.rows if row.starts))


def _echo(line: Timeline, days: int, width: int | None) -> None:
    from debvisor_timers.cli.picture import Canvas, picture

    columns = shutil.get_terminal_size().columns if width is None else width
    for text in picture(line, Canvas(days=days, width=columns, is_unicode=takes_unicode())):
        click.echo(text)
    for text in in_words(line, days):
        click.echo(_folded(text, columns))


def _folded(text: str, columns: int) -> str:
    """Return `text` in as many lines as it takes; ids stay whole."""
    return fill(
        text, columns, subsequent_indent="    ", break_long_words=False, break_on_hyphens=False
    )


def in_words(line: Timeline, days: int) -> list[str]:
    """Return what the picture cannot say: the busiest quarters and their jobs."""
    from debvisor_timers.operations.coming.timeline import busiest

    words = [_crowd_words(line, crowd, days) for crowd in busiest(line.quarters, _BUSIEST)]
    said = ["Most starts in a quarter of an hour:", *words] if words else []
    if not words and any(row.starts for row in line.rows):
        said.append("No two jobs start in the same quarter of an hour.")
    said += [f"{what}: {some(jobs, _NAMED)}." for what, jobs in _unusual(line) if jobs]
    rows = {row.job_id for row in line.rows}
    if constant := tuple(job_id for job_id in line.constant if job_id in rows):
        said.append(f"In every quarter, and not in the bars: {some(constant, _NAMED)}.")
    if line.cut:
        said.append(f"Too many starts, the last are missing: {some(line.cut, _NAMED)}.")
    return said


def _unusual(line: Timeline) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Yield what is worth a sentence of some jobs, and which."""
    failures = [(row.job_id, sum(run.outcome.is_failure for run in row.past)) for row in line.rows]
    yield "Failed", tuple(f"{job_id} ({times})" for job_id, times in failures if times)
    disabled = [row for row in line.rows if not row.enabled and not row.is_gone]
    yield "Disabled, and not in the bars", tuple(row.job_id for row in disabled if row.runs)
    yield "Disabled by now", tuple(row.job_id for row in disabled if not row.runs)
    yield "Not defined any more", tuple(row.job_id for row in line.rows if row.is_gone)


def _crowd_words(line: Timeline, crowd: Crowd, days: int) -> str:
    from debvisor_timers.operations.coming.timeline import zone_of

    local = crowd.quarter.start.astimezone(zone_of(line.zone))
    when = f"{local:{'%H:%M' if days == 1 else '%a %H:%M'}}"
    if crowd.more:
        when += f" and {counted(crowd.more, 'time')} more"
    return f"  {when}: {starts(crowd.quarter.load)} of {some(crowd.quarter.jobs, _NAMED)}"


def _draw(line: Timeline, days: int, file: str) -> None:
    from debvisor_timers.cli.drawing import drawing
    from debvisor_timers.cli.file import write_file

    svg = drawing(line, days=days, words=in_words(line, days))
    if file == _STDOUT:
        click.echo(svg, nl=False)
    else:
        write_file(Path(file), svg)
