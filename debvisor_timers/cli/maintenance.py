# SPDX-License-Identifier: Apache-2.0
"""maintenance: hold the schedules of the whole host back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debvisor_timers.cli import holding
from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import echo_json, echo_notes
from debvisor_timers.errors import UsageError
from debvisor_timers.operations.documents.holding import mark_document
from debvisor_timers.operations.holding.words import long_words

if TYPE_CHECKING:
    from debvisor_timers.scheduler import Scheduler


@click.command(
    "maintenance",
    epilog='Example: debvisor-timers maintenance on --until "+2h" --reason "new disk"',
)
@click.argument("switch", metavar="[on|off]", type=click.Choice(["on", "off"]), required=False)
@holding.until_option
@holding.reason_option
@json_option
def command(*, switch: str | None, until: str | None, reason: str, as_json: bool) -> None:
    """Hold the schedules of the whole host back: as a maintenance window that begins now.

    While it is on, each run that a schedule or a boot starts is skipped. Runs that are under way go
    on. It lasts over reboots. Without `on` or `off`: tell whether it is on.
    """
    from debvisor_timers.scheduler import Scheduler

    scheduler = Scheduler.system(door="cli")
    if switch != "on":
        if until is not None or reason:
            raise UsageError("--until and --reason are of `maintenance on`", fix="leave them out")
        (_off if switch else _tell)(scheduler, as_json=as_json)
        return
    begun = scheduler.begin_maintenance(holding.wish(scheduler, until, reason))
    if as_json:
        echo_json({"maintenance": mark_document(begun.mark)})
        return
    click.echo(f"maintenance is on, {long_words(begun.mark)}")
    if begun.before is not None:
        echo_notes([f"it was on already, {long_words(begun.before)}"])
    if begun.running:
        echo_notes([holding.goes_on(list(begun.running))])


def _tell(scheduler: Scheduler, *, as_json: bool) -> None:
    mark = scheduler.maintenance()
    if as_json:
        echo_json({"maintenance": mark_document(mark)})
    else:
        click.echo(f"maintenance is on, {long_words(mark)}" if mark else "maintenance is off")


def _off(scheduler: Scheduler, *, as_json: bool) -> None:
    ended = scheduler.end_maintenance()
    if as_json:
        echo_json({"maintenance": None, "before": mark_document(ended)})
    elif ended is None:
        click.echo("maintenance was not on")
    else:
        click.echo(f"maintenance is off; it was on {long_words(ended)}")
