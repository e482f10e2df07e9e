# SPDX-License-Identifier: Apache-2.0
"""next: when jobs will run."""

from __future__ import annotations

from datetime import UTC

import click

from debvisor_timers.cli import times
from debvisor_timers.cli.options import json_option, optional_job_argument
from debvisor_timers.cli.output import echo_json, echo_table


@click.command("next", epilog="Example: debvisor-timers next nightly-backup --count 10")
@optional_job_argument
@click.option(
    "-n", "--count", type=click.IntRange(1, 1000), default=5, show_default=True, help="How many."
)
@json_option
def command(*, job: str | None, count: int, as_json: bool) -> None:
    """Show the next runs of JOB, or of all jobs in one list, as systemd computes them."""
    from debvisor_timers.scheduler import Scheduler

    now = times.now()
    runs = Scheduler.system().next(job, after=now, count=count)
    if as_json:
        echo_json([{"job": run.job_id, "start": times.iso(run.at)} for run in runs])
        return
    if not runs:
        click.echo("nothing to come")
        return
    echo_table(
        ("START", "IN", "UTC", "JOB"),
        [
            (
                times.local(run.at),
                times.relative(run.at, now=now).removeprefix("in "),
                run.at.astimezone(UTC).strftime("%H:%M:%S"),
                run.job_id,
            )
            for run in runs
        ],
    )
