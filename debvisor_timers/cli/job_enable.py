# SPDX-License-Identifier: Apache-2.0
"""job enable: let the schedule and the triggers of a job count."""

from __future__ import annotations

from typing import Any

import click

from debvisor_timers.cli.edit_text import echo_edit, edit_options, how
from debvisor_timers.cli.options import job_argument


@click.command("job enable", epilog="Example: debvisor-timers job enable nightly-backup")
@job_argument
@edit_options
def command(*, job: str, **options: Any) -> None:
    """Let the schedule and the triggers of JOB count; it does not start at once.

    Writes `enabled` into its file and applies that job alone.
    """
    from debvisor_timers.scheduler import Scheduler

    scheduler = Scheduler.system(door="cli")
    result = scheduler.enable_job(job, how(options), enabled=True)
    echo_edit(result, options, done=f"enabled {job}", unchanged=f"{job} is enabled already")
