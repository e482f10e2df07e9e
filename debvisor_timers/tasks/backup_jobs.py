# SPDX-License-Identifier: Apache-2.0
"""Backup jobs of libvirt: QEMU writes a machine's disks into files, as they were at one moment."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from debvisor_timers.tasks import backup_xml
from debvisor_timers.tasks.backup_folders import leftovers
from debvisor_timers.tasks.backup_xml import Checkpoint, Disk
from debvisor_timers.tasks.backups import PARTIAL
from debvisor_timers.tasks.base import BUSY, WRONG, TaskFailed
from debvisor_timers.tasks.machines import PAUSED, telling
from debvisor_timers.tasks.progress import report_progress
from debvisor_timers.tasks.snapshots import has_agent

if TYPE_CHECKING:
    import libvirt

_PERIOD = 0.2
_AGENT_SECONDS = 60
_STOP_SECONDS = 60
_COMPLETED = 3
"""Source: virDomainJobType."""


class BrokenChain(Exception):  # noqa: N818 - it says what is the case, and leads to a full backup
    """What was written since a checkpoint cannot be told any more."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Job:
    """A backup job. document: its XML. checkpoint: that of the one made with it, "" for none.

    stage: the folder that QEMU writes into.
    """

    document: str
    checkpoint: str
    stage: Path
    quiesce: str


def push(machine: libvirt.virDomain, job: Job) -> bool:
    """Let QEMU write the backup, to its end; return whether file systems were frozen as it began.

    Whatever stops us stops the job too. Raises TaskFailed; BrokenChain for an incremental one.
    """
    try:
        with _frozen(machine, job.quiesce) as is_quiesced:
            _begin(machine, job.document, job.checkpoint)
        _await_end(machine)
    except BaseException:
        stop(machine, job.stage)
        raise
    return is_quiesced


def stop(machine: libvirt.virDomain, stage: Path) -> None:
    """Stop the backup job that writes into a folder, and wait until QEMU lets go of its files."""
    import libvirt  # noqa: PLC0415

    with suppress(libvirt.libvirtError):  # the next run stops what goes on without us
        for turn in range(int(_STOP_SECONDS / _PERIOD)):
            text = under_way(machine)
            if stage not in {each.parent for each in backup_xml.targets_in(text)}:
                return
            if turn == 0:
                machine.abortJob()
            time.sleep(_PERIOD)


def under_way(machine: libvirt.virDomain) -> str:
    """Return the XML of the backup job of a machine, "" for none. Raises libvirtError."""
    import libvirt  # noqa: PLC0415

    try:
        text: str = machine.backupGetXMLDesc(0)
    except libvirt.libvirtError as error:
        none = {
            libvirt.VIR_ERR_NO_DOMAIN_BACKUP,
            libvirt.VIR_ERR_OPERATION_INVALID,  # it is off
            libvirt.VIR_ERR_NO_DOMAIN,
        }
        if error.get_error_code() in none:
            return ""
        raise
    return text


def clear(machine: libvirt.virDomain, folder: Path) -> None:
    """Remove what a crash of ours has left: the job, which goes on without us, and its folder.

    folder: of the backups of the machine, whose lock is held.
    Raises TaskFailed where a job of somebody else is at work on the machine.
    """
    with telling("it cannot be looked at"):
        text = under_way(machine)
    for stage in {each.parent for each in backup_xml.targets_in(text)}:
        if stage.parent == folder and stage.name.startswith(PARTIAL):
            stop(machine, stage)
            print(f"{machine.name()}: stopped a backup whose run was cut off", flush=True)
    with telling("it cannot be looked at"):
        if machine.isActive() and machine.jobInfo()[0]:
            raise TaskFailed(
                "it is locked by a job of libvirt",
                fix=f"wait for its end; see: virsh domjobinfo {machine.name()}",
                exit_status=BUSY,
            )
    for each in leftovers(folder):
        shutil.rmtree(each)
        print(f"{machine.name()}: removed {each}, which a run that was cut off left", flush=True)


def checkpoints_of(machine: libvirt.virDomain, directory: Path) -> list[Checkpoint]:
    """Return the checkpoints that backups into a directory have made, parents first."""
    import libvirt  # noqa: PLC0415

    with telling("its checkpoints cannot be listed"):
        flags = libvirt.VIR_DOMAIN_CHECKPOINT_LIST_TOPOLOGICAL
        texts = [
            one.getXMLDesc(libvirt.VIR_DOMAIN_CHECKPOINT_XML_NO_DOMAIN)
            for one in machine.listAllCheckpoints(flags)
        ]
    found = [backup_xml.checkpoint_in(text) for text in texts]
    return [one for one in found if one and one.directory == str(directory)]


