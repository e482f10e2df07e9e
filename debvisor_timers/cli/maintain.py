# SPDX-License-Identifier: Apache-2.0
"""maintain: what debvisor-timers-maintain.service does."""

from __future__ import annotations

import click

from debvisor_timers.cli.output import counted, echo_notes


@click.command("maintain")
def command() -> None:
    """Bring the index of runs up to date with the journal, and forget what is too old."""
    from debvisor_timers.scheduler import Scheduler

    pruned = Scheduler.system().maintain().pruned
    echo_notes(pruned.notes)
    if pruned.runs:
        click.echo(f"forgot {counted(pruned.runs, 'run')}")
