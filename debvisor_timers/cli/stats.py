# SPDX-License-Identifier: Apache-2.0
"""stats: the past runs of jobs in numbers, with trends and pictures."""

from __future__ import annotations

import gc
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debvisor_timers.cli import times
from debvisor_timers.cli.options import job_arguments, json_option
from debvisor_timers.cli.output import (
    counted,
    echo_json,
    echo_notes,
    echo_table,
    progress,
    takes_unicode,
)
from debvisor_timers.errors import UsageError
from debvisor_timers.history.buckets import Period

if TYPE_CHECKING:
    from debvisor_timers.operations.past.stats import StatisticsOfJobs
    from debvisor_timers.scheduler import Scheduler

_STDOUT = "-"


@click.command("stats", epilog="Example: debvisor-timers stats nightly-backup --since -30d")
@job_arguments
@click.option("--since", metavar="T", help="Only runs that started at this time or later.")
@click.option("--until", metavar="T", help="Only runs that started before this time.")
@click.option(
    "--by", type=click.Choice([str(each) for each in Period]), help="Add each day or week of JOB."
)
@click.option(
    "--svg",
    metavar="FILE",
    type=click.Path(),
    help="Draw the durations of JOB into this file instead, as SVG; - is standard output.",
)
@click.option(
    "--png", metavar="FILE", type=click.Path(), help="The same as PNG; - is standard output."
)
@json_option
def command(  # noqa: PLR0913 - click hands over each option by its name
    *,
    jobs: tuple[str, ...],
    since: str | None,
    until: str | None,
    by: str | None,
    svg: str | None,
    png: str | None,
    as_json: bool,
) -> None:
    """Show how JOB has run: how often it failed, how long it took, what it used, and trends.

    Without JOB, or with several, a line for each. T is a time as systemd.time(7) has it:
    2026-11-01, yesterday, -30d.
    """
    from debvisor_timers.scheduler import Scheduler

    drawn = {kind: file for kind, file in (("svg", svg), ("png", png)) if file is not None}
    _check(jobs, drawn, by=by, as_json=as_json)
    scheduler = Scheduler.system()
    with _without_collector():
        answer = scheduler.stats(
            jobs,
            since=_moment(scheduler, since),
            until=_moment(scheduler, until),
            by=Period(by) if by else None,
            on_step=progress,
        )
    echo_notes(answer.notes)
    for kind, file in drawn.items():
        _draw(answer, kind, file, scheduler.zone)
    if as_json:
        _echo_document(answer, is_one=len(set(jobs)) == 1)
    elif not drawn:
        _echo(answer, scheduler.zone, is_one=len(set(jobs)) == 1)


@contextmanager
def _without_collector() -> Iterator[None]:
    """Let 20,000 runs be made without being searched for circles again and again: 10 ms."""
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def _check(jobs: tuple[str, ...], drawn: dict[str, str], *, by: str | None, as_json: bool) -> None:
    """Refuse what makes no picture, and what would put two answers on standard output."""
    if (by or drawn) and len(set(jobs)) != 1:
        option = "--by" if by else f"--{next(iter(drawn))}"
        raise UsageError(f"{option} is about one job", fix="name one job")
    on_stdout = [f"--{kind} -" for kind, file in drawn.items() if file == _STDOUT]
    on_stdout += ["--json"] if as_json else []
    if len(on_stdout) > 1:
        raise UsageError(f"{' and '.join(on_stdout)} together", fix="write one of them into a file")


def _moment(scheduler: Scheduler, text: str | None) -> datetime | None:
    return None if text is None else scheduler.timestamp(text)


def _echo(answer: StatisticsOfJobs, zone: str, *, is_one: bool) -> None:
    from zoneinfo import ZoneInfo

    from debvisor_timers.cli.page import (
        PERIOD_SPARE,
        PERIOD_TITLES,
        Paper,
        page,
        period_cells,
        table,
    )

    width = shutil.get_terminal_size().columns
    paper = Paper(width=width, is_unicode=takes_unicode(), now=times.now())
    if is_one:
        (job,) = answer.jobs
        for line in page(job, paper, in_time=bool(answer.window.since or answer.window.until)):
            click.echo(line)
        if job.buckets:
            click.echo()
            rows = [period_cells(bucket, ZoneInfo(zone)) for bucket in job.buckets]
            echo_table(PERIOD_TITLES, rows, spare=PERIOD_SPARE, whole={"FROM"})
        return
    if not answer.jobs:
        click.echo("no job has run yet")
        return
    for line in table(answer, paper):
        click.echo(line)


def _echo_document(answer: StatisticsOfJobs, *, is_one: bool) -> None:
    from debvisor_timers.operations.past.document import document

    documents = [document(job, answer.window) for job in answer.jobs]
    echo_json(documents[0] if is_one else documents)


def _draw(answer: StatisticsOfJobs, kind: str, file: str, zone: str) -> None:
    from zoneinfo import ZoneInfo

    from debvisor_timers.cli.file import write_file
    from debvisor_timers.cli.plot import plot

    (job,) = answer.jobs
    picture = plot(job, kind=kind, zone=ZoneInfo(zone), now=times.now())
    if file == _STDOUT:
        click.echo(picture, nl=False)
    else:
        write_file(Path(file), picture)
        click.echo(f"{file}: {counted(len(job.runs), 'run')}")
