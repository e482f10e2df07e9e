# SPDX-License-Identifier: Apache-2.0
"""plan: show what apply would change."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import click

from debvisor_timers.cli import times
from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import echo_json, echo_problems
from debvisor_timers.errors import ExitCode

if TYPE_CHECKING:
    from debvisor_timers.operations.applying.plan import JobPlan, Plan

_DIFF_COLOURS = {"+": "green", "-": "red", "@": "cyan"}
SIGNS = {"create": ("+", "green"), "update": ("~", "yellow"), "remove": ("-", "red")}


@click.command(
    "plan",
    epilog="Example: debvisor-timers plan --diff",
)
@click.option("--diff", "with_diff", is_flag=True, help="Show every changed unit as a diff.")
@click.option(
    "--detailed-exitcode", is_flag=True, help="Exit with 10 when there is something to change."
)
@json_option
def command(*, with_diff: bool, detailed_exitcode: bool, as_json: bool) -> int:
    """Show what apply would change: + new, ~ changed, - removed jobs; changes nothing."""
    from debvisor_timers.scheduler import Scheduler

    plan = Scheduler.system().plan()
    if as_json:
        from debvisor_timers.operations.documents.plans import plan_document

        echo_json(plan_document(plan))
    else:
        echo_plan(plan, with_diff=with_diff)
    return ExitCode.CHANGES if detailed_exitcode and not plan.is_empty else ExitCode.DONE


def echo_plan(plan: Plan, *, with_diff: bool) -> None:
    """Print `plan` for people."""
    from debvisor_timers.operations.applying.diff import unified_diff

    if plan.warnings:
        echo_problems(plan.warnings)
    width = max((len(job.job_id) for job in plan.jobs), default=0)
    for job in plan.jobs:
        sign, colour = SIGNS[job.change]
        click.echo(click.style(f"{sign} {job.job_id:<{width}}", fg=colour) + f"  {_next(job)}")
        for name in job.edited:
            click.echo(f"    {name} was edited by hand: apply refuses without --overwrite-edits")
        if with_diff:
            echo_diff(unified_diff(job))
    for name in plan.foreign:
        click.echo(click.style(f"! {name}", fg="red") + "  is not ours: apply will refuse")
    click.echo(summary(plan))


def summary(plan: Plan) -> str:
    """Return `2 to create, 1 to update, 0 to remove, 14 unchanged`."""
    return (
        f"{len(plan.created)} to create, {len(plan.updated)} to update,"
        f" {len(plan.removed)} to remove, {plan.unchanged} unchanged"
    )


def _next(job: JobPlan) -> str:
    before, after = times.local(job.next_before), times.local(job.next_after)
    if job.jitter:
        after += f" +{times.span(job.jitter)}"
    if job.change == "create":
        return f"next {after}"
    if job.change == "remove":
        return f"was next {before}"
    return f"next {after}" if before == after else f"next {before} -> {after}"


def echo_diff(lines: Iterable[str]) -> None:
    """Print a diff below what it belongs to."""
    for line in lines:
        click.echo(f"    {click.style(line, fg=_DIFF_COLOURS.get(line[:1]))}".rstrip())
