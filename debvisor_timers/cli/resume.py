# SPDX-License-Identifier: Apache-2.0
"""resume: let paused jobs start again."""

from __future__ import annotations

import click

from debvisor_timers.cli import holding
from debvisor_timers.cli.options import JOB, complete_paused, json_option
from debvisor_timers.cli.output import counted, echo_json, echo_notes


@click.command("resume", epilog="Example: debvisor-timers resume nightly-backup")
@click.argument("jobs", metavar="[JOB]...", nargs=-1, type=JOB, shell_complete=complete_paused)
@holding.tag_option
@holding.all_option
@json_option
def command(*, jobs: tuple[str, ...], tags: tuple[str, ...], is_all: bool, as_json: bool) -> None:
    """Let paused jobs start again by their schedules and triggers.

    None starts at once: what came meanwhile was skipped, and nothing is caught up.
    """
    from debvisor_timers.scheduler import Scheduler

    chosen = holding.choice(jobs, tags, is_all=is_all)
    resumed = Scheduler.system(door="cli").resume(chosen)
    if as_json:
        from debvisor_timers.operations.documents.holding import resumed_document

        echo_json(resumed_document(resumed))
        return
    names = list(resumed.jobs)
    if names:
        words = names[0] if len(names) == 1 else counted(len(names), "job")
        click.echo(f"resumed {words}" + (f": {holding.named(names)}" if len(names) > 1 else ""))
    if resumed.not_paused:
        click.echo(f"not paused: {holding.named(list(resumed.not_paused))}")
    elif not names:
        click.echo("no job is paused")
    echo_notes(
        f"{held.unit} is left stopped: {held.path} is there, so it would start its job at once;"
        f" start it, and so the job, with: systemctl start {held.unit}"
        for held in resumed.unarmed
    )
