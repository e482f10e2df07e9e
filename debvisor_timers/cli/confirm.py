# SPDX-License-Identifier: Apache-2.0
"""confirm: keep what is being tried."""

from __future__ import annotations

import click

from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import echo_json


@click.command("confirm", epilog="Example: debvisor-timers confirm")
@json_option
def command(*, as_json: bool) -> None:
    """Keep what `debvisor-timers try` has applied: nothing takes it back any more."""
    from debvisor_timers.scheduler import Scheduler

    generation = Scheduler.system(door="cli").confirm()
    if as_json:
        echo_json({"generation": generation})
    else:
        click.echo(f"confirmed: generation {generation} stays")
