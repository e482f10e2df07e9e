# SPDX-License-Identifier: Apache-2.0
"""token create: let somebody use the HTTP API."""

from __future__ import annotations

import click

from debvisor_timers.cli import times
from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import echo_json, echo_notes

_ROLES = ("viewer", "operator", "editor", "admin")


@click.command(
    "token create",
    epilog='Example: debvisor-timers token create grafana --role viewer --expires "+90d"',
)
@click.argument("name", metavar="NAME")
@click.option(
    "--role",
    type=click.Choice(_ROLES),
    default=_ROLES[0],
    show_default=True,
    help="What it may do.",
)
@click.option("--expires", metavar="T", help="When it ends by itself; default: never.")
@json_option
def command(*, name: str, role: str, expires: str | None, as_json: bool) -> None:
    """Make a token of the HTTP API, and print it: this one time, since only a digest is kept."""
    from debvisor_timers.operations.access.document import token_document
    from debvisor_timers.operations.access.roles import Role
    from debvisor_timers.scheduler import Scheduler

    scheduler = Scheduler.system(door="cli")
    until = None if expires is None else scheduler.timestamp(expires)
    made = scheduler.create_token(name, Role(role), expires=until)
    if as_json:
        echo_json({**token_document(made.token), "token": made.secret})
        return
    click.echo(made.secret)
    end = f"until {times.local(made.token.expires)}" if made.token.expires else "without an end"
    echo_notes([f"{name} is {role}, {end}; the token is not shown again"])
