# SPDX-License-Identifier: Apache-2.0
"""export crontab: jobs as a system crontab."""

from __future__ import annotations

import click

from debvisor_timers.cli.options import job_arguments, json_option
from debvisor_timers.cli.output import counted, echo_json, echo_notes, echo_problems
from debvisor_timers.errors import ExitCode


@click.command("export crontab", epilog="Example: debvisor-timers export crontab nightly-backup")
@job_arguments
@json_option
def command(*, jobs: tuple[str, ...], as_json: bool) -> int:
    """Print JOBs, or all jobs, as lines for /etc/cron.d.

    A job that cron cannot run as it is stands there as a comment, with the reasons.
    """
    from debvisor_timers.scheduler import Scheduler

    exported = Scheduler.system(door="cli").export_crontab(jobs)
    if as_json:
        echo_json(
            {
                "crontab": exported.text,
                "jobs": [
                    {
                        "job_id": each.job.id,
                        "line": each.line or None,
                        "settings": dict(each.settings),
                        "refused": list(each.refused),
                        "lost": list(each.notes),
                    }
                    for each in exported.jobs
                ],
            }
        )
    else:
        click.echo(exported.text, nl=False)
        if exported.problems:
            echo_problems(exported.problems)
        if exported.refused:
            echo_notes(
                [f"{counted(len(exported.refused), 'job')} not exported; the reasons stand there"]
            )
    wrong = exported.refused or exported.problems
    return ExitCode.DEFINITIONS if wrong else ExitCode.DONE
