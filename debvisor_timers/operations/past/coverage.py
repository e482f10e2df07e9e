# SPDX-License-Identifier: Apache-2.0
"""coverage: virtual machines of which nothing recent is kept, neither snapshot nor backup."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from debvisor_timers.errors import MachineError, NotFoundError
from debvisor_timers.jobs.load import load_definitions
from debvisor_timers.operations.host import Host
from debvisor_timers.tasks.backups import DIRECTORY
from debvisor_timers.tasks.base import WRONG, TaskFailed
from debvisor_timers.tasks.machines import Selection
from debvisor_timers.tasks.protection import Backups, Guarded, Saved, backups_in, guarded

__all__ = ["Coverage", "Covered", "Saved", "Selection", "coverage", "judged"]

_BACKUP = "vm_backup"


@dataclass(frozen=True, slots=True, kw_only=True)
class Covered:
    """A machine, with the newest good snapshot and backup of it, however old they are.

    faults: of newer ones, which are of no use.
    """

    machine: Guarded
    snapshot: Saved | None
    backup: Saved | None
    faults: tuple[str, ...] = ()

    def is_good(self, since: datetime) -> bool:
        """Return whether one of them is of `since` or later."""
        return any(saved and saved.made >= since for saved in (self.snapshot, self.backup))


@dataclass(frozen=True, slots=True, kw_only=True)
class Coverage:
    """Which machines are covered since `since`: aware. machines: all, by name. problems: words."""

    since: datetime
    machines: tuple[Covered, ...]
    folders: tuple[Path, ...] = ()
    problems: tuple[str, ...] = ()

    @property
    def uncovered(self) -> tuple[Covered, ...]:
        """Return the machines without a good snapshot or backup."""
        return tuple(one for one in self.machines if not one.is_good(self.since))


def coverage(
    host: Host, selection: Selection, *, since: datetime, folders: Iterable[Path] = ()
) -> Coverage:
    """Return which machines of this host have a good snapshot or backup of `since` or later.

    folders: where backups lie, besides those that jobs write to.
    Raises NotFoundError for a machine that does not exist, MachineError where libvirt fails.
    """
    try:
        machines = guarded(selection)
    except TaskFailed as error:
        kind = NotFoundError if error.exit_status == WRONG else MachineError
        message, _, fix = str(error).partition("\n  fix: ")
        raise kind(message, fix=fix) from error
    places = (*folders, *_folders_of_jobs(host))
    backups = backups_in(places)
    return judged(machines, backups, since=since, folders=tuple(dict.fromkeys(places)))


def judged(
    machines: Sequence[Guarded],
    backups: Backups,
    *,
    since: datetime,
    folders: tuple[Path, ...] = (),
) -> Coverage:
    """Return what is kept of each machine, from what was found."""
    return Coverage(
        since=since,
        machines=tuple(_covered(machine, backups.of(machine)) for machine in machines),
        folders=folders,
        problems=backups.problems,
    )


def _covered(machine: Guarded, backups: Sequence[Saved]) -> Covered:
    return Covered(
        machine=machine,
        snapshot=next((saved for saved in machine.snapshots if not saved.fault), None),
        backup=next((saved for saved in backups if not saved.fault), None),
        faults=tuple(
            f"{saved.place}: {saved.fault}"
            for saved in (*machine.snapshots, *backups)
            if saved.fault
        ),
    )


def _folders_of_jobs(host: Host) -> Iterator[Path]:
    """Yield the folders that jobs write backups to; files that are wrong hide their own jobs."""
    definitions = load_definitions(host.layout.config)
    for job in definitions.jobs.values():
        if job.task is None or definitions.task_types.own_name(job.task.type) != _BACKUP:
            continue
        yield Path(str(job.task.config.get("directory") or DIRECTORY))
