# SPDX-License-Identifier: Apache-2.0
"""config backup: save what this host has been told to one file."""

from __future__ import annotations

from pathlib import Path

import click

from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import counted, echo_json, grouped


@click.command(
    "config backup",
    epilog="Example: debvisor-timers config backup --output=/backups/scheduler_backup.json",
)
@click.option("--output", metavar="FILE", required=True, help="The file; a backup is replaced.")
@click.option("--with-history", is_flag=True, help="Save the index of past runs too.")
@json_option
def command(*, output: str, with_history: bool, as_json: bool) -> None:
    """Save configuration, jobs, task types, templates, pauses and token hashes to one file.

    The file is for root alone: there may be secrets in it.
    """
    from debvisor_timers.scheduler import Scheduler

    result = Scheduler.system(door="cli").backup(Path(output).absolute(), with_history=with_history)
    if as_json:
        document = {
            "file": str(result.path),
            "files": result.files,
            "bytes": result.size,
            "history": result.has_history,
        }
        echo_json(document)
        return
    history = " and the history" if result.has_history else ""
    size = f"{grouped(result.size)} bytes"
    click.echo(f"{counted(result.files, 'file')}{history} saved to {result.path} ({size})")
