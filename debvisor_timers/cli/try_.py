# SPDX-License-Identifier: Apache-2.0
"""try: apply, and take it back unless it is confirmed in time."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from debvisor_timers.cli import times
from debvisor_timers.cli.apply import ask_removal, echo_result
from debvisor_timers.cli.options import expect_option, json_option
from debvisor_timers.cli.output import echo_json, progress
from debvisor_timers.errors import ExitCode, InterruptedByUserError, ScheduleError, UsageError

if TYPE_CHECKING:
    from debvisor_timers.cli.answers import Answers
    from debvisor_timers.operations.safety.trial import Trial
    from debvisor_timers.operations.safety.trying import Answer, Decision, Tried
    from debvisor_timers.scheduler import Scheduler

_SHORTEST, _LONGEST = timedelta(seconds=1), timedelta(days=1)


@click.command("try", epilog="Example: debvisor-timers try --timeout 5min")
@click.option(
    "--timeout",
    metavar="TIME",
    default="120",
    show_default=True,
    help="When it is taken back: seconds, or 5min.",
)
@click.option("--no-wait", is_flag=True, help="End at once; `confirm` keeps it.")
@click.option("-y", "--yes", is_flag=True, help="Remove jobs without asking.")
@click.option("--allow-empty", is_flag=True, help="Allow that every job is removed.")
@click.option("--overwrite-edits", is_flag=True, help="Overwrite units that were edited by hand.")
@expect_option
@json_option
def command(  # noqa: PLR0913 (one for each option)
    *,
    timeout: str,
    no_wait: bool,
    yes: bool,
    allow_empty: bool,
    overwrite_edits: bool,
    expect_generation: int | None,
    as_json: bool,
) -> int:
    """Apply, and take it back unless it is confirmed in time.

    Enter keeps it, so do `debvisor-timers confirm` in another session and SIGUSR1 to this process.
    Ctrl-C takes it back at once. A timer of systemd's takes it back when nobody answers, also when
    this session ends; after a reboot, the boot does.
    """
    from debvisor_timers.cli.answers import Answers
    from debvisor_timers.operations.applying.apply import ApplyOptions
    from debvisor_timers.scheduler import Scheduler

    scheduler = Scheduler.system(door="cli")
    options = ApplyOptions(
        confirm_removal=lambda plan: yes or ask_removal(plan),
        allow_empty=allow_empty,
        overwrite_edits=overwrite_edits,
        expect_generation=expect_generation,
        on_step=progress,
    )
    decision: Decision | None = None
    with Answers() as answers:
        tried = scheduler.try_apply(options, _span(timeout))
        progress("")
        if not as_json:
            echo_result(tried.result)
        if tried.trial is not None and not no_wait:
            decision = _await(scheduler, tried.trial, answers)
    _say(tried, decision, as_json=as_json)
    return ExitCode.REFUSED if decision == "undone" else ExitCode.DONE


_RESULTS = {
    "confirmed": "confirmed: it stays",
    "undone": "not confirmed: taken back, everything is as it was before",
}


def _await(scheduler: Scheduler, trial: Trial, answers: Answers) -> Decision:
    enter = "Enter, or " if answers.has_terminal else ""
    click.echo(
        f"it is taken back at {times.short(trial.deadline)[11:]}, or by Ctrl-C, unless it is"
        f" confirmed:\n{enter}`debvisor-timers confirm` elsewhere, or kill -USR1 {os.getpid()}",
        err=True,
    )

    def listen(wait: timedelta) -> Answer | None:
        seconds = round((trial.deadline - scheduler.now()).total_seconds())
        left = f"{times.span(timedelta(seconds=seconds))} left"
        progress(left if seconds > 0 else "taking it back")
        return answers.listen(wait)

    answers.forget()
    try:
        decision = scheduler.await_decision(trial, listen)
    except KeyboardInterrupt as error:
        from debvisor_timers.operations.signals import uninterrupted

        with uninterrupted():
            scheduler.undo_unconfirmed()
        raise InterruptedByUserError(
            "interrupted; it was taken back, everything is as it was before"
        ) from error
    progress("")
    return decision


def _say(tried: Tried, decision: Decision | None, *, as_json: bool) -> None:
    if as_json:
        word = str(decision) if decision else None
        echo_json({**_document(tried), "decision": word})
    elif decision is not None:
        click.echo(_RESULTS[decision])
    elif tried.trial is None:
        click.echo("nothing has changed, so there is nothing to confirm")
    else:
        until = times.short(tried.trial.deadline)
        click.echo(f"it is taken back at {until}; keep it with: debvisor-timers confirm")


def _document(tried: Tried) -> dict[str, object]:
    deadline = tried.trial.deadline if tried.trial else None
    from debvisor_timers.operations.documents.plans import apply_document

    return {**apply_document(tried.result), "deadline": times.iso(deadline)}


def _span(text: str) -> timedelta:
    from debvisor_timers.jobs.duration import parse_timespan

    try:
        span = parse_timespan(text)
    except ScheduleError:
        span = None
    if span is None or not _SHORTEST <= span <= _LONGEST:
        raise UsageError(
            f"--timeout {text!r} is no time from 1s to 1d", fix="write seconds, or a time: 5min"
        )
    return span
