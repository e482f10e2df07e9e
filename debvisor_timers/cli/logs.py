# SPDX-License-Identifier: Apache-2.0
"""logs: the journal of a job, of a run or of all jobs, by journalctl."""

from __future__ import annotations

import os

import click

from debvisor_timers.cli.options import JOB, complete_run, require_run_id
from debvisor_timers.errors import UsageError


@click.command("logs", epilog="Example: debvisor-timers logs --failed nightly-backup")
@click.argument("job", metavar="[JOB]", default="", type=JOB)
@click.option("--all", "all_jobs", is_flag=True, help="Show all jobs, not one.")
@click.option(
    "--run",
    metavar="ID",
    shell_complete=complete_run,
    help="Show one run: its id, or how its id begins.",
)
@click.option("--last", is_flag=True, help="Show the newest run.")
@click.option("--failed", is_flag=True, help="Show the newest run that failed.")
@click.option("--stderr", is_flag=True, help="Show standard error alone.")
@click.option("-f", "--follow", is_flag=True, help="Go on showing what comes.")
@click.option(
    "-n",
    "--lines",
    type=click.IntRange(1),
    help="How many lines; 200, or of a run all.",
)
@click.option("--json", "as_json", is_flag=True, help="Print journal records as JSON lines.")
def command(  # noqa: PLR0913 - click hands over each option by its name
    *,
    job: str,
    all_jobs: bool,
    run: str | None,
    last: bool,
    failed: bool,
    stderr: bool,
    follow: bool,
    lines: int | None,
    as_json: bool,
) -> None:
    """Show what JOB printed, and what systemd said of it: journalctl with the right filter."""
    from debvisor_timers.operations.runs.logs import LogQuestion
    from debvisor_timers.operations.runs.which_run import Choice
    from debvisor_timers.scheduler import Scheduler

    flags = {"--run": run is not None, "--last": last, "--failed": failed}
    chosen = [flag for flag, is_set in flags.items() if is_set]
    _refuse_contradictions(job, chosen, all_jobs=all_jobs)
    require_run_id(run)
    question = LogQuestion(
        job_id=job,
        choice=Choice(id=run or "", failed=failed) if chosen else None,
        stderr=stderr,
        follow=follow,
        lines=lines,
        as_json=as_json,
    )
    argv = list(Scheduler.system().logs_command(question))
    os.execvp(argv[0], argv)  # noqa: S606 (no shell is the point)


def _refuse_contradictions(job: str, chosen: list[str], *, all_jobs: bool) -> None:
    """Raise UsageError for options that make no sense together."""
    if not job and not all_jobs:
        raise UsageError("logs of which job?", fix="name it, or write --all")
    if job and all_jobs:
        raise UsageError(f"job {job!r} and --all together", fix="write one of them")
    if chosen and all_jobs:
        raise UsageError(f"{chosen[0]} and --all together", fix="name the job of that run")
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)} together", fix="write one of them")
