# SPDX-License-Identifier: Apache-2.0
"""run: run a job now."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import click

from debvisor_timers.cli import times
from debvisor_timers.cli.options import job_argument, json_option
from debvisor_timers.cli.output import echo_json, echo_notes
from debvisor_timers.cli.runs import task_result_lines
from debvisor_timers.errors import ExitCode, InterruptedByUserError

if TYPE_CHECKING:
    from debvisor_timers.operations.runs.run import RunResult


@click.command("run", epilog="Example: debvisor-timers run nightly-backup --wait")
@job_argument
@click.option("--wait", is_flag=True, help="Wait for the end; exit with 5 when the run failed.")
@click.option("--force", is_flag=True, help="Do not ask or wait for the jobs it depends on.")
@click.option("--dry-run", is_flag=True, help="Show what would happen; start nothing.")
@json_option
def command(*, job: str, wait: bool, force: bool, dry_run: bool, as_json: bool) -> int:
    """Run JOB now, by systemd, exactly as its timer would. The schedule is not touched."""
    from debvisor_timers.scheduler import Scheduler

    scheduler = Scheduler.system(door="cli")
    if dry_run:
        from debvisor_timers.cli.rehearsal import echo_rehearsal

        echo_rehearsal(scheduler.rehearse(job), force=force, as_json=as_json)
        return ExitCode.DONE
    with until_interrupted(job):
        result = scheduler.run(job, wait=wait, force=force)
    return answer(result, as_json=as_json)


@contextmanager
def until_interrupted(job: str) -> Iterator[None]:
    """Say on Ctrl-C that the run of `job` goes on."""
    try:
        yield
    except KeyboardInterrupt as error:
        raise InterruptedByUserError(
            f"stopped waiting; {job} goes on",
            fix=f"debvisor-timers logs -f {job}, or debvisor-timers stop {job}",
        ) from error


def answer(result: RunResult, *, as_json: bool) -> int:
    """Print what became of a start; return the exit status."""
    if result.pause is not None:
        from debvisor_timers.operations.holding.words import long_words

        said = f"{result.job_id} is paused, {long_words(result.pause)}"
        echo_notes([f"{said}; a run by hand takes place all the same"])
    if as_json:
        from debvisor_timers.operations.documents.runs import start_document

        echo_json(start_document(result))
    else:
        click.echo(_words(result))
        for line in task_result_lines(result.task_result):
            click.echo(f"  {line}")
    failed = result.run is not None and result.run.status == "failed"
    return ExitCode.SYSTEMD if failed else ExitCode.DONE


def _words(result: RunResult) -> str:
    job, run = result.job_id, result.run
    again = f", to repeat run {result.retry_of}" if result.retry_of else ""
    if run is None:
        return f"started {job}{again}; follow it with: debvisor-timers logs -f {job}"
    took = f"after {times.span(run.duration)}"
    attempts = f" in {run.attempts} attempts" if (run.attempts or 1) > 1 else ""
    return f"{job} {run.outcome_words} {took}{attempts}"
