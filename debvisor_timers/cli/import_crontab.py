# SPDX-License-Identifier: Apache-2.0
"""import crontab: what cron runs, as job files."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import (
    counted,
    echo_json,
    echo_notes,
    echo_problems,
)
from debvisor_timers.errors import ExitCode, UsageError
from debvisor_timers.source import problem_document

if TYPE_CHECKING:
    from collections.abc import Sequence

    from debvisor_timers.operations.crontab.disabling import Disabled
    from debvisor_timers.operations.crontab.importing import Imported, ImportedFile


@click.command(
    "import crontab", epilog="Example: debvisor-timers import crontab /etc/cron.d/sysstat"
)
@click.argument("file", metavar="[FILE]", required=False, type=click.Path(path_type=Path))
@click.option("--system", is_flag=True, help="/etc/crontab, /etc/cron.d, cron.daily and its like.")
@click.option(
    "--user", metavar="NAME", default="", help="The crontab of this user; with FILE: whose it is."
)
@click.option("--write", is_flag=True, help="Write the files to jobs.d; `apply` applies them.")
@click.option(
    "--disable-original",
    is_flag=True,
    help="Let cron no longer run what was imported; refused unless the jobs are applied.",
)
@json_option
def command(  # noqa: PLR0913 (one for each option)
    *,
    file: Path | None,
    system: bool,
    user: str,
    write: bool,
    disable_original: bool,
    as_json: bool,
) -> int:
    """Print job files for FILE, a system crontab, or for all crontabs of this host.

    What cannot be carried over as it is, is said line by line.
    """
    from debvisor_timers.operations.crontab.importing import FileState, ImportWish
    from debvisor_timers.scheduler import Scheduler

    if write and disable_original:
        raise UsageError(
            "--write with --disable-original: nothing is applied in between",
            fix="--write first, then debvisor-timers apply, then --disable-original",
        )
    scheduler = Scheduler.system(door="cli")
    imported = scheduler.import_crontab(ImportWish(file=file, system=system, user=user))
    disabled: Sequence[Disabled] = ()
    if write:
        scheduler.write_imported(imported)
    if disable_original:
        disabled = scheduler.disable_original(imported)
    if as_json:
        echo_json(_document(imported, disabled))
    else:
        _say(imported, disabled, write=write, disable=disable_original)
    if disable_original:
        return ExitCode.DONE
    alone = {FileState.EDITED, FileState.FOREIGN}
    if write and any(each.state in alone for each in imported.files):
        return ExitCode.REFUSED
    return ExitCode.DEFINITIONS if imported.has_errors else ExitCode.DONE


def _say(imported: Imported, disabled: Sequence[Disabled], *, write: bool, disable: bool) -> None:
    # What was left out has been said when it was imported; what stays with cron is said again.
    problems = [each for each in imported.problems if each.is_error or not disable]
    if problems:
        echo_problems(problems)
    if disable:
        _say_disabled(disabled)
        return
    if write:
        for file in imported.files:
            click.echo(_written(file))
    else:
        click.echo("\n".join(file.text for file in imported.files), nl=False)
    if imported.jobs:
        note = (
            "cron starts a job again while it still runs; here such a time is left out, and "
            "what a job prints goes to the journal: FROM CRON in debvisor-timers-jobs(5)"
        )
        echo_notes([note])
    elif not imported.files:
        echo_notes(["no jobs were found"])


def _written(file: ImportedFile) -> str:
    from debvisor_timers.operations.crontab.importing import FileState

    words = {
        FileState.NEW: "written",
        FileState.CHANGED: "written anew",
        FileState.UNCHANGED: "unchanged",
        FileState.EDITED: "left alone: somebody has edited it; move it away to import anew",
        FileState.FOREIGN: "left alone: it holds the jobs of another crontab of that name; move it "
        "away, or import a copy of yours under another name",
    }
    return f"{file.target}: {counted(len(file.jobs), 'job')} of {file.source}, {words[file.state]}"


def _say_disabled(disabled: Sequence[Disabled]) -> None:
    from debvisor_timers.operations.crontab.places import is_read_by_cron

    for each in disabled:
        what = f"{counted(each.lines, 'line')} commented out" if each.lines else "chmod a-x"
        click.echo(f"{each.path}: {what}; as it was: {each.backup}")
    if not disabled:
        click.echo("nothing to disable")
    notes = []
    for each in disabled:
        if not is_read_by_cron(each.path):
            notes.append(
                f"Debian's cron does not read {each.path}: if it is a copy, the crontab that it "
                "was made of still runs beside the jobs"
            )
        if each.package and each.lines:
            notes.append(
                f"{each.path} is a conffile of the package {each.package}: when an upgrade brings "
                "another one, dpkg asks; keep yours (N), or the new lines run beside the jobs"
            )
        elif each.package:
            notes.append(
                f"{each.path} is a conffile of the package {each.package}: dpkg keeps its mode "
                "over upgrades, so that it stays off; the job runs what an upgrade brings"
            )
    echo_notes(notes)


def _document(imported: Imported, disabled: Sequence[Disabled]) -> dict[str, object]:
    return {
        "files": [
            {
                "source": str(file.source),
                "file": str(file.target),
                "state": str(file.state),
                "jobs": [
                    {"job_id": job.job_id, "file": str(job.path), "line": job.line or None}
                    for job in file.jobs
                ],
                "yaml": file.text,
            }
            for file in imported.files
        ],
        "problems": [problem_document(problem) for problem in imported.problems],
        "disabled": [
            {
                "file": str(each.path),
                "backup": str(each.backup),
                "lines": each.lines,
                "package": each.package or None,
            }
            for each in disabled
        ],
    }
