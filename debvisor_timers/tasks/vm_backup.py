# SPDX-License-Identifier: Apache-2.0
"""The task vm_backup: a backup of each machine, full or incremental, whole or not there at all."""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from debvisor_timers.tasks import backup_folders, backup_jobs, backup_xml
from debvisor_timers.tasks.backup_jobs import BrokenChain
from debvisor_timers.tasks.backup_xml import Disk, image_name
from debvisor_timers.tasks.backups import (
    DIRECTORY,
    File,
    Found,
    Manifest,
    backups_of,
    broken,
    chain,
    is_folder_name,
)
from debvisor_timers.tasks.base import FAILED, WRONG, TaskFailed, job_id, run_id, run_tool
from debvisor_timers.tasks.machines import Selection, connected, select, state_of, telling
from debvisor_timers.tasks.outcomes import for_each

if TYPE_CHECKING:
    import libvirt

_QEMU = "qemu-utils"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is wanted of each machine. longest: how many incremental ones follow a full one."""

    job: str
    run: str
    directory: Path
    is_incremental: bool
    longest: int
    quiesce: str

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Wanted:
        """Return what the configuration of a task says, for the run that is under way."""
        return cls(
            job=job_id(),
            run=run_id(),
            directory=Path(str(config.get("directory") or DIRECTORY)),
            is_incremental=config.get("mode") == "incremental",
            longest=int(config.get("full_every", 7)) - 1,
            quiesce=str(config.get("quiesce", "auto")),
        )

    @property
    def checkpoint(self) -> str:
        """Return the name of the checkpoint that this run makes."""
        return f"{backup_xml.CHECKPOINT}{self.run}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A machine at work. parent: what an incremental backup adds to. reason: why it is none."""

    machine: libvirt.virDomain
    definition: str
    disks: tuple[Disk, ...]
    sizes: Mapping[str, tuple[int, int]]
    state: str
    parent: Manifest | None = None
    reason: str = ""

    @property
    def others(self) -> list[str]:
        """Return the disks and drives that are left out."""
        ours = {disk.target for disk in self.disks}
        return [each for each in backup_xml.all_targets(self.definition) if each not in ours]

    @property
    def has_bitmaps(self) -> bool:
        """Return whether checkpoints can be made: only qcow2 keeps what was written."""
        return self.state != "off" and all(disk.format == "qcow2" for disk in self.disks)


def vm_backup(config: Mapping[str, Any]) -> dict[str, Any]:
    """Make a backup of each machine that is meant.

    A machine that has one of this run already gets no other: a retry repeats only what failed.
    """
    wanted, selection = Wanted.of(config), Selection.of(config)
    with backup_folders.stopping_by_signal(), connected(selection.uri) as connection:
        machines = select(connection, selection)
        backup_folders.make_folder(wanted.directory)
        return for_each(machines, lambda machine: _treat(machine, wanted))


def _treat(machine: libvirt.virDomain, wanted: Wanted) -> dict[str, Any]:
    if not is_folder_name(machine.name()):
        raise TaskFailed("its name cannot be that of a folder", exit_status=WRONG)
    folder = wanted.directory / machine.name()
    backup_folders.make_folder(folder)
    with backup_folders.held(folder):
        existing = backups_of(folder)
        for problem in existing.problems:
            print(f"{machine.name()}: {problem}", flush=True)
        made = next((one for one in existing.manifests if one.id == wanted.run), None)
        if made:
            print(f"{machine.name()}: has the backup {made.id} of this run already", flush=True)
            return _outcome(made, "")
        backup_jobs.clear(machine, folder)
        source = _look(machine, wanted, existing)
        made, source = _make(source, wanted, folder)
        _tidy(machine, wanted, made)
    words = f", as {source.reason}" if source.reason else ""
    size = f"{made.size / 1024**2:.1f} MiB"
    print(f"{machine.name()}: made the {made.mode} backup {made.folder}, {size}{words}", flush=True)
    return _outcome(made, source.reason)


def _outcome(made: Manifest, reason: str) -> dict[str, Any]:
    outcome = {
        "outcome": "done",
        "backup": made.id,
        "path": str(made.folder),
        "mode": made.mode,
        "bytes": made.size,
        "quiesced": made.quiesced,
        "state": made.state,
    }
    return {**outcome, "full_because": reason} if reason else outcome


