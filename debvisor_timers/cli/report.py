# SPDX-License-Identifier: Apache-2.0
"""report: a digest over all jobs, to be read or to be sent by mail."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import echo_notes, progress
from debvisor_timers.errors import UsageError

if TYPE_CHECKING:
    from debvisor_timers.operations.past.report import Report
    from debvisor_timers.scheduler import Scheduler

_STDOUT = "-"


@click.command("report", epilog="Example: debvisor-timers report --since 7d --html > report.html")
@click.option(
    "--since", metavar="T", default="7d", show_default=True, help="From this time, or so long ago."
)
@click.option("--until", metavar="T", help="Before this time, not until now.")
@click.option("--html", "as_html", is_flag=True, help="Write HTML, one file, also for a mail.")
@click.option("--output", metavar="FILE", type=click.Path(), help="Write into this file.")
@json_option
def command(
    *, since: str, until: str | None, as_html: bool, output: str | None, as_json: bool
) -> None:
    """Tell of all jobs what failed, is flaky, was missed, gets worse or never ran.

    T is a time as systemd.time(7) has it (2026-11-16, yesterday), for --since also a duration: 7d.
    """
    from debvisor_timers.scheduler import Scheduler

    if as_html and as_json:
        raise UsageError("--html and --json together", fix="write one of them")
    scheduler = Scheduler.system()
    end = scheduler.now() if until is None else scheduler.timestamp(until)
    progress("looking at all runs")
    try:
        report = scheduler.report(since=_begin(scheduler, since, end), until=end)
    finally:
        progress("")
    if as_json:
        _write(_json(report), output)
    elif as_html:
        _write(_html(report), output)
    elif output is None:
        _echo(report)
    else:
        _write("".join(f"{click.unstyle(line)}\n" for line in _text(report)), output)
    echo_notes(filter(None, [scheduler.refresh_textfile()]))


def _begin(scheduler: Scheduler, text: str, end: datetime) -> datetime:
    """Return `end` less a duration, or the time that `text` is."""
    from debvisor_timers.errors import ScheduleError
    from debvisor_timers.jobs.duration import parse_timespan

    if text.strip().isdigit():
        raise UsageError(
            f"--since {text}: no unit", fix=f"write {text.strip()}d, or a time such as yesterday"
        )
    try:
        length = parse_timespan(text)
    except ScheduleError:
        return scheduler.timestamp(text)
    if length is None:
        raise UsageError("--since infinity: too long", fix="write a time, such as 365d")
    return end - length


def _host() -> str:
    return os.uname().nodename


def _text(report: Report) -> list[str]:
    from debvisor_timers.cli.digest import digest
    from debvisor_timers.cli.report_text import text_of

    return list(text_of(digest(report, host=_host())))


def _echo(report: Report) -> None:
    for line in _text(report):
        click.echo(line)


def _html(report: Report) -> str:
    from debvisor_timers.cli.digest import digest
    from debvisor_timers.cli.report_html import html_of
    from debvisor_timers.operations.past.report import report_template

    return html_of(digest(report, host=_host()), report_template())


def _json(report: Report) -> str:
    import json

    from debvisor_timers.cli.report_document import document

    return f"{json.dumps(document(report, host=_host()), indent=2, ensure_ascii=False)}\n"


def _write(text: str, file: str | None) -> None:
    from debvisor_timers.cli.file import write_file

    if file in {None, _STDOUT}:
        click.echo(text, nl=False)
    else:
        write_file(Path(str(file)), text)
        click.echo(f"{file}: written", err=True)
