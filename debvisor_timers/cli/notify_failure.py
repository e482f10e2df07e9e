# SPDX-License-Identifier: Apache-2.0
"""notify-failure: what OnFailure= of each job starts."""

from __future__ import annotations

import os

import click

from debvisor_timers.errors import ExitCode


@click.command("notify-failure", hidden=True)
@click.argument("job")
def command(*, job: str) -> int:
    """Note how a run of JOB failed, and tell the channels that the job names.

    For debvisor-timers-notify@.service: nothing of it happens twice for the same run.
    """
    from debvisor_timers.scheduler import Scheduler

    notice = Scheduler.system().notify_failure(
        job,
        host_name=os.uname().nodename,
        invocation=os.environ.get("MONITOR_INVOCATION_ID", ""),
    )
    if notice.unstuck:
        click.echo(f"{job} would have waited for its next attempt for ever: ended it")
    if notice.noted:
        click.echo(f"noted how run {notice.noted} of {job} ended")
    for run, channel in notice.told:
        click.echo(f"told {channel} of run {run} of {job}")
    if not (notice.unstuck or notice.noted or notice.told or notice.problems):
        click.echo(f"{job}: nothing to note, and nobody to tell")
    for problem in notice.problems:
        click.echo(f"{click.style('error:', fg='red')} {problem}", err=True)
    return ExitCode.SYSTEMD if notice.problems else ExitCode.DONE
