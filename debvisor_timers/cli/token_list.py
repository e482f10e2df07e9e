# SPDX-License-Identifier: Apache-2.0
"""token list: who may use the HTTP API."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debvisor_timers.cli import times
from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import echo_json, echo_table

if TYPE_CHECKING:
    from datetime import datetime

    from debvisor_timers.operations.access.tokens import Token

_TITLES = ("NAME", "ROLE", "CREATED", "BY", "EXPIRES", "LAST USED")


@click.command("token list", epilog="Example: debvisor-timers token list")
@json_option
def command(*, as_json: bool) -> None:
    """Show the tokens of the HTTP API: their roles, how long they last, when they were used."""
    from debvisor_timers.operations.access.document import token_document
    from debvisor_timers.scheduler import Scheduler

    scheduler = Scheduler.system(door="cli")
    tokens, now = scheduler.tokens(), scheduler.now()
    if as_json:
        echo_json([token_document(token) for token in tokens])
    elif tokens:
        rows = [_row(token, now) for token in tokens]
        echo_table(_TITLES, rows, spare=("BY", "CREATED"), whole=("NAME",))
    else:
        click.echo("there are no tokens")


def _row(token: Token, now: datetime) -> tuple[str, ...]:
    expires = times.short(token.expires) if token.expires else "never"
    return (
        token.name,
        str(token.role),
        times.short(token.created),
        token.created_by or "-",
        expires if token.holds(now) else f"expired {expires}",
        times.short(token.last_used) if token.last_used else "-",
    )
