# SPDX-License-Identifier: Apache-2.0
"""job disable: let the schedule and the triggers of a job count no more."""

from __future__ import annotations

from typing import Any

import click

from debvisor_timers.cli.edit_text import echo_edit, edit_options, how
from debvisor_timers.cli.options import job_argument


@click.command("job disable", epilog="Example: debvisor-timers job disable nightly-backup")
@job_argument
@edit_options
def command(*, job: str, **options: Any) -> None:
    """Let nothing start JOB but `run`: its schedule and triggers count no more.

    Writes `enabled` into its file and applies that job alone. A run that is under way goes on.
    """
    from debvisor_timers.scheduler import Scheduler

    scheduler = Scheduler.system(door="cli")
    result = scheduler.enable_job(job, how(options), enabled=False)
    echo_edit(result, options, done=f"disabled {job}", unchanged=f"{job} is disabled already")
