# SPDX-License-Identifier: Apache-2.0
"""undo-try: take back what was tried and not confirmed; debvisor-timers-undo-try.service."""

from __future__ import annotations

import click


@click.command("undo-try", hidden=True)
def command() -> None:
    """Take back what is being tried."""
    from debvisor_timers.scheduler import Scheduler

    done = Scheduler.system(door="cli").undo_unconfirmed()
    if done is None:
        click.echo("nothing is being tried")
        return
    again = f"generation {done.number}" if done.number else "what was before the first apply"
    click.echo(f"not confirmed in time: {again} is in force again ({done.result.words})")
    for path in done.files:
        click.echo(f"brought back: {path}")
    for note in done.notes:
        click.echo(note, err=True)
