# SPDX-License-Identifier: Apache-2.0
"""history: the past runs of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debvisor_timers.cli import times
from debvisor_timers.cli.options import job_argument, json_option
from debvisor_timers.cli.output import echo_json, echo_table
from debvisor_timers.cli.runs import run_document, trigger_words

if TYPE_CHECKING:
    from debvisor_timers.history.runs import Run

_TITLES = ("START", "TOOK", "RESULT", "TRIGGER", "CPU", "RUN")


@click.command("history", epilog="Example: debvisor-timers history nightly-backup --limit 50")
@job_argument
@click.option(
    "-n", "--limit", type=click.IntRange(1), default=20, show_default=True, help="How many runs."
)
@json_option
def command(*, job: str, limit: int, as_json: bool) -> None:
    """Show the past runs of JOB, newest first, as the journal has them."""
    from debvisor_timers.scheduler import Scheduler

    runs = Scheduler.system().history(job, limit=limit)
    if as_json:
        echo_json([run_document(run) for run in runs])
    elif runs:
        echo_table(_TITLES, [_cells(run) for run in runs])
    else:
        click.echo(f"{job} has not run yet")


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
