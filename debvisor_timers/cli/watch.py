# SPDX-License-Identifier: Apache-2.0
"""watch: what debvisor-timers-watch.service does."""

from __future__ import annotations

import os

import click

from debvisor_timers.errors import ExitCode


@click.command("watch", hidden=True)
def command() -> int:
    """Tell what the end of no run announces, and send messages that wait."""
    from debvisor_timers.scheduler import Scheduler

    done = Scheduler.system().watch(host_name=os.uname().nodename)
    for kind, job, channel in done.told:
        click.echo(f"{job or 'all jobs'}: {kind.replace('_', ' ')}; for {channel}")
    for channel, event, job in done.sent:
        click.echo(f"told {channel}: {event}{f' of {job}' if job else ''}")
    for problem in done.problems:
        click.echo(f"{click.style('error:', fg='red')} {problem}", err=True)
    return ExitCode.SYSTEMD if done.problems else ExitCode.DONE
