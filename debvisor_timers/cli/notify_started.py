# SPDX-License-Identifier: Apache-2.0
"""notify-started: what `begin` of a job starts whose `notify` asks for it."""

from __future__ import annotations

import os

import click

from debvisor_timers.errors import ExitCode


@click.command("notify-started", hidden=True)
@click.argument("job")
def command(*, job: str) -> int:
    """Tell the channels that JOB names that its run has begun.

    For debvisor-timers-started@.service.
    """
    from debvisor_timers.scheduler import Scheduler

    notice = Scheduler.system().notify_started(job, host_name=os.uname().nodename)
    for run, channel in notice.told:
        click.echo(f"told {channel} that run {run} of {job} has begun")
    for problem in notice.problems:
        click.echo(f"{click.style('error:', fg='red')} {problem}", err=True)
    return ExitCode.SYSTEMD if notice.problems else ExitCode.DONE
