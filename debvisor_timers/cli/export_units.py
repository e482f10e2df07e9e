# SPDX-License-Identifier: Apache-2.0
"""export units: the units of all jobs, into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import counted, echo_json, echo_notes, echo_problems
from debvisor_timers.errors import UsageError

if TYPE_CHECKING:
    from debvisor_timers.operations.exchange.units import UnitExport


@click.command("export units", epilog="Example: debvisor-timers export units --output=debian/tmp")
@click.option("--output", metavar="DIR", help="The folder; --root where it is not said.")
@click.option("--root", metavar="DIR", help="Read configuration and time zone of this image.")
@json_option
def command(*, output: str | None, root: str | None, as_json: bool) -> None:
    """Write the units, links and scripts of all jobs, as they would be on a host, below a folder.

    For images and packages: nothing is applied, and this host is left as it is. What an older
    export has left there of jobs that are gone is removed.
    """
    from debvisor_timers.scheduler import Scheduler

    folder = output or root
    if not folder:
        raise UsageError("no folder is named", fix="add --output DIR")
    if Path(folder).exists() and not Path(folder).is_dir():
        raise UsageError(f"{folder} is no folder", fix="name a folder, which may be missing")
    if root is not None and not Path(root).is_dir():
        raise UsageError(f"there is no folder {root}", fix="name the root of an image")
    image = None if root is None else Path(root).absolute()
    done = Scheduler.system(door="cli").export_units(Path(folder).absolute(), root=image)
    if as_json:
        echo_json(_document(done))
        return
    if done.warnings:
        echo_problems(done.warnings)
    echo_notes(done.notes)
    click.echo(
        f"{counted(done.jobs, 'job')}: {len(done.units)} units and links,"
        f" {counted(len(done.scripts), 'script')} written below {folder};"
        f" {len(done.removed)} removed"
    )


def _document(done: UnitExport) -> dict[str, object]:
    return {
        "jobs": done.jobs,
        "units": list(done.units),
        "scripts": list(done.scripts),
        "removed": list(done.removed),
        "notes": list(done.notes),
    }
