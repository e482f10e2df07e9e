# SPDX-License-Identifier: Apache-2.0
"""history prune: forget the oldest runs."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import click

from debvisor_timers.cli import times
from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import counted, echo_json, echo_notes
from debvisor_timers.errors import UsageError

if TYPE_CHECKING:
    from debvisor_timers.operations.past.prune import Pruned


@click.command(
    "history prune", epilog="Example: debvisor-timers history prune --keep 90d --dry-run"
)
@click.option("--keep", metavar="TIME", help="Keep runs that began within this time.")
@click.option("--keep-runs", type=click.IntRange(1), help="Keep so many runs of each job.")
@click.option("--dry-run", is_flag=True, help="Only count what would be forgotten.")
@json_option
def command(*, keep: str | None, keep_runs: int | None, dry_run: bool, as_json: bool) -> None:
    """Forget the oldest runs, now; what is not said stands in `history` of config.yaml.

    The journal is left alone.
    """
    from debvisor_timers.operations.past.prune import Limits
    from debvisor_timers.scheduler import Scheduler

    scheduler = Scheduler.system(door="cli")
    limits = Limits(keep=_length(keep), keep_runs=keep_runs)
    pruned = scheduler.prune_history(limits, dry_run=dry_run)
    echo_notes(pruned.notes)
    if as_json:
        echo_json(_document(pruned, dry_run=dry_run))
        return
    verb = "would forget" if dry_run else "forgot"
    kept = f"kept are {times.span(pruned.keep)}, and {pruned.keep_runs} of each job"
    click.echo(f"{verb} {counted(pruned.runs, 'run')}; {kept}")


def _document(pruned: Pruned, *, dry_run: bool) -> dict[str, object]:
    return {
        "forgotten": pruned.runs,
        "keep_seconds": pruned.keep.total_seconds(),
        "keep_runs": pruned.keep_runs,
        "dry_run": dry_run,
    }


def _length(text: str | None) -> timedelta | None:
    if text is None:
        return None
    from debvisor_timers.errors import ScheduleError
    from debvisor_timers.jobs.duration import parse_timespan

    try:
        length = parse_timespan(text)
    except ScheduleError as error:
        raise UsageError(f"--keep: {error.message}", fix=error.fix) from error
    if not length:
        raise UsageError(f"runs cannot be kept for {text!r}", fix="write a time such as 90d or 2y")
    return length
