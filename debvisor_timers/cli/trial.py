# SPDX-License-Identifier: Apache-2.0
"""A change that is being tried: for how long, what is answered, and how it has ended."""

from __future__ import annotations

import os
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from debvisor_timers.cli import times
from debvisor_timers.cli.output import progress
from debvisor_timers.errors import ExitCode, InterruptedByUserError, ScheduleError, UsageError

if TYPE_CHECKING:
    from debvisor_timers.operations.safety.trial import Trial
    from debvisor_timers.operations.safety.trying import Answer, Decision
    from debvisor_timers.scheduler import Scheduler

_SHORTEST, _LONGEST = timedelta(seconds=1), timedelta(days=1)
_RESULTS = {
    "confirmed": "confirmed: it stays",
    "undone": "not confirmed: taken back, everything is as it was before",
}


def span_of(option: str, text: str) -> timedelta:
    """Return how long a trial lasts, as an option says. Raises UsageError."""
    from debvisor_timers.jobs.duration import parse_timespan

    try:
        span = parse_timespan(text)
    except ScheduleError:
        span = None
    if span is None or not _SHORTEST <= span <= _LONGEST:
        raise UsageError(
            f"{option} {text!r} is no time from 1s to 1d", fix="write seconds, or a time: 5min"
        )
    return span


def await_answer(scheduler: Scheduler, trial: Trial) -> Decision:
    """Ask whether to keep what is being tried, and wait until that is decided by anybody."""
    from debvisor_timers.cli.answers import Answers

    with Answers() as answers:
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


def echo_decision(trial: Trial, decision: Decision | None) -> None:
    """Print how a trial has ended; None: it was not waited for."""
    if decision is not None:
        click.echo(_RESULTS[decision])
    else:
        until = times.short(trial.deadline)
        click.echo(f"it is taken back at {until}; keep it with: debvisor-timers confirm")


def decision_document(trial: Trial | None, decision: Decision | None) -> dict[str, object]:
    """Return the same for programs; all null where nothing was to be tried."""
    return {
        "deadline": times.iso(trial.deadline if trial else None),
        "decision": str(decision) if decision else None,
    }


def status_of(decision: Decision | None) -> int:
    """Return what a command ends with that has tried something."""
    return ExitCode.REFUSED if decision == "undone" else ExitCode.DONE
