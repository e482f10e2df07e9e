# SPDX-License-Identifier: Apache-2.0
"""retry: run a failed run of a job again."""

from __future__ import annotations

import click

from debvisor_timers.cli.options import complete_failed_run, job_argument, json_option
from debvisor_timers.cli.run import answer, until_interrupted


@click.command("retry", epilog="Example: debvisor-timers retry nightly-backup --wait")
@job_argument
@click.argument("run", required=False, shell_complete=complete_failed_run)
@click.option("--wait", is_flag=True, help="Wait for the end; exit with 5 when the run failed.")
@json_option
def command(*, job: str, run: str | None, wait: bool, as_json: bool) -> int:
    """Run a failed run of JOB again: RUN, or else the newest that failed.

    The new run is one of its own, with all its attempts; `history` shows which run it repeats. The
    schedule is not touched.
    """
    from debvisor_timers.scheduler import Scheduler

    scheduler = Scheduler.system(door="cli")
    with until_interrupted(job):
        result = scheduler.retry(job, run, wait=wait)
    return answer(result, as_json=as_json)
