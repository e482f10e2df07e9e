# SPDX-License-Identifier: Apache-2.0
"""token revoke: let nobody in any more by a token."""

from __future__ import annotations

import click

from debvisor_timers.cli.complete import complete_token
from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import echo_json


@click.command("token revoke", epilog="Example: debvisor-timers token revoke grafana")
@click.argument("name", metavar="NAME", shell_complete=complete_token)
@json_option
def command(*, name: str, as_json: bool) -> None:
    """Let nobody in any more by a token of the HTTP API, from the next request on."""
    from debvisor_timers.operations.access.document import token_document
    from debvisor_timers.scheduler import Scheduler

    revoked = Scheduler.system(door="cli").revoke_token(name)
    if as_json:
        echo_json(token_document(revoked))
    else:
        click.echo(f"revoked {name}, which was {revoked.role}")
