# SPDX-License-Identifier: Apache-2.0
"""recover: undo or finish an apply that was cut off, and tell of runs that were."""

from __future__ import annotations

import click


@click.command("recover", epilog="Example: debvisor-timers recover")
def command() -> None:
    """Undo or finish an apply that was cut off by a kill or a power cut.

    Before that, record the runs that a crash has cut off, and have them told. After that, take back
    what was being tried when the machine went down. Runs by itself at boot. Every apply undoes or
    finishes an earlier one as well.
    """
    from debvisor_timers.errors import SystemdError
    from debvisor_timers.scheduler import Scheduler

    words = {
        "nothing": "nothing to recover",
        "undone": "an apply had been cut off; everything is as it was before it",
        "finished": "an apply had been cut off after its last change; it is finished now",
    }
    scheduler = Scheduler.system(door="cli")
    # First: an apply that cannot be undone must not keep anybody from being told.
    lost = scheduler.note_lost()
    for job_id, run_id in lost.runs:
        click.echo(f"run {run_id} of {job_id} is lost: it was cut off by a crash")
    click.echo(words[scheduler.recover()])
    if scheduler.undo_unconfirmed(only_forgotten=True):
        click.echo("what was being tried was never confirmed; it is taken back")
    if lost.problems:
        raise SystemdError("; ".join(lost.problems))
