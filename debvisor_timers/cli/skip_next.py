# SPDX-License-Identifier: Apache-2.0
"""skip-next: skip the next runs of a job."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from debvisor_timers.cli import times
from debvisor_timers.cli.options import job_argument, json_option
from debvisor_timers.cli.output import echo_json, echo_notes

if TYPE_CHECKING:
    from debvisor_timers.operations.holding.skip_next import Skipping

_MOST_SHOWN = 5


@click.command("skip-next", epilog="Example: debvisor-timers skip-next nightly-backup 2")
@job_argument
@click.argument("count", metavar="[N]", type=click.IntRange(0), default=1)
@json_option
def command(*, job: str, count: int, as_json: bool) -> None:
    """Skip the next N runs of JOB by its schedule; 1 where N is left out, 0 takes it back.

    A run that is skipped for another reason does not count, nor does one by hand.
    """
    from debvisor_timers.scheduler import Scheduler

    skipping = Scheduler.system(door="cli").skip_next(job, count)
    if as_json:
        from debvisor_timers.operations.documents.holding import skipping_document

        echo_json(skipping_document(job, skipping))
        return
    _echo(skipping)


def _echo(skipping: Skipping) -> None:
    if skipping.now is None:
        before = skipping.before
        if before is None:
            click.echo(f"no run of {skipping.job_id} was to be skipped")
        else:
            left = f"{before.left} of {before.of} were left"
            click.echo(f"no run of {skipping.job_id} is skipped any more ({left})")
        return
    runs = "run" if skipping.now.of == 1 else f"{skipping.now.of} runs"
    end = ":" if skipping.runs else ""
    click.echo(f"the next {runs} of {skipping.job_id} by its schedule will be skipped{end}")
    if not skipping.runs:
        echo_notes(["runs that are skipped for another reason, such as a pause, do not count"])
        return
    for run in skipping.runs[:_MOST_SHOWN]:
        delay = times.delay(run.latest - run.at)
        click.echo(" ".join(filter(None, [f"    {times.local(run.at)}", delay])))
    if (more := skipping.now.of - min(len(skipping.runs), _MOST_SHOWN)) > 0:
        click.echo(f"    and {more} more")
