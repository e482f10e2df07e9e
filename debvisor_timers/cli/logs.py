# SPDX-License-Identifier: Apache-2.0
"""logs: a job's journal, by journalctl."""

from __future__ import annotations

import os

import click

from debvisor_timers.cli.options import job_argument


@click.command("logs", epilog="Example: debvisor-timers logs -f nightly-backup")
@job_argument
@click.option("-f", "--follow", is_flag=True, help="Go on showing what comes.")
@click.option(
    "-n", "--lines", type=click.IntRange(1), default=200, show_default=True, help="How many lines."
)
@click.option("--json", "as_json", is_flag=True, help="Print journal records as JSON lines.")
def command(*, job: str, follow: bool, lines: int, as_json: bool) -> None:
    """Show what JOB printed, and what systemd said of it: journalctl with the right filter."""
    from debvisor_timers.scheduler import Scheduler

    scheduler = Scheduler.system()
    argv = list(scheduler.logs_command(job, follow=follow, lines=lines, as_json=as_json))
    os.execvp(argv[0], argv)  # noqa: S606 (no shell is the point)
