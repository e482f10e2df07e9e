# SPDX-License-Identifier: Apache-2.0
"""list: jobs with their schedule, last run, next start and state."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debvisor_timers.cli import times
from debvisor_timers.cli.options import (
    complete_state,
    json_option,
    owner_option,
    tag_option,
    tag_pair,
)
from debvisor_timers.cli.output import echo_json, echo_notes, echo_problems, echo_table
from debvisor_timers.errors import ExitCode
from debvisor_timers.operations.holding import words as held
from debvisor_timers.operations.states import state_words

if TYPE_CHECKING:
    from datetime import datetime

    from debvisor_timers.operations.list import JobRow

_TITLES = ("JOB", "SCHEDULE", "LAST", "TOOK", "RESULT", "NEXT", "STATE")
_SPARE = ("TOOK", "SCHEDULE")
"""What a terminal has no room for where ids are long."""


@click.command("list", epilog="Example: debvisor-timers list --json | jq '.[].job'")
@owner_option
@tag_option
@click.option(
    "--status",
    "statuses",
    metavar="S",
    multiple=True,
    shell_complete=complete_state,
    help="Only jobs of which this is true: running, failed, disabled, paused, ...",
)
@json_option
def command(*, owner: str, tags: tuple[str, ...], statuses: tuple[str, ...], as_json: bool) -> int:
    """List jobs: schedule in words, last start, duration, result, next start, state.

    Exits with 3 when a file is wrong; the jobs of the others are shown.
    """
    from debvisor_timers.operations.chosen import JobChoice
    from debvisor_timers.scheduler import Scheduler

    choice = JobChoice(owner=owner, tags=dict(map(tag_pair, tags)), statuses=statuses)
    scheduler = Scheduler.system()
    jobs = scheduler.list(choice)
    is_wrong = any(problem.is_error for problem in jobs.problems)
    if as_json:
        from debvisor_timers.operations.documents.jobs import job_document

        counts = scheduler.run_counts() if jobs.rows else None
        echo_json([job_document(row, counts) for row in jobs.rows])
    elif jobs.rows:
        rows = [_cells(row, scheduler.now()) for row in jobs.rows]
        echo_table(_TITLES, rows, spare=_SPARE, whole={"LAST", "RESULT", "NEXT", "STATE"})
    elif not choice.is_all:
        click.echo("no such jobs")
    elif not is_wrong:
        click.echo(
            "no jobs; write one into /etc/debvisor/timers/jobs.d/, then: debvisor-timers apply"
        )
    if jobs.maintenance and not as_json:
        echo_notes([held.maintenance_words(jobs.maintenance)])
    if jobs.problems:
        echo_problems(jobs.problems)
    return ExitCode.DEFINITIONS if is_wrong else ExitCode.DONE


def schedule_words(row: JobRow) -> str:
    """Return the job's schedule and triggers in words."""
    from debvisor_timers.jobs.words import schedule_words as of_job

    return of_job(row.job) if row.job else ""


def _cells(row: JobRow, now: datetime) -> tuple[str, ...]:
    last = row.last
    return (
        row.job_id,
        schedule_words(row) or "-",
        times.relative((last.start or last.end) if last else None, now=now),
        times.span(last.duration if last else None),
        str(last.outcome).replace("_", " ") if last else "-",
        times.relative(row.next_start, now=now),
        state_words(row),
    )
