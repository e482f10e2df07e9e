# SPDX-License-Identifier: Apache-2.0
"""renew: let timers follow their time zone."""

from __future__ import annotations

import click

from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import counted, echo_json, echo_problems, progress
from debvisor_timers.errors import ExitCode


@click.command("renew", epilog="Example: debvisor-timers renew")
@json_option
def command(*, as_json: bool) -> int:
    """Renew timers after a change of the host's time zone, or of the law of a zone.

    What was applied counts: edits of the YAML since then are left for `apply`. No job is started by
    it. It is called when tzdata is upgraded, when /etc/localtime changes, and after each boot.
    Exits with 3 when some of what was applied cannot be read; the rest is renewed.
    """
    from debvisor_timers.scheduler import Scheduler

    renewal = Scheduler.system(door="cli").renew(progress)
    progress("")
    for job in renewal.edited:
        click.echo(
            f"{job}: edited by hand, and left; fix: put the change into the YAML, or apply with"
            " --overwrite-edits",
            err=True,
        )
    if as_json:
        echo_json({"renewed": list(renewal.renewed), "edited": list(renewal.edited)})
    elif renewal.renewed:
        names = ", ".join(renewal.renewed)
        click.echo(f"{counted(len(renewal.renewed), 'job')} renewed: {names}")
    else:
        click.echo("nothing to renew")
    if renewal.problems:
        echo_problems(renewal.problems)
        return ExitCode.DEFINITIONS
    return ExitCode.DONE