def _look(machine: libvirt.virDomain, wanted: Wanted, existing: Found) -> Source:
    with telling("it cannot be looked at"):
        definition = machine.XMLDesc(0)
    state = state_of(machine)
    disks = tuple(_resolved(machine, disk) for disk in backup_xml.disks_of(definition))
    if not disks:
        raise TaskFailed("it has no disk that a backup can be made of", exit_status=WRONG)
    encrypted = [disk.target for disk in disks if disk.is_encrypted]
    if encrypted:
        raise TaskFailed(
            f"its disk {encrypted[0]} is encrypted by QEMU, and its backup would not be",
            fix="encrypt within the guest, or below the image",
            exit_status=WRONG,
        )
    sizes = backup_jobs.sizes_of(machine, disks)
    parent, reason = None, ""
    if wanted.is_incremental:
        try:
            _check_bitmaps(disks, state)
            parent = _parent(machine, wanted, existing, sizes)
        except BrokenChain as error:
            reason = str(error)
    return Source(
        machine=machine,
        definition=definition,
        disks=disks,
        sizes=sizes,
        state=state,
        parent=parent,
        reason=reason,
    )


def _check_bitmaps(disks: Sequence[Disk], state: str) -> None:
    if state == "off":
        raise BrokenChain("it is off")
    raw = [disk.target for disk in disks if disk.format != "qcow2"]
    if raw:
        raise BrokenChain(f"its disk {raw[0]} is not qcow2, which keeps what was written")


def _parent(
    machine: libvirt.virDomain,
    wanted: Wanted,
    existing: Found,
    sizes: Mapping[str, tuple[int, int]],
) -> Manifest:
    """Return the backup that the next one adds to. Raises BrokenChain where it has to be full."""
    marks = {one.name for one in backup_jobs.checkpoints_of(machine, wanted.directory)}
    ours = [one for one in existing.manifests if one.uuid == machine.UUIDString()]
    based = [one for one in ours if one.checkpoint in marks]
    if not based:
        raise BrokenChain("there is no backup with a checkpoint to go on from")
    parent = based[-1]
    try:
        links = chain(parent, ours)
    except ValueError as error:
        raise BrokenChain(f"{parent.id} is not whole: {error}") from error
    if fault := broken(links):
        raise BrokenChain(f"{parent.id} is not whole: {fault}")
    if len(links) > wanted.longest:
        raise BrokenChain(f"every {wanted.longest + 1}. one is full")
    if {each.target: each.capacity for each in parent.images} != {
        target: capacity for target, (capacity, _) in sizes.items()
    }:
        raise BrokenChain("its disks are not those of the backup before")
    return parent


def _make(source: Source, wanted: Wanted, folder: Path) -> tuple[Manifest, Source]:
    try:
        return _made(source, wanted, folder), source
    except BrokenChain as error:
        full = replace(source, parent=None, reason=f"its checkpoint is of no use: {error}")
        return _made(full, wanted, folder), full


def _made(source: Source, wanted: Wanted, folder: Path) -> Manifest:
    machine = source.machine
    with_checkpoint = wanted.is_incremental and source.has_bitmaps
    needed = sum(copy for _, copy in source.sizes.values())
    if source.parent:
        needed = sum(backup_jobs.written_since(machine, source.parent.checkpoint).values())
    backup_folders.check_room(folder, needed)
    try:
        with backup_folders.staged(folder, wanted.run) as stage:
            time = datetime.now(UTC).replace(microsecond=0)
            extra = _definition(source, stage)
            is_quiesced = False
            if source.state == "off":
                _copy(source, stage)
            else:
                is_quiesced = _push(source, wanted, stage, with_checkpoint=with_checkpoint)
            manifest = Manifest(
                id=wanted.run,
                machine=machine.name(),
                uuid=machine.UUIDString(),
                time=time,
                job=wanted.job,
                state=source.state,
                files=(*extra, *_images(source, stage)),
                parent=source.parent.id if source.parent else "",
                checkpoint=wanted.checkpoint if with_checkpoint else "",
                quiesced=is_quiesced,
                folder=folder / wanted.run,
            )
            backup_folders.finish(stage, manifest)
            return manifest
    except BaseException:
        if with_checkpoint:
            backup_jobs.forget(machine, [wanted.checkpoint])
        raise


