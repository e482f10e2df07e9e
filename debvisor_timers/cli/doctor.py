# SPDX-License-Identifier: Apache-2.0
"""doctor: look at the whole set-up."""

from __future__ import annotations

import click

from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import counted, echo_about, echo_json
from debvisor_timers.errors import ExitCode

_WIDTH = len("problem")


@click.command("doctor", epilog="Example: sudo debvisor-timers doctor")
@json_option
def command(*, as_json: bool) -> int:
    """Check all that jobs need on this host: systemd, journal, clock, programs, files, disk.

    Changes nothing. Exits with 0 when all is well, with 10 when something needs attention.
    """
    from debvisor_timers.operations.safety.examined import Verdict
    from debvisor_timers.scheduler import Scheduler

    diagnosis = Scheduler.system().doctor()
    if as_json:
        echo_json(
            {
                "healthy": diagnosis.is_healthy,
                "checks": [
                    {
                        "check": check.name,
                        "verdict": str(check.verdict),
                        "message": check.message,
                        "fix": check.fix,
                    }
                    for check in diagnosis.checks
                ],
            }
        )
        return ExitCode.DONE if diagnosis.is_healthy else ExitCode.CHANGES
    for check in diagnosis.checks:
        echo_about(f"{check.verdict:<{_WIDTH}}  {check.name}", check.message)
        if check.fix:
            click.echo(f"    fix: {check.fix}")
    problems, warnings = diagnosis.count(Verdict.PROBLEM), diagnosis.count(Verdict.WARNING)
    left = diagnosis.count(Verdict.UNKNOWN)
    said = "all is well" if diagnosis.is_healthy else _counts(problems, warnings)
    click.echo(said + (f"; {counted(left, 'thing')} could not be looked at" if left else ""))
    return ExitCode.DONE if diagnosis.is_healthy else ExitCode.CHANGES


def _counts(problems: int, warnings: int) -> str:
    counts = [(problems, "problem"), (warnings, "warning")]
    return ", ".join(counted(count, noun) for count, noun in counts if count)
