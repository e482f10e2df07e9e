# SPDX-License-Identifier: Apache-2.0
"""history: the past runs of jobs."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import click

from debvisor_timers.cli import times
from debvisor_timers.cli.complete import complete_history, complete_outcome
from debvisor_timers.cli.options import JOB, json_option, owner_option, tag_option, tag_pair
from debvisor_timers.cli.output import echo_json, echo_notes, echo_table, is_narrow, progress
from debvisor_timers.cli.runs import trigger_words

if TYPE_CHECKING:
    from debvisor_timers.history.runs import Run
    from debvisor_timers.operations.past.history import HistoryPage, HistoryQuery
    from debvisor_timers.scheduler import Scheduler

_ROOMY = 100
"""On a terminal with fewer columns the names of jobs need the place of seconds; ids have these."""
_TO_MINUTES = len("2026-11-23 02:00")
_TITLES = ("START", "TOOK", "RESULT", "TRIGGER", "CPU", "RUN")


@click.command(
    "history",
    epilog="Examples: debvisor-timers history nightly-backup --limit 50;"
    " debvisor-timers history --status failed --since yesterday; debvisor-timers history prune",
)
@click.argument("jobs", metavar="[JOB]...", nargs=-1, type=JOB, shell_complete=complete_history)
@click.option(
    "-n", "--limit", type=click.IntRange(1), default=20, show_default=True, help="How many runs."
)
@click.option("--offset", type=click.IntRange(0), default=0, help="Pass over the newest so many.")
@click.option("--since", metavar="T", help="Only runs that began then or later.")
@click.option("--until", metavar="T", help="Only runs that began before that.")
@click.option(
    "--status",
    metavar="S",
    multiple=True,
    shell_complete=complete_outcome,
    help="Only runs with this status or outcome: failed, completed, lost, ...",
)
@click.option(
    "--trigger", metavar="W", multiple=True, help="Only runs started by this: timer, manual, ..."
)
@owner_option
@tag_option
@json_option
def command(  # noqa: PLR0913 - click hands over each option by its name
    *,
    jobs: tuple[str, ...],
    limit: int,
    offset: int,
    since: str | None,
    until: str | None,
    status: tuple[str, ...],
    trigger: tuple[str, ...],
    owner: str,
    tags: tuple[str, ...],
    as_json: bool,
) -> None:
    """Show the past runs of JOBs, or of all jobs, newest first.

    T is a time as systemd.time(7) has it: 2026-11-27 02:00, yesterday, -3h.
    """
    from debvisor_timers.history.filter import RunFilter, outcomes_named, triggers_named
    from debvisor_timers.operations.past.history import HistoryQuery
    from debvisor_timers.scheduler import Scheduler

    scheduler = Scheduler.system()
    query = HistoryQuery(
        wanted=RunFilter(
            jobs=jobs or None,
            since=_moment(scheduler, since),
            until=_moment(scheduler, until),
            outcomes=outcomes_named(status),
            triggers=triggers_named(trigger),
        ),
        owner=owner,
        tags=dict(map(tag_pair, tags)),
        limit=limit,
        offset=offset,
    )
    _answer(scheduler.history(query, progress), query, as_json=as_json)


def _answer(page: HistoryPage, query: HistoryQuery, *, as_json: bool) -> None:
    from debvisor_timers.history.filter import RunFilter
    from debvisor_timers.operations.past.history import HistoryQuery

    jobs = query.wanted.jobs or ()
    echo_notes(page.notes)
    if as_json:
        from debvisor_timers.operations.documents.runs import run_document

        echo_json([run_document(run) for run in page.runs])
    elif page.runs:
        _echo(page, with_jobs=len(jobs) != 1, next_offset=query.offset + query.limit)
    elif query == HistoryQuery(wanted=RunFilter(jobs=jobs[:1] or None), limit=query.limit):
        click.echo(f"{jobs[0]} has not run yet" if jobs else "no job has run yet")
    else:
        click.echo("no such runs")


def _moment(scheduler: Scheduler, text: str | None) -> datetime | None:
    return None if text is None else scheduler.timestamp(text)


def _echo(page: HistoryPage, *, with_jobs: bool, next_offset: int) -> None:
    titles = ("JOB", *_TITLES) if with_jobs else _TITLES
    rows = [_cells(run) for run in page.runs]
    if with_jobs:
        to_minutes = is_narrow(_ROOMY)
        rows = [
            (run.job, start[:_TO_MINUTES] if to_minutes else start, *rest)
            for run, (start, *rest) in zip(page.runs, rows, strict=True)
        ]
    echo_table(titles, rows, spare=("CPU", "TRIGGER"), whole={"START", "TOOK"})
    if page.has_more:
        click.echo(f"older runs follow: --offset {next_offset}", err=True)


def _cells(run: Run) -> tuple[str, ...]:
    return (
        times.short(run.start),
        times.span(run.duration),
        _result(run),
        trigger_words(run),
        times.span(run.cpu),
        run.id,
    )


def _result(run: Run) -> str:
    """Return how it ended: `failed (exit status 3), 4 attempts`."""
    further = [f"{run.attempts} attempts"] if run.attempts > 1 else []
    if run.count > 1:
        further.append(f"{run.count} times")
    return ", ".join([run.outcome_words, *further])
