# SPDX-License-Identifier: Apache-2.0
"""check: report every problem of the job files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import counted, echo_json, echo_problems
from debvisor_timers.errors import ExitCode
from debvisor_timers.source import problem_document

if TYPE_CHECKING:
    from debvisor_timers.operations.check import CheckResult


@click.command("check", epilog="Example: debvisor-timers check ./backup.yaml")
@click.argument("files", metavar="[FILE]...", nargs=-1, type=click.Path(path_type=Path))
@json_option
def command(*, files: tuple[Path, ...], as_json: bool) -> int:
    """Check FILEs, or all job files of this host; report every problem, change nothing."""
    from debvisor_timers.scheduler import Scheduler

    result = Scheduler.system().check(files)
    if as_json:
        echo_json(_document(result))
    else:
        if result.problems:
            echo_problems(result.problems)
        words = "not applicable" if result.has_errors else "correct"
        count = f"{counted(result.jobs, 'job')} in {counted(result.files, 'file')}"
        click.echo(f"{count}: {words}")
    return ExitCode.DEFINITIONS if result.has_errors else ExitCode.DONE


def _document(result: CheckResult) -> dict[str, object]:
    return {
        "files": result.files,
        "jobs": result.jobs,
        "problems": [problem_document(problem) for problem in result.problems],
    }
