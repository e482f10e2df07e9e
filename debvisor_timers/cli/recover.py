# SPDX-License-Identifier: Apache-2.0
"""recover: undo or finish an apply that was cut off."""

from __future__ import annotations

import click


@click.command("recover", epilog="Example: debvisor-timers recover")
def command() -> None:
    """Undo or finish an apply that was cut off by a kill or a power cut.

    Runs by itself at boot and at the start of every apply.
    """
    from debvisor_timers.scheduler import Scheduler

    words = {
        "nothing": "nothing to recover",
        "undone": "an apply had been cut off; everything is as it was before it",
        "finished": "an apply had been cut off after its last change; it is finished now",
    }
    click.echo(words[Scheduler.system().recover()])
