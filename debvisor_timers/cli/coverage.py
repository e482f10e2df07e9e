# SPDX-License-Identifier: Apache-2.0
"""coverage: virtual machines without a recent snapshot or backup."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debvisor_timers.cli import times
from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import counted, echo_json, echo_notes, echo_table
from debvisor_timers.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from debvisor_timers.operations.past.coverage import Coverage, Covered, Saved


@click.command("coverage", epilog="Example: debvisor-timers coverage --within 24h")
@click.argument("machines", nargs=-1, metavar="[VM]...")
@click.option(
    "--within",
    metavar="SPAN",
    default="24h",
    show_default=True,
    help="How old the newest one may be: 24h, 7d.",
)
@click.option(
    "--backups",
    metavar="DIR",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A folder of backups, besides those that jobs write to. May be repeated.",
)
@click.option("--tag", metavar="TAG", multiple=True, help="Only machines with this tag.")
@click.option("--exclude", metavar="GLOB", multiple=True, help="Leave these machines out.")
@click.option("--uri", metavar="URI", default="qemu:///system", help="The address of libvirt.")
@click.option("--all", "show_all", is_flag=True, help="Show the machines that have one, too.")
@json_option
def command(  # noqa: PLR0913 - click hands over each option by its name
    *,
    machines: tuple[str, ...],
    within: str,
    backups: tuple[Path, ...],
    tag: tuple[str, ...],
    exclude: tuple[str, ...],
    uri: str,
    show_all: bool,
    as_json: bool,
) -> int:
    """List virtual machines of which no good snapshot or backup is recent.

    VM is a name, UUID or glob; without one all machines of the host are looked at. Exits with 0
    when each has one, with 10 when one has none.
    """
    from debvisor_timers.operations.past.coverage import Selection
    from debvisor_timers.scheduler import Scheduler

    selection = Selection(names=machines, tags=tag, exclude=exclude, uri=uri)
    length = _span(within)
    scheduler = Scheduler.system()
    now = scheduler.now()
    found = scheduler.coverage(selection, since=now - length, folders=backups)
    if as_json:
        echo_json({"within_seconds": length.total_seconds(), **document(found)})
    else:
        _echo(found, now=now, words=times.span(length), show_all=show_all)
    return ExitCode.CHANGES if found.uncovered else ExitCode.DONE


def document(coverage: Coverage) -> dict[str, object]:
    """Return the answer for programs."""
    return {
        "since": times.iso(coverage.since),
        "covered": not coverage.uncovered,
        "machines": [
            {
                "machine": one.machine.name,
                "uuid": one.machine.uuid,
                "state": one.machine.state,
                "covered": one.is_good(coverage.since),
                "snapshot": _saved(one.snapshot, "name"),
                "backup": _saved(one.backup, "path"),
                "faults": list(one.faults),
            }
            for one in coverage.machines
        ],
        "folders": [str(folder) for folder in coverage.folders],
        "problems": list(coverage.problems),
    }


def _saved(saved: Saved | None, key: str) -> dict[str, object] | None:
    return {key: saved.place, "time": times.iso(saved.made)} if saved else None


def _span(text: str) -> timedelta:
    """Return the time span `text`, which has a unit."""
    from debvisor_timers.errors import ScheduleError
    from debvisor_timers.jobs.duration import parse_timespan

    number = text.strip()
    fix = f"write --within {number if number.isdigit() else 24}h"
    if number.isdigit():
        raise UsageError(f"--within {text}: no unit", fix=fix)
    try:
        length = parse_timespan(text)
    except ScheduleError as error:
        raise UsageError(f"--within: {error.message}", fix=fix) from error
    if not length:
        raise UsageError(f"--within {text}: no time in which to look", fix=fix)
    return length


def _echo(coverage: Coverage, *, now: datetime, words: str, show_all: bool) -> None:
    shown = coverage.machines if show_all else coverage.uncovered
    if shown:
        echo_table(
            ("MACHINE", "STATE", "LAST SNAPSHOT", "LAST BACKUP"),
            [list(_row(one, now)) for one in shown],
            whole={"MACHINE"},
        )
    total, bare = len(coverage.machines), len(coverage.uncovered)
    machines = counted(total, "virtual machine")
    if not total:
        click.echo("no virtual machines on this host")
    elif bare:
        click.echo(f"{bare} of {machines} without a good snapshot or backup in the last {words}")
    else:
        click.echo(f"{machines}, none without a good snapshot or backup in the last {words}")
    faults = [f"{one.machine.name}: {fault}" for one in coverage.machines for fault in one.faults]
    echo_notes([*faults, *coverage.problems])


def _row(one: Covered, now: datetime) -> Iterator[str]:
    yield one.machine.name
    yield one.machine.state
    for saved in (one.snapshot, one.backup):
        yield times.relative(saved.made, now=now) if saved else "never"
