# SPDX-License-Identifier: Apache-2.0
"""import guide-json: bring over the jobs of the original scheduler."""

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
from debvisor_timers.source import problem_document

if TYPE_CHECKING:
    from collections.abc import Collection

    from debvisor_timers.operations.exchange.guide_json import Imported


@click.command(
    "import guide-json",
    epilog="Example: debvisor-timers import guide-json /etc/debvisor/scheduler --write",
)
@click.argument("paths", metavar="FILE...", nargs=-1, required=True, type=click.Path())
@click.option("--write", is_flag=True, help="Write the job files; apply them with `apply`.")
@json_option
def command(*, paths: tuple[str, ...], write: bool, as_json: bool) -> None:
    """Make job files of the JSON files of the original scheduler, one a job.

    They are printed, or written with --write. All or nothing: what cannot be carried over is named
    with its file and field. Times were UTC there, and stay so.
    """
    from debvisor_timers.scheduler import Scheduler

    scheduler = Scheduler.system(door="cli")
    imported = scheduler.read_guide_json([Path(path) for path in paths])
    written = scheduler.write_import(imported, file=paths[0]) if write else ()
    names = {edit.path for edit in written}
    if as_json:
        echo_json(_document(imported, names))
        return
    if imported.warnings:
        echo_problems(imported.warnings)
    echo_notes(imported.notes)
    if not write:
        click.echo(imported.text, nl=False)
        return
    _echo(imported, names)


def _echo(imported: Imported, written: Collection[Path]) -> None:
    for job in imported.jobs:
        if job.path in written:
            click.echo(click.style(f"+ {job.id}", fg="green") + f"  {job.path}")
        elif job.state == "other":
            click.echo(f"! {job.id}  is there already and is another: left as it is")
    same = sum(job.state == "same" for job in imported.jobs)
    others = sum(job.state == "other" for job in imported.jobs)
    click.echo(f"{counted(len(written), 'job')} written, {same} unchanged, {others} left")
    if written:
        click.echo("nothing is applied yet; see: debvisor-timers plan", err=True)


def _document(imported: Imported, written: Collection[Path]) -> dict[str, object]:
    return {
        "jobs": [
            {
                "job": job.id,
                "file": str(job.path),
                "state": str(job.state),
                "written": job.path in written,
                "keys": job.keys,
            }
            for job in imported.jobs
        ],
        "notes": list(imported.notes),
        "warnings": [problem_document(problem) for problem in imported.warnings],
    }