def _push(source: Source, wanted: Wanted, stage: Path, *, with_checkpoint: bool) -> bool:
    checkpoint = backup_xml.checkpoint_document(
        wanted.checkpoint, wanted.directory, source.disks, source.others
    )
    document = backup_xml.backup_document(
        source.disks,
        stage,
        others=source.others,
        since=source.parent.checkpoint if source.parent else "",
    )
    job = backup_jobs.Job(
        document=document,
        checkpoint=checkpoint if with_checkpoint else "",
        stage=stage,
        quiesce=wanted.quiesce,
    )
    return backup_jobs.push(source.machine, job)


def _copy(source: Source, stage: Path) -> None:
    """Copy the disks of a machine that is off; QEMU's lock keeps it from starting meanwhile."""
    for disk in source.disks:
        if not disk.source.startswith("/"):
            raise TaskFailed(
                f"its disk {disk.target} is no file of this host, and it is off",
                fix=f"virsh start {source.machine.name()}",
                exit_status=WRONG,
            )
        target = str(stage / image_name(disk.target))
        formats = ["-f", disk.format, "-O", "qcow2"]
        try:
            run_tool(["qemu-img", "convert", *formats, disk.source, target], package=_QEMU)
        except TaskFailed as error:
            status = error.exit_status
            raise TaskFailed(
                f"its disk {disk.target} cannot be copied: {error}", exit_status=status
            ) from error
    if source.machine.isActive():
        raise TaskFailed("it was started while it was copied", exit_status=FAILED)


def _images(source: Source, stage: Path) -> list[File]:
    files = []
    for disk in source.disks:
        path = stage / image_name(disk.target)
        if source.parent:
            below = f"../{source.parent.id}/{image_name(disk.target)}"
            command = ["qemu-img", "rebase", "-u", "-f", "qcow2", "-F", "qcow2", "-b", below]
            run_tool([*command, str(path)], package=_QEMU)
        _check_image(path, source.sizes[disk.target][0])
        capacity = source.sizes[disk.target][0]
        files.append(backup_folders.file_of(path, target=disk.target, capacity=capacity))
    return files


def _check_image(path: Path, capacity: int) -> None:
    command = ["qemu-img", "info", "--output=json", "-f", "qcow2", str(path)]
    found = json.loads(run_tool(command, package=_QEMU))["virtual-size"]
    if found != capacity:
        raise TaskFailed(f"{path} has {found} bytes for a disk of {capacity}")


def _definition(source: Source, stage: Path) -> list[File]:
    """Keep what the machine is, and what its firmware remembers."""
    import libvirt  # noqa: PLC0415

    machine = source.machine
    with telling("its definition cannot be read"):
        flags = libvirt.VIR_DOMAIN_XML_SECURE
        if machine.isPersistent():
            flags |= libvirt.VIR_DOMAIN_XML_INACTIVE
        files = [backup_folders.write_definition(stage, machine.XMLDesc(flags))]
    nvram = backup_xml.nvram_of(source.definition)
    if nvram and Path(nvram).is_file():
        path = stage / "nvram"
        shutil.copyfile(nvram, path)
        files.append(backup_folders.file_of(path))
    return files


def _tidy(machine: libvirt.virDomain, wanted: Wanted, made: Manifest) -> None:
    """Remove checkpoints that no backup goes on from: each costs memory, and time at each write."""
    if not made.checkpoint:
        return
    with suppress(TaskFailed):
        old = [one.name for one in backup_jobs.checkpoints_of(machine, wanted.directory)]
        backup_jobs.forget(machine, [name for name in old if name != made.checkpoint])


def _resolved(machine: libvirt.virDomain, disk: Disk) -> Disk:
    """Return a disk with the path of its volume, where it is named by its pool."""
    if not disk.pool:
        return disk
    with telling(f"its volume {disk.pool}/{disk.source} cannot be found"):
        pool = machine.connect().storagePoolLookupByName(disk.pool)
        return replace(disk, source=pool.storageVolLookupByName(disk.source).path())
