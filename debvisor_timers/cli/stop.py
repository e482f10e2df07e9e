# SPDX-License-Identifier: Apache-2.0
"""stop: end the run of a job that is under way."""

from __future__ import annotations

import click

from debvisor_timers.cli.options import job_argument


@click.command("stop", epilog="Example: debvisor-timers stop nightly-backup")
@job_argument
def command(*, job: str) -> None:
    """End the run of JOB that is under way: SIGTERM, then SIGKILL after its stop_timeout.

    Also one that waits, or is between two attempts; no attempt follows. The schedule is not
    touched: the next run comes as planned.
    """
    from debvisor_timers.scheduler import Scheduler

    was_running = Scheduler.system(door="cli").stop(job)
    click.echo(f"stopped {job}" if was_running else f"{job} was not running")
