# SPDX-License-Identifier: Apache-2.0
"""apply: make this host's timers what the YAML says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import confirm, counted, echo_json, echo_problems, progress

if TYPE_CHECKING:
    from debvisor_timers.operations.applying.apply import ApplyResult
    from debvisor_timers.operations.applying.plan import Plan


@click.command("apply", epilog="Example: debvisor-timers apply --yes")
@click.option("-y", "--yes", is_flag=True, help="Remove jobs without asking.")
@click.option("--allow-empty", is_flag=True, help="Allow that every job is removed.")
@click.option("--overwrite-edits", is_flag=True, help="Overwrite units that were edited by hand.")
@click.option("--dry-run", is_flag=True, help="Show the plan, write nothing.")
@json_option
def command(
    *, yes: bool, allow_empty: bool, overwrite_edits: bool, dry_run: bool, as_json: bool
) -> None:
    """Make this host's timers what the YAML says.

    All or nothing: what fails is undone. Running jobs are not disturbed, and no job is started.
    """
    from debvisor_timers.operations.applying.apply import ApplyOptions
    from debvisor_timers.scheduler import Scheduler

    scheduler = Scheduler.system(door="cli")
    if dry_run:
        _show_plan(scheduler.plan(), as_json=as_json)
        return
    result = scheduler.apply(
        ApplyOptions(
            confirm_removal=lambda plan: yes or bool(_ask(plan)),
            allow_empty=allow_empty,
            overwrite_edits=overwrite_edits,
            on_step=progress,
        )
    )
    progress("")
    if as_json:
        echo_json(_document(result))
    else:
        _echo(result)


def _show_plan(plan: Plan, *, as_json: bool) -> None:
    from debvisor_timers.cli.plan import as_document, echo_plan

    if as_json:
        echo_json(as_document(plan))
    else:
        echo_plan(plan, with_diff=False)


def _ask(plan: Plan) -> bool | None:
    names = plan.removed
    shown = ", ".join(names[:10]) + (" ..." if len(names) > 10 else "")
    return confirm(f"Remove {counted(len(names), 'job')} ({shown})?")


def _echo(result: ApplyResult) -> None:
    if result.plan is not None and result.plan.warnings:
        echo_problems(result.plan.warnings)
    if result.recovery != "nothing":
        click.echo(f"an earlier apply had been cut off; it was {result.recovery} first", err=True)
    click.echo(
        f"{result.created} created, {result.updated} updated, {result.removed} removed,"
        f" {result.unchanged} unchanged (generation {result.generation})"
    )
    if result.timers_held:
        click.echo(
            "debvisor-timers.target is stopped, so no timer was started;"
            " they start with: systemctl start debvisor-timers.target",
            err=True,
        )
    for held in result.unarmed:
        click.echo(
            f"{held.unit} was not started: {held.path} is there, so it would start its job at once;"
            f" start it, and so the job, with: systemctl start {held.unit}",
            err=True,
        )


def _document(result: ApplyResult) -> dict[str, object]:
    return {
        "generation": result.generation,
        "created": result.created,
        "updated": result.updated,
        "removed": result.removed,
        "unchanged": result.unchanged,
        "recovery": str(result.recovery),
        "timers_held": result.timers_held,
        "unarmed": [{"unit": held.unit, "path": held.path} for held in result.unarmed],
    }
