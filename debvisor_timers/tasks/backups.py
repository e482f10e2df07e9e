# SPDX-License-Identifier: Apache-2.0
"""Backups of machines in a directory: which there are, and what each is made of.

DIRECTORY/MACHINE/ID/ holds one backup: manifest.json, machine.xml, an image in qcow2 for each disk,
nvram where the machine has one. An image of an incremental one has that of its parent as backing
file, "../PARENT/TARGET.qcow2". Names that begin with a dot are no backups: ".partial-ID" is being
made or was left by a crash, ".removed-ID" is being removed, ".lock" is held meanwhile.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any, Final

from debvisor_timers.tasks.base import WRONG, TaskFailed

DIRECTORY: Final = "/var/lib/debvisor/backups"
MANIFEST: Final = "manifest.json"
DEFINITION: Final = "machine.xml"
PARTIAL: Final = ".partial-"
REMOVED: Final = ".removed-"
VERSION: Final = 1
LATEST: Final = "latest"

_NAME = re.compile(r"[^./\x00-\x1f][^/\x00-\x1f]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class File:
    """A file of a backup. size: in bytes. target: the disk that it is an image of, "" for none.

    capacity: of the disk, in bytes; 0 where it is no image.
    """

    name: str
    size: int
    sha256: str
    target: str = ""
    capacity: int = 0

    @classmethod
    def of(cls, document: Mapping[str, Any]) -> File:
        """Return what a manifest says of a file. Raises ValueError, KeyError."""
        name, digest = str(document["name"]), str(document["sha256"])
        if not _NAME.fullmatch(name) or not re.fullmatch("[0-9a-f]{64}", digest):
            raise ValueError(f"{name!r} is no file with a digest")
        return cls(
            name=name,
            size=int(document["size"]),
            sha256=digest,
            target=str(document.get("target", "")),
            capacity=int(document.get("capacity", 0)),
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """A backup of a machine. time: aware, of the state that is kept.

    parent: the id of the backup that it adds to, "" for a full one.
    checkpoint: from which the next one may go on, "" for none.
    state: what the machine was then: running, paused or off.
    folder: where it lies; not written.
    """

    id: str
    machine: str
    uuid: str
    time: datetime
    job: str
    state: str
    files: tuple[File, ...]
    parent: str = ""
    checkpoint: str = ""
    quiesced: bool = False
    folder: Path = Path()

    @property
    def images(self) -> tuple[File, ...]:
        """Return the images of its disks."""
        return tuple(file for file in self.files if file.target)

    @property
    def mode(self) -> str:
        """Return whether it is a full or an incremental one."""
        return "incremental" if self.parent else "full"

    @property
    def size(self) -> int:
        """Return the bytes of its files."""
        return sum(file.size for file in self.files)

    def text(self) -> str:
        """Return it as it is written."""
        fields = asdict(self)
        del fields["folder"]
        document = {"version": VERSION, **fields, "time": self.time.isoformat(), "mode": self.mode}
        return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


def manifest_in(text: str, folder: Path) -> Manifest:
    """Return the backup that the text of a manifest describes. Raises ValueError."""
    try:
        document = json.loads(text)
        if document["version"] != VERSION:
            raise ValueError(f"it is of version {document['version']}")
        manifest = Manifest(
            id=str(document["id"]),
            machine=str(document["machine"]),
            uuid=str(document["uuid"]),
            time=datetime.fromisoformat(document["time"]),
            job=str(document["job"]),
            state=str(document["state"]),
            files=tuple(File.of(each) for each in document["files"]),
            parent=str(document["parent"]),
            checkpoint=str(document["checkpoint"]),
            quiesced=bool(document["quiesced"]),
            folder=folder,
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise ValueError(f"it lacks or has a wrong {error}") from error
    if manifest.id != folder.name:
        raise ValueError(f"it is of the backup {manifest.id}")
    if manifest.time.tzinfo is None:
        raise ValueError("its time has no offset")
    if manifest.parent and not _NAME.fullmatch(manifest.parent):
        raise ValueError(f"{manifest.parent!r} is no backup")
    return manifest


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """The backups of a folder, oldest first. problems: what is there and is none."""

    manifests: tuple[Manifest, ...]
    problems: tuple[str, ...] = ()


def read_manifests(directory: Path) -> Found:
    """Return the backups of all machines in `directory`; none where it is not there."""
    found = [backups_of(folder) for folder in machines_in(directory)]
    return Found(
        manifests=tuple(
            sorted((one for each in found for one in each.manifests), key=lambda one: one.time)
        ),
        problems=tuple(problem for each in found for problem in each.problems),
    )


def machines_in(directory: Path) -> list[Path]:
    """Return the folders of machines in `directory`, sorted by name."""
    try:
        entries = sorted(directory.iterdir())
    except FileNotFoundError:
        return []
    return [entry for entry in entries if _is_folder(entry)]


def backups_of(machine: Path) -> Found:
    """Return the backups in the folder of a machine."""
    manifests, problems = [], []
    for folder in sorted(machine.iterdir()) if machine.is_dir() else ():
        if not _is_folder(folder):
            continue
        try:
            text = (folder / MANIFEST).read_text(encoding="utf-8")
            manifests.append(manifest_in(text, folder))
        except (OSError, ValueError) as error:
            problems.append(f"{folder} is no backup: {error}")
    manifests.sort(key=lambda one: (one.time, one.id))
    return Found(manifests=tuple(manifests), problems=tuple(problems))


def chain(manifest: Manifest, among: Iterable[Manifest]) -> list[Manifest]:
    """Return what a backup consists of: the full one first, itself last.

    among: the backups of the machine. Raises ValueError where one of them is missing.
    """
    known = {one.id: one for one in among}
    links = [manifest]
    while parent := links[0].parent:
        if parent not in known or known[parent] in links:
            raise ValueError(f"its parent {parent} is missing")
        links.insert(0, known[parent])
    return links


def broken(links: Sequence[Manifest]) -> str:
    """Return why the files of a chain cannot be whole, "" where all are there in their size."""
    for manifest in links:
        for file in manifest.files:
            path = manifest.folder / file.name
            try:
                size = path.stat().st_size
            except OSError as error:
                return f"{path}: {error.strerror}"
            if size != file.size:
                return f"{path} has {size} bytes instead of {file.size}"
    return ""


def chosen(
    directory: Path, manifests: Sequence[Manifest], backup: str, machines: Sequence[str]
) -> list[Manifest]:
    """Return the backups that are meant: `latest`, the newest of each machine; an id of a backup,
    which all machines of its run have; or MACHINE/ID.

    manifests: of the directory, oldest first. machines: names, UUIDs or globs; empty for all.
    Raises TaskFailed.
    """
    machine, _, name = backup.rpartition("/")
    meant = [
        one
        for one in manifests
        if (not machine or one.machine == machine) and (not machines or is_like(one, machines))
    ]
    if name == LATEST:
        found = list({one.uuid: one for one in meant}.values())
    else:
        found = [one for one in meant if one.id == name]
    if not found:
        what = backup if backup != LATEST else ""
        of = f"of {', '.join(machines)}" if machines else ""
        raise TaskFailed(
            " ".join(filter(None, ["there is no backup", what, of, f"in {directory}"])),
            fix=f"see: ls {directory}/*; or set the directory that vm_backup writes to",
            exit_status=WRONG,
        )
    return sorted(found, key=lambda one: one.machine)


def is_folder_name(name: str) -> bool:
    """Return whether the name of a machine can be that of a folder of backups."""
    return _NAME.fullmatch(name) is not None


def is_like(manifest: Manifest, machines: Sequence[str]) -> bool:
    """Return whether a backup is of one of the machines: names, UUIDs or globs."""
    return any(
        each in {manifest.machine, manifest.uuid} or fnmatchcase(manifest.machine, each)
        for each in machines
    )


def _is_folder(path: Path) -> bool:
    return not path.name.startswith(".") and path.is_dir() and not path.is_symlink()
