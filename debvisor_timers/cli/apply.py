# SPDX-License-Identifier: Apache-2.0
"""apply: make this host's timers what the YAML says."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debvisor_timers.cli.options import expect_option, json_option
from debvisor_timers.cli.output import confirm, counted, echo_json, echo_problems, progress

if TYPE_CHECKING:
    from debvisor_timers.operations.applying.apply import ApplyResult
    from debvisor_timers.operations.applying.plan import Plan


@click.command("apply", epilog="Example: debvisor-timers apply --yes")
@click.option("-y", "--yes", is_flag=True, help="Remove jobs without asking.")
@click.option("--allow-empty", is_flag=True, help="Allow that every job is removed.")
@click.option("--overwrite-edits", is_flag=True, help="Overwrite units that were edited by hand.")
@expect_option
@click.option("--dry-run", is_flag=True, help="Show the plan, write nothing.")
@json_option
def command(  # noqa: PLR0913 (one for each option)
    *,
    yes: bool,
    allow_empty: bool,
    overwrite_edits: bool,
    expect_generation: int | None,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Make this host's timers what the YAML says.

    All or nothing: what fails is undone. Running jobs are not disturbed, and no job is started.
    """
    from debvisor_timers.operations.applying.apply import ApplyOptions, check_generation
    from debvisor_timers.scheduler import Scheduler

    scheduler = Scheduler.system(door="cli")
    if dry_run:
        plan = scheduler.plan()
        check_generation(expect_generation, plan.generation - 1)
        _show_plan(plan, as_json=as_json)
        return
    result = scheduler.apply(
        ApplyOptions(
            confirm_removal=lambda plan: yes or ask_removal(plan),
            allow_empty=allow_empty,
            overwrite_edits=overwrite_edits,
            expect_generation=expect_generation,
            on_step=progress,
        )
    )
    progress("")
    if as_json:
        from debvisor_timers.operations.documents.plans import apply_document

        echo_json(apply_document(result))
    else:
        echo_result(result)


def _show_plan(plan: Plan, *, as_json: bool) -> None:
    from debvisor_timers.cli.plan import echo_plan
    from debvisor_timers.operations.documents.plans import plan_document

    if as_json:
        echo_json(plan_document(plan))
    else:
        echo_plan(plan, with_diff=False)


def ask_removal(plan: Plan) -> bool:
    """Ask on the terminal whether the jobs that `plan` removes may go; False without one."""
    names = plan.removed
    shown = ", ".join(names[:10]) + (" ..." if len(names) > 10 else "")
    return bool(confirm(f"Remove {counted(len(names), 'job')} ({shown})?"))


def echo_result(result: ApplyResult) -> None:
    """Print what an apply did, for people."""
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
