# SPDX-License-Identifier: Apache-2.0
"""import timer: a hand-written timer as a job file."""

from __future__ import annotations

import click

from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import echo_json, echo_notes
from debvisor_timers.errors import ExitCode


@click.command("import timer", epilog="Example: debvisor-timers import timer backup.timer")
@click.argument("unit", metavar="UNIT")
@json_option
def command(*, unit: str, as_json: bool) -> int:
    """Print the job file that the timer UNIT and its service become; nothing is changed.

    Each directive that a job does not have is named, and the exit status is 3.
    """
    from debvisor_timers.scheduler import Scheduler

    imported = Scheduler.system(door="cli").import_timer(unit)
    if as_json:
        echo_json(
            {
                "job_id": imported.job_id,
                "yaml": imported.text,
                "files": [str(path) for path in imported.files],
                "left_out": list(imported.left),
            }
        )
    else:
        click.echo(imported.text, nl=False)
        echo_notes(f"left out: {line}" for line in imported.left)
    return ExitCode.DEFINITIONS if imported.left else ExitCode.DONE
