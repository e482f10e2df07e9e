# SPDX-License-Identifier: Apache-2.0
"""try: apply, and take it back unless it is confirmed in time."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debvisor_timers.cli.apply import ask_removal, echo_result
from debvisor_timers.cli.options import expect_option, json_option
from debvisor_timers.cli.output import echo_json, progress
from debvisor_timers.cli.trial import (
    await_answer,
    decision_document,
    echo_decision,
    span_of,
    status_of,
)

if TYPE_CHECKING:
    from debvisor_timers.operations.safety.trying import Decision, Tried


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
    tried = scheduler.try_apply(options, span_of("--timeout", timeout))
    progress("")
    if not as_json:
        echo_result(tried.result)
    decision: Decision | None = None
    if tried.trial is not None and not no_wait:
        decision = await_answer(scheduler, tried.trial)
    _say(tried, decision, as_json=as_json)
    return status_of(decision)


def _say(tried: Tried, decision: Decision | None, *, as_json: bool) -> None:
    if as_json:
        from debvisor_timers.operations.documents.plans import apply_document

        more = decision_document(tried.trial, decision)
        echo_json({**apply_document(tried.result), **more})
    elif tried.trial is None:
        click.echo("nothing has changed, so there is nothing to confirm")
    else:
        echo_decision(tried.trial, decision)
