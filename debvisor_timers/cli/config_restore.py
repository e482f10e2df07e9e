# SPDX-License-Identifier: Apache-2.0
"""config restore: bring a backup back."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import confirm, counted, echo_json, echo_notes, progress
from debvisor_timers.errors import RefusedError

if TYPE_CHECKING:
    from debvisor_timers.operations.applying.edits import FileEdit
    from debvisor_timers.operations.exchange.restore import RestorePlan, RestoreResult


@click.command(
    "config restore",
    epilog="Example: debvisor-timers config restore --input=/backups/scheduler_backup.json",
)
@click.option("--input", "file", metavar="FILE", required=True, help="What to restore.")
@click.option("--force", is_flag=True, help="Restore without asking.")
@click.option("--dry-run", is_flag=True, help="Show what would change, write nothing.")
@click.option("--with-history", is_flag=True, help="Put its index of past runs in place of ours.")
@json_option
def command(*, file: str, force: bool, dry_run: bool, with_history: bool, as_json: bool) -> None:
    """Make the configuration of this host, and its jobs, what a backup has.

    All or nothing, as an apply; what is not in the backup goes. A backup of the original scheduler
    brings its jobs, and leaves the others.
    """
    from debvisor_timers.scheduler import Scheduler

    def agree(planned: RestorePlan) -> bool:
        if not as_json:
            _echo_plan(planned)
        return not dry_run and (force or _ask(planned))

    scheduler = Scheduler.system(door="cli")
    result = scheduler.restore(
        Path(file).absolute(), agree=agree, with_history=with_history, on_step=progress
    )
    progress("")
    if as_json:
        echo_json(_document(result))
    else:
        _echo(result, dry_run=dry_run)


def _ask(planned: RestorePlan) -> bool:
    answer = confirm(f"Restore {counted(len(planned.edits), 'file')}?")
    if answer is None:
        raise RefusedError(
            "nothing was restored: nobody can be asked here",
            fix="look at it with --dry-run, restore with --force",
        )
    return answer


def _echo_plan(planned: RestorePlan) -> None:
    from debvisor_timers.cli.plan import echo_plan

    echo_notes(planned.notes)
    for edit in planned.edits:
        sign, colour = _sign(edit)
        click.echo(click.style(f"{sign} {edit.path}", fg=colour))
    if planned.has_history:
        click.echo(click.style("~ the index of past runs", fg="yellow"))
    echo_plan(planned.plan, with_diff=False)


def _sign(edit: FileEdit) -> tuple[str, str]:
    if edit.before is None:
        return "+", "green"
    return ("-", "red") if edit.after is None else ("~", "yellow")


def _echo(result: RestoreResult, *, dry_run: bool) -> None:
    if result.planned.is_empty:
        echo_notes(result.planned.notes)
        click.echo("nothing to restore: all is as the backup has it")
    elif result.applied is None:
        click.echo("nothing was restored" + (" (--dry-run)" if dry_run else ""))
    else:
        done = result.applied
        click.echo(
            f"{counted(len(result.planned.edits), 'file')} restored; {done.created} created,"
            f" {done.updated} updated, {done.removed} removed, {done.unchanged} unchanged"
            f" (generation {done.generation})"
        )
        echo_notes(
            f"{held.unit} was not started: {held.path} is there, so it would start its job at once"
            for held in result.unarmed
        )
        if result.history is not None:
            click.echo(f"the index of before is {result.history}", err=True)


def _document(result: RestoreResult) -> dict[str, object]:
    from debvisor_timers.operations.documents.plans import plan_document

    words = {"+": "create", "~": "update", "-": "remove"}
    return {
        "restored": result.applied is not None,
        "files": [
            {"file": str(edit.path), "change": words[_sign(edit)[0]]}
            for edit in result.planned.edits
        ],
        "history": result.planned.has_history,
        "notes": list(result.planned.notes),
        "plan": plan_document(result.planned.plan),
        "generation": result.applied.generation if result.applied else None,
    }
