# SPDX-License-Identifier: Apache-2.0
"""task run: a task once, now."""

from __future__ import annotations

import click

from debvisor_timers.cli.complete import complete_task_type


@click.command(
    "task run", epilog="Example: debvisor-timers task run vm_snapshot vm_id=vm-123 keep=3"
)
@click.argument("task_type", metavar="TYPE", shell_complete=complete_task_type)
@click.argument("settings", metavar="[PARAMETER=VALUE]...", nargs=-1)
@click.option("--config", default="", metavar="JSON", help="Parameters as a JSON object.")
@click.option(
    "--credential",
    "credentials",
    metavar="NAME:PATH",
    multiple=True,
    help="A secret that the task reads, and the file that holds it.",
)
def command(
    *, task_type: str, settings: tuple[str, ...], config: str, credentials: tuple[str, ...]
) -> int:
    """Do a task of TYPE once, now, and wait for its end.

    It is a unit of its own with the user, limits and sandbox that a job of the type has. There is
    no retry, and no run in the history. Ends as the task does; Ctrl-C stops it.
    """
    from debvisor_timers.operations.runs.task_run import Wanted
    from debvisor_timers.scheduler import Scheduler

    wanted = Wanted(task_type=task_type, settings=settings, config=config, credentials=credentials)
    return Scheduler.system(door="cli").run_task(wanted)
