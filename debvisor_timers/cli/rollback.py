# SPDX-License-Identifier: Apache-2.0
"""rollback: make an older generation true again."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from debvisor_timers.cli.options import complete_generation, json_option
from debvisor_timers.cli.output import confirm, echo_json, echo_notes, progress, some

if TYPE_CHECKING:
    from debvisor_timers.operations.safety.rollback import RolledBack
    from debvisor_timers.scheduler import Scheduler


@click.command("rollback", epilog="Example: debvisor-timers rollback --dry-run")
@click.argument(
    "number",
    metavar="[N]",
    type=click.IntRange(1),
    required=False,
    shell_complete=complete_generation,
)
@click.option("--yaml", is_flag=True, help="Bring back the files of jobs and config.yaml too.")
@click.option("--force", is_flag=True, help="With --yaml: replace edits that were never applied.")
@click.option("-y", "--yes", is_flag=True, help="Remove jobs without asking.")
@click.option("--overwrite-edits", is_flag=True, help="Overwrite units that were edited by hand.")
@click.option("--dry-run", is_flag=True, help="Show what would change, write nothing.")
@json_option
def command(  # noqa: PLR0913 (one for each option)
    *,
    number: int | None,
    yaml: bool,
    force: bool,
    yes: bool,
    overwrite_edits: bool,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Make generation N true again: the one before what is in force, where none is named.

    It becomes a new generation. Units and links are as they were kept; no job is started. While
    something is being tried, that is taken back.
    """
    from debvisor_timers.cli.apply import ask_removal
    from debvisor_timers.operations.applying.apply import ApplyOptions
    from debvisor_timers.operations.safety.rollback import RollbackOptions
    from debvisor_timers.scheduler import Scheduler

    scheduler = Scheduler.system(door="cli")
    if dry_run:
        _show_plan(scheduler, number, yaml=yaml, as_json=as_json)
        return
    options = ApplyOptions(
        confirm_removal=lambda plan: yes or ask_removal(plan),
        overwrite_edits=overwrite_edits,
        on_step=progress,
    )
    wish = RollbackOptions(
        apply=options, yaml=yaml, confirm_loss=lambda paths: force or _ask_loss(paths)
    )
    done = scheduler.rollback(number, wish)
    progress("")
    if as_json:
        echo_json(_document(done))
    else:
        _echo(done)


def _ask_loss(paths: tuple[Path, ...]) -> bool:
    names = some([path.name for path in paths], 5)
    return bool(confirm(f"Replace edits that were never applied ({names})? A copy is kept."))


def _show_plan(scheduler: Scheduler, number: int | None, *, yaml: bool, as_json: bool) -> None:
    from debvisor_timers.cli.plan import echo_plan
    from debvisor_timers.operations.documents.plans import plan_document

    number, plan = scheduler.plan_rollback(number, yaml=yaml)
    files = [str(edit.path) for edit in plan.edits]
    if as_json:
        echo_json({**plan_document(plan), "restores": number, "files": files})
        return
    click.echo(f"back to generation {number}:")
    echo_plan(plan, with_diff=False)
    for file in files:
        click.echo(f"{file} would be as it was")


def _echo(done: RolledBack) -> None:
    from debvisor_timers.cli.apply import echo_result

    if not done.result.has_changed and not done.files:
        click.echo(f"nothing to change: everything is as in generation {done.number}")
        return
    echo_result(done.result)
    again = f"generation {done.number}" if done.number else "what was before the first apply"
    click.echo(f"{again} is in force again")
    if done.files:
        click.echo(f"brought back: {some([str(path) for path in done.files], 5)}")
    if done.replaced:
        click.echo(f"edits that were never applied are kept in {done.replaced}", err=True)
    if done.renewed:
        click.echo(f"renewed for the time zones of today: {some(done.renewed, 5)}", err=True)
    notes = list(done.notes)
    if done.differing:
        names = some([str(path) for path in done.differing], 3)
        notes.append(
            f"the YAML says something else ({names}): the next apply brings that back; to bring"
            " the YAML back as well: debvisor-timers rollback"
            f"{f' {done.number}' if done.number else ''} --yaml"
        )
    echo_notes(notes)


def _document(done: RolledBack) -> dict[str, object]:
    from debvisor_timers.operations.documents.plans import apply_document

    return {
        **apply_document(done.result),
        "restores": done.number,
        "of_trial": done.of_trial,
        "files": [str(path) for path in done.files],
        "replaced": str(done.replaced) if done.replaced else None,
        "differing": [str(path) for path in done.differing],
        "renewed": list(done.renewed),
        "notes": list(done.notes),
    }
