# SPDX-License-Identifier: Apache-2.0
"""status: what needs attention."""

from __future__ import annotations

import click

from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import counted, echo_about, echo_json
from debvisor_timers.errors import ExitCode


@click.command("status", epilog="Example: debvisor-timers status --json")
@json_option
def command(*, as_json: bool) -> int:
    """Compare YAML, disk, systemd and what is enabled; name failed jobs.

    Exits with 0 when all is well, with 10 when something needs attention.
    """
    from debvisor_timers.scheduler import Scheduler

    status = Scheduler.system().status()
    if as_json:
        from debvisor_timers.operations.documents.status import status_document

        echo_json(status_document(status))
    else:
        for finding in status.findings:
            echo_about(finding.subject, finding.message)
            click.echo(f"    fix: {finding.fix}")
        for note in status.notes:
            echo_about("note", note)
        findings = counted(len(status.findings), "finding")
        words = "all is well" if status.is_healthy else findings
        jobs, timers = counted(status.jobs, "job"), counted(status.timers, "timer")
        click.echo(f"{jobs}, {timers} running: {words}")
    return ExitCode.DONE if status.is_healthy else ExitCode.CHANGES
