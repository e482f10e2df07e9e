# SPDX-License-Identifier: Apache-2.0
"""What machines have been saved: their snapshots in libvirt, their backups in folders."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from debvisor_timers.tasks.base import TaskFailed, try_tool
from debvisor_timers.tasks.machines import Selection, connected, select, state_of, telling
from debvisor_timers.tasks.snapshots import Snapshot, snapshot_in

if TYPE_CHECKING:
    import libvirt

MANIFEST: Final = "manifest.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class Saved:
    """A state of a machine that is kept: a snapshot, or a backup. place: its name, or its folder.

    fault: why it is of no use, "" for a good one.
    """

    place: str
    made: datetime
    fault: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Guarded:
    """A machine of this host with its snapshots, newest first. state: running, paused or off."""

    name: str
    uuid: str
    state: str
    snapshots: tuple[Saved, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Backups:
    """What backups the folders have. by_machine: by UUID, or by name where none is noted.

    problems: what could not be read.
    """

    by_machine: Mapping[str, tuple[Saved, ...]]
    problems: tuple[str, ...] = ()

    def of(self, machine: Guarded) -> list[Saved]:
        """Return the backups of a machine, newest first."""
        found = [
            *self.by_machine.get(machine.uuid, ()),
            *self.by_machine.get(machine.name, ()),
        ]
        return sorted(found, key=lambda saved: saved.made, reverse=True)


def guarded(selection: Selection) -> list[Guarded]:
    """Return the machines that are meant, with their snapshots.

    Snapshots are looked at down to the newest good one. Raises TaskFailed.
    """
    with connected(selection.uri) as connection:
        with telling("the virtual machines cannot be listed"):
            if not (selection.names or selection.tags or connection.listAllDomains(0)):
                return []
        return [_guarded(machine) for machine in select(connection, selection)]


def snapshots_of(machine: libvirt.virDomain) -> list[Snapshot]:
    """Return all snapshots of a machine."""
    return [snapshot_in(one.getXMLDesc(0)) for one in machine.listAllSnapshots(0)]


def backups_in(folders: Iterable[Path]) -> Backups:
    """Return the backups whose manifests lie in the folders, at any depth.

    What is being made or removed has a name that begins with a dot.
    """
    found: dict[str, list[Saved]] = {}
    problems = []
    for folder in sorted(set(folders)):
        if not folder.is_dir():
            problems.append(f"{folder} is no folder that can be read: no backup is seen there")
        for path in sorted(folder.rglob(MANIFEST)):
            if path.parent.name.startswith("."):
                continue
            try:
                machine, saved = _backup(path, json.loads(path.read_text(encoding="utf-8")))
            except (OSError, ValueError, KeyError, TypeError) as error:
                problems.append(f"{path} is no manifest of a backup: {error}")
            else:
                found.setdefault(machine, []).append(saved)
    return Backups(
        by_machine={machine: tuple(several) for machine, several in found.items()},
        problems=tuple(problems),
    )


def fault_of(snapshot: Snapshot) -> str:
    """Return why nobody could go back to a snapshot, "" for none, or where nobody can tell.

    libvirt goes on listing a snapshot whose data is gone.
    """
    for disk in (*snapshot.overlays, *snapshot.internal):
        image = snapshot.bases.get(disk, "")
        if image.startswith("/") and _is_gone(image):
            return f"its image {image} is gone"
    for disk in snapshot.internal:
        image = snapshot.bases.get(disk, "")
        if snapshot.name not in _names_within(image, snapshot.name):
            return f"its image {image} does not have it"
    return ""


def _guarded(machine: libvirt.virDomain) -> Guarded:
    with telling(f"the snapshots of {machine.name()} cannot be listed"):
        existing = snapshots_of(machine)
    existing.sort(key=lambda snapshot: snapshot.made, reverse=True)
    return Guarded(
        name=machine.name(),
        uuid=machine.UUIDString(),
        state=state_of(machine),
        snapshots=tuple(_down_to_good(existing)),
    )


def _down_to_good(newest_first: Iterable[Snapshot]) -> Iterator[Saved]:
    for snapshot in newest_first:
        fault = fault_of(snapshot)
        yield Saved(place=snapshot.name, made=snapshot.made, fault=fault)
        if not fault:
            return


def _backup(path: Path, manifest: Mapping[str, Any]) -> tuple[str, Saved]:
    made = datetime.fromisoformat(manifest["time"])
    if made.tzinfo is None:
        raise ValueError(f"the time {manifest['time']} has no offset")
    machine = str(manifest.get("uuid") or manifest["machine"])
    return machine, Saved(place=str(path.parent), made=made)


def _is_gone(image: str) -> bool:
    try:
        Path(image).stat()
    except FileNotFoundError:
        return True
    except OSError:
        return False  # who is not root may not look
    return False


def _names_within(image: str, otherwise: str) -> set[str]:
    """Return the names of the snapshots within an image; `otherwise` where nobody can tell."""
    command = ["qemu-img", "info", "--force-share", "--output=json", image]
    try:
        done = try_tool(command, package="qemu-utils")
        if done.returncode != 0:
            return {otherwise}
        return {one["name"] for one in json.loads(done.stdout).get("snapshots", [])}
    except (TaskFailed, ValueError, KeyError):
        return {otherwise}
