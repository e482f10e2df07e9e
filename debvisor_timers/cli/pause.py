# SPDX-License-Identifier: Apache-2.0
"""pause: hold jobs back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debvisor_timers.cli import holding
from debvisor_timers.cli.options import job_arguments, json_option
from debvisor_timers.cli.output import counted, echo_json, echo_notes
from debvisor_timers.operations.holding.words import long_words

if TYPE_CHECKING:
    from debvisor_timers.operations.holding.pause import Paused


@click.command(
    "pause", epilog='Example: debvisor-timers pause nightly-backup --until "2026-11-30 08:00"'
)
@job_arguments
@holding.tag_option
@holding.all_option
@holding.until_option
@holding.reason_option
@json_option
def command(  # noqa: PLR0913 (one for each option)
    *,
    jobs: tuple[str, ...],
    tags: tuple[str, ...],
    is_all: bool,
    until: str | None,
    reason: str,
    as_json: bool,
) -> None:
    """Hold jobs back: neither schedule nor trigger starts them, each such run is skipped.

    A run that is under way goes on, and `run` starts a paused job all the same. It lasts over
    reboots and applies.
    """
    from debvisor_timers.scheduler import Scheduler

    chosen = holding.choice(jobs, tags, is_all=is_all)
    scheduler = Scheduler.system(door="cli")
    paused = scheduler.pause(chosen, holding.wish(scheduler, until, reason))
    if as_json:
        from debvisor_timers.operations.documents.holding import paused_document

        echo_json(paused_document(paused))
        return
    _echo(paused)


def _echo(paused: Paused) -> None:
    names = [job.job_id for job in paused.jobs]
    if not names:
        click.echo("there are no jobs")
        return
    words = holding.named(names) if len(names) == 1 else counted(len(names), "job")
    click.echo(f"paused {words}, {long_words(paused.jobs[0].mark)}")
    if len(names) > 1:
        click.echo(f"    {holding.named(names)}")
    again = [job.job_id for job in paused.jobs if job.before is not None]
    if again:
        echo_notes([f"paused already, with another end or reason now: {holding.named(again)}"])
    if paused.running:
        echo_notes([holding.goes_on(list(paused.running))])