def forget(machine: libvirt.virDomain, checkpoints: Sequence[str]) -> None:
    """Remove checkpoints; of one whose bitmap is gone what libvirt knows of it.

    Those of a machine that is off stay until it runs again: libvirt 11.3 cannot remove them.
    """
    import libvirt  # noqa: PLC0415

    for name in checkpoints if machine.isActive() else ():
        with suppress(libvirt.libvirtError):
            one = machine.checkpointLookupByName(name)
            try:
                one.delete(0)
            except libvirt.libvirtError:
                one.delete(libvirt.VIR_DOMAIN_CHECKPOINT_DELETE_METADATA_ONLY)


def written_since(machine: libvirt.virDomain, checkpoint: str) -> Mapping[str, int]:
    """Return by the disk how many bytes were written since. Raises BrokenChain."""
    import libvirt  # noqa: PLC0415

    try:
        one = machine.checkpointLookupByName(checkpoint)
        text = one.getXMLDesc(
            libvirt.VIR_DOMAIN_CHECKPOINT_XML_SIZE | libvirt.VIR_DOMAIN_CHECKPOINT_XML_NO_DOMAIN
        )
    except libvirt.libvirtError as error:
        raise BrokenChain(f"its checkpoint {checkpoint} is of no use: {error}") from error
    return backup_xml.sizes_in(text)


def sizes_of(machine: libvirt.virDomain, disks: Sequence[Disk]) -> Mapping[str, tuple[int, int]]:
    """Return by the disk its capacity, and how many bytes a full copy may take."""
    found = {}
    for disk in disks:
        with telling(f"its disk {disk.target} cannot be looked at"):
            capacity, allocation, _ = machine.blockInfo(disk.target, 0)
        is_sparse = disk.kind == "file" and not disk.has_base
        found[disk.target] = capacity, min(capacity, allocation) if is_sparse else capacity
    return found


def _begin(machine: libvirt.virDomain, document: str, checkpoint: str) -> None:
    import libvirt  # noqa: PLC0415

    try:
        machine.backupBegin(document, checkpoint or None, 0)
    except libvirt.libvirtError as error:
        broken = {
            libvirt.VIR_ERR_CHECKPOINT_INCONSISTENT,
            libvirt.VIR_ERR_NO_DOMAIN_CHECKPOINT,
            libvirt.VIR_ERR_INVALID_DOMAIN_CHECKPOINT,
        }
        if error.get_error_code() in broken:
            raise BrokenChain(str(error)) from error
        with telling("the backup cannot begin"):
            raise


def _await_end(machine: libvirt.virDomain) -> None:
    import libvirt  # noqa: PLC0415

    with telling("the backup job cannot be looked at"):
        while under_way(machine):
            with suppress(libvirt.libvirtError):
                stats = machine.jobStats(0)
                total = stats.get("disk_total", 0)
                if total:
                    report_progress(stats.get("disk_processed", 0) / total, machine.name())
            time.sleep(_PERIOD)
    try:
        stats = machine.jobStats(libvirt.VIR_DOMAIN_JOB_STATS_COMPLETED)
    except libvirt.libvirtError as error:
        raise TaskFailed(f"nobody knows how the backup job ended: {error}") from error
    if stats.get("type") != _COMPLETED:
        raise TaskFailed(f"the backup job failed: {stats.get('errmsg') or 'it was cancelled'}")


@contextmanager
def _frozen(machine: libvirt.virDomain, quiesce: str) -> Iterator[bool]:
    """Have the guest agent freeze file systems, if it answers; yield whether it did."""
    import libvirt  # noqa: PLC0415

    is_frozen = quiesce != "never" and _freeze(machine, must=quiesce == "always")
    try:
        yield is_frozen
    finally:
        if is_frozen:
            try:
                machine.fsThaw()
            except libvirt.libvirtError as error:
                name = machine.name()
                print(f"{name}: may still be frozen ({error}); virsh domfsthaw {name}", flush=True)


def _freeze(machine: libvirt.virDomain, *, must: bool) -> bool:
    import libvirt  # noqa: PLC0415

    reason = "its guest agent does not answer"
    if machine.state()[0] not in PAUSED and has_agent(machine.XMLDesc(0)):
        try:
            machine.agentSetResponseTimeout(_AGENT_SECONDS, 0)
            machine.fsFreeze()
        except libvirt.libvirtError as error:
            reason = f"its guest agent does not freeze file systems: {error}"
            with suppress(libvirt.libvirtError):
                machine.fsThaw()  # its answer may have come too late
        else:
            return True
    if must:
        fix = "install qemu-guest-agent in it; or quiesce: auto"
        raise TaskFailed(reason, fix=fix, exit_status=WRONG)
    return False
