# SPDX-License-Identifier: Apache-2.0
"""What an edit of jobs has done, or would do: for people and as JSON."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, Any, TypeVar

import click

from debvisor_timers.cli import times
from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import (
    echo_json,
    echo_notes,
    echo_problems,
    progress,
    some,
)
from debvisor_timers.cli.trial import (
    await_answer,
    decision_document,
    echo_decision,
    span_of,
    status_of,
)
from debvisor_timers.errors import UsageError
from debvisor_timers.layout import TARGET

if TYPE_CHECKING:
    from debvisor_timers.operations.applying.plan import JobPlan
    from debvisor_timers.operations.editing.change import Change
    from debvisor_timers.operations.editing.edit import EditOptions, EditResult
    from debvisor_timers.operations.editing.pending import Pending
    from debvisor_timers.operations.editing.rewrite import Rewrite
    from debvisor_timers.operations.safety.trying import TriedEdit
    from debvisor_timers.scheduler import Scheduler

_Command = TypeVar("_Command", bound=Callable[..., Any])
_COLOURS = {"+": "green", "-": "red", "@": "cyan"}
_MOST_ERRORS = 5

_OPTIONS = (
    click.option("--no-apply", is_flag=True, help="Write the file alone; apply nothing."),
    click.option("--diff", "with_diff", is_flag=True, help="Show how file and units change."),
    click.option("--dry-run", is_flag=True, help="Show what would change, write nothing."),
    json_option,
)
_TRY_OPTIONS = (
    click.option(
        "--try", "trial", metavar="TIME", help="Take it back after this, unless it is confirmed."
    ),
    click.option("--no-wait", is_flag=True, help="With --try: end at once; `confirm` keeps it."),
)


def edit_options(command: _Command) -> _Command:
    """Give a command the options of every edit."""
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


def try_options(command: _Command) -> _Command:
    """Give a command the options of an edit that may be tried."""
    for option in reversed(_TRY_OPTIONS):
        command = option(command)
    return edit_options(command)


def make_edit(
    scheduler: Scheduler, edit: Sequence[Change] | Rewrite, options: dict[str, Any]
) -> TriedEdit:
    """Make an edit, for good or to be tried, as the options say. Raises UsageError."""
    from debvisor_timers.operations.editing.rewrite import Rewrite
    from debvisor_timers.operations.safety.trying import TriedEdit

    timeout = timeout_of(options)
    if timeout is not None:
        return scheduler.try_edit(edit, timeout, how(options))
    if isinstance(edit, Rewrite):
        result = scheduler.rewrite_job_file(edit, how(options))
    else:
        result = scheduler.edit_jobs(edit, how(options))
    return TriedEdit(result=result, trial=None)


def timeout_of(options: dict[str, Any]) -> timedelta | None:
    """Return how long an edit is tried, None for one that is not. Raises UsageError."""
    if options["trial"] is None:
        if options["no_wait"]:
            raise UsageError("--no-wait without --try", fix="add --try TIME, such as --try 5min")
        return None
    for option in ("no_apply", "dry_run"):
        if options[option]:
            name = f"--{option.replace('_', '-')}"
            raise UsageError(f"{name} leaves nothing to try", fix=f"leave out {name}, or --try")
    return span_of("--try", options["trial"])


def tell_edit(
    scheduler: Scheduler, made: TriedEdit, options: dict[str, Any], *, done: str, unchanged: str
) -> int:
    """Print what an edit did, and ask whether to keep it where it is tried; return the status."""
    as_json, trial = options["as_json"], made.trial
    if not as_json or options["trial"] is None:
        echo_edit(made.result, options, done=done, unchanged=unchanged)
    decision = await_answer(scheduler, trial) if trial and not options["no_wait"] else None
    if as_json and options["trial"] is not None:
        progress("")
        from debvisor_timers.operations.documents.edits import edit_document

        document = edit_document(made.result, with_diff=options["with_diff"])
        echo_json({**document, **decision_document(trial, decision)})
    elif trial is not None:
        echo_decision(trial, decision)
    return status_of(decision)


def how(options: dict[str, Any]) -> EditOptions:
    """Return how the edit shall be made."""
    from debvisor_timers.operations.editing.edit import EditOptions

    return EditOptions(apply=not options["no_apply"], dry_run=options["dry_run"], on_step=progress)


def echo_edit(result: EditResult, options: dict[str, Any], *, done: str, unchanged: str) -> None:
    """Print an answer: `done` where something has changed, else `unchanged`.

    Besides: what would change, the diff, what others have edited and was left.
    """
    from debvisor_timers.operations.documents.edits import edit_diff, edit_document, edit_warnings

    progress("")
    is_dry, is_applied = options["dry_run"], not options["no_apply"]
    if options["as_json"]:
        echo_json(edit_document(result, with_diff=options["with_diff"]))
        return
    if warnings := edit_warnings(result):
        echo_problems(warnings)
    if options["with_diff"] or is_dry:
        for line in edit_diff(result, units=options["with_diff"]):
            click.echo(click.style(line, fg=_COLOURS.get(line[:1])))
    if not (result.files or result.plan):
        click.echo(unchanged)
    elif is_dry:
        for job in result.plan.jobs if result.plan else ():
            after = f"next start {_next(job)}" if job.next_after else "no next start"
            click.echo(f"would {job.change} {job.job_id}: {after}")
        click.echo("nothing was written")
    else:
        click.echo(done)
        _echo_state(result, is_applied=is_applied)
    _echo_pending(result.pending)


def _echo_state(result: EditResult, *, is_applied: bool) -> None:
    if not is_applied:
        paths = some([str(file.path) for file in result.files], 3)
        click.echo(f"written, not applied: {paths}; apply with: debvisor-timers apply")
        return
    applied = result.result
    if applied is None:
        return
    for job in result.plan.jobs if result.plan else ():
        if job.next_after is not None:
            click.echo(f"next start of {job.job_id}: {_next(job)}")
    if applied.timers_held:
        start = f"systemctl start {TARGET}"
        echo_notes([f"{TARGET} is stopped, so no timer was started; they start with: {start}"])
    echo_notes(
        f"{held.unit} was not started: {held.path} is there, so it would start its job at once"
        for held in applied.unarmed
    )


def _next(job: JobPlan) -> str:
    after = times.local(job.next_after)
    return f"{after} +{times.span(job.jitter)}" if job.jitter else after


def _echo_pending(pending: Pending) -> None:
    """Say on stderr what others have edited, and that it was left."""
    notes = []
    if pending.jobs:
        notes.append(
            f"other edits are left as they are, not applied: {some(pending.jobs, 10)};"
            " see: debvisor-timers plan"
        )
    notes += [f"{path} was edited and is not applied; it is left" for path in pending.settings]
    errors = [f"{error.span}: {error.message}" for error in pending.errors]
    if errors:
        more = len(errors) - _MOST_ERRORS
        notes += [f"an error in another file is left: {text}" for text in errors[:_MOST_ERRORS]]
        notes += [f"{more} more errors; see: debvisor-timers check"] if more > 0 else []
    echo_notes(notes)
