# SPDX-License-Identifier: Apache-2.0
"""The task vm_snapshot: a snapshot of each machine, then those go that are outdated."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from debvisor_timers.tasks import snapshots
from debvisor_timers.tasks.base import BUSY, WRONG, TaskFailed, job_id, run_id, run_time
from debvisor_timers.tasks.machines import PAUSED, Selection, connected, select, state_of, telling
from debvisor_timers.tasks.outcomes import for_each
from debvisor_timers.tasks.protection import snapshots_of
from debvisor_timers.tasks.snapshots import Disk, Retention, Snapshot

if TYPE_CHECKING:
    import libvirt

_JOBS = {1: "pull", 2: "copy", 3: "commit", 4: "commit", 5: "backup"}
"""Block jobs by their numbers in libvirt. Source: virDomainBlockJobType."""


_FOLDER = "a disk that is no file needs a directory for its overlays"
_OTHER = {False: "or: mode: external", True: "or: mode: internal"}
"""What to try where libvirt cannot make a snapshot, by whether it is external."""

_AGENT_SECONDS = 60
"""A guest may have much to write before its file systems are frozen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is wanted of each machine. directory: for new overlays, "" for beside the disk."""

    job: str
    run: str
    now: datetime
    is_external: bool
    quiesce: str
    directory: str
    retention: Retention

    @classmethod
    def of(cls, config: Mapping[str, Any]) -> Wanted:
        """Return what the configuration of a task says, for the run that is under way.

        Raises TaskFailed for what does not go together.
        """
        wanted = cls(
            job=job_id(),
            run=run_id(),
            now=run_time(),
            is_external=config.get("mode") == "external",
            quiesce=str(config.get("quiesce", "auto")),
            directory=str(config.get("directory", "")),
            retention=Retention(keep=config.get("keep"), days=config.get("retention_days")),
        )
        for key, given in (
            ("quiesce: always", wanted.quiesce == "always"),
            ("directory", bool(wanted.directory)),
        ):
            if given and not wanted.is_external:
                raise TaskFailed(
                    f"{key} is of no use to internal snapshots",
                    fix="mode: external",
                    exit_status=WRONG,
                )
        return wanted

    @property
    def name(self) -> str:
        """Return the name of the snapshots of this run."""
        return snapshots.name_of(self.job, self.run)


def vm_snapshot(config: Mapping[str, Any]) -> dict[str, Any]:
    """Make a snapshot of each machine that is meant, and remove those that are outdated.

    A machine that has one of this run already gets no other: a retry repeats only what failed.
    """
    wanted, selection = Wanted.of(config), Selection.of(config)
    with connected(selection.uri) as connection:
        return for_each(select(connection, selection), lambda machine: _treat(machine, wanted))


def _treat(machine: libvirt.virDomain, wanted: Wanted) -> dict[str, Any]:
    with telling("it cannot be looked at"):
        existing = snapshots_of(machine)
    made = next((one for one in existing if one.name == wanted.name), None)
    if made is None:
        _check_free(machine)
        made = _make(machine, wanted, existing)
        print(f"{machine.name()}: made the snapshot {made.name}, {_words(made)}", flush=True)
    else:
        print(f"{machine.name()}: has the snapshot {made.name} of this run already", flush=True)
    outcome = {
        "outcome": "done",
        "snapshot": made.name,
        "mode": "external" if made.is_external else "internal",
        "quiesced": made.is_quiesced,
        "state": state_of(machine),
    }
    removed: list[str] = []
    try:
        _prune(machine, wanted, removed)
    except TaskFailed as error:
        result = {**outcome, "removed": removed}
        raise TaskFailed(str(error), exit_status=error.exit_status, result=result) from error
    return {**outcome, "removed": removed}


def _make(machine: libvirt.virDomain, wanted: Wanted, existing: Sequence[Snapshot]) -> Snapshot:
    with telling("it cannot be looked at"):
        definition = machine.XMLDesc(0)
        runs = machine.isActive() and machine.state()[0] not in PAUSED
    disks = snapshots.disks_in(definition)
    if not disks:
        raise TaskFailed("it has no disk that a snapshot can be made of", exit_status=WRONG)
    if not wanted.is_external:
        _check_room(machine, disks)
        return _create(machine, wanted, {}, quiesced=False)
    _check_external(machine, wanted, existing)
    overlays = {
        disk.target: f"{wanted.directory}/{machine.name()}-{disk.target}.{wanted.name}"
        for disk in disks
        if wanted.directory
    }
    if wanted.quiesce == "never":
        return _create(machine, wanted, overlays, quiesced=False)
    return _create_quiesced(
        machine, wanted, overlays, can_ask=runs and snapshots.has_agent(definition)
    )


def _create_quiesced(
    machine: libvirt.virDomain, wanted: Wanted, overlays: Mapping[str, str], *, can_ask: bool
) -> Snapshot:
    is_off = not machine.isActive()
    if wanted.quiesce == "always" and not is_off and not can_ask:
        raise TaskFailed(
            "its guest agent does not answer, so its file systems cannot be frozen",
            fix="install qemu-guest-agent in it; or quiesce: auto",
        )
    if can_ask:
        try:
            with _bounded_agent(machine):
                return _create(machine, wanted, overlays, quiesced=True)
        except TaskFailed as error:
            _thaw(machine, error)
            if wanted.quiesce == "always" or error.exit_status == BUSY:
                raise
            print(f"{machine.name()}: not frozen: {error}", flush=True)
    return _create(machine, wanted, overlays, quiesced=False)


@contextmanager
def _bounded_agent(machine: libvirt.virDomain) -> Iterator[None]:
    """Let libvirt wait so long for the guest agent: else it does for ever (11.3)."""
    import libvirt  # noqa: PLC0415

    with telling("its guest agent cannot be asked"):
        machine.agentSetResponseTimeout(_AGENT_SECONDS, 0)
    try:
        yield
    finally:
        with suppress(libvirt.libvirtError):
            machine.agentSetResponseTimeout(libvirt.VIR_DOMAIN_AGENT_RESPONSE_TIMEOUT_BLOCK, 0)


def _thaw(machine: libvirt.virDomain, failure: TaskFailed) -> None:
    """Thaw what an agent may have frozen whose answer came too late."""
    import libvirt  # noqa: PLC0415

    cause = failure.__cause__
    if not isinstance(cause, libvirt.libvirtError):
        return
    if cause.get_error_code() != libvirt.VIR_ERR_AGENT_COMMAND_TIMEOUT:
        return
    try:
        machine.fsThaw()
    except libvirt.libvirtError as error:
        fix = f"virsh domfsthaw {machine.name()}"
        print(f"{machine.name()}: its file systems may be frozen ({error}); {fix}", flush=True)


def _create(
    machine: libvirt.virDomain, wanted: Wanted, overlays: Mapping[str, str], *, quiesced: bool
) -> Snapshot:
    import libvirt  # noqa: PLC0415

    flags = libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_ATOMIC
    if wanted.is_external:
        flags |= libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_DISK_ONLY
    if quiesced:
        flags |= libvirt.VIR_DOMAIN_SNAPSHOT_CREATE_QUIESCE
    note = snapshots.description_of(wanted.job, wanted.run, quiesced=quiesced)
    needs_folder = wanted.is_external and not overlays
    fix = f"{_FOLDER}; or: mode: internal" if needs_folder else _OTHER[wanted.is_external]
    with telling(f"the snapshot {wanted.name} cannot be made", fix=fix):
        made = machine.snapshotCreateXML(snapshots.document(wanted.name, note, overlays), flags)
        return snapshots.snapshot_in(made.getXMLDesc(0))


def _prune(machine: libvirt.virDomain, wanted: Wanted, removed: list[str]) -> None:
    """Remove what is outdated, one by one, and add its name to `removed`."""
    with telling("its snapshots cannot be listed"):
        existing = snapshots_of(machine)
    for old in snapshots.outdated(
        existing, job=wanted.job, now=wanted.now, retention=wanted.retention
    ):
        what = f"the old snapshot {old.name} cannot be removed"
        _check_free(machine)
        if old.is_external:
            _check_chain(machine, what)
        with telling(what):
            machine.snapshotLookupByName(old.name).delete(0)
        removed.append(old.name)
        print(f"{machine.name()}: removed the snapshot {old.name}", flush=True)


def _check_chain(machine: libvirt.virDomain, what: str) -> None:
    """Raise TaskFailed where libvirt could lose data when it merges an overlay."""
    with telling(what):
        _check_awake(machine, what)
        disks = snapshots.disks_in(machine.XMLDesc(0))
        reason = snapshots.obstacle(snapshots_of(machine), disks)
    if reason:
        fix = f"see: virsh snapshot-list {machine.name()} --tree; remove what is in the way by hand"
        raise TaskFailed(f"{what}: {reason}", fix=fix, exit_status=WRONG)


def _check_external(
    machine: libvirt.virDomain, wanted: Wanted, existing: Sequence[Snapshot]
) -> None:
    """Raise TaskFailed where an external snapshot would do harm, or could never be removed."""
    _check_awake(machine, "an external snapshot cannot be made")
    internal = [snapshot.name for snapshot in existing if snapshot.internal]
    if internal and wanted.retention:
        raise TaskFailed(
            f"it has the internal snapshot {internal[0]}: no external one beside it could ever be "
            "removed",
            fix=f"virsh snapshot-delete {machine.name()} {internal[0]}; or mode: internal",
            exit_status=WRONG,
        )


def _check_awake(machine: libvirt.virDomain, what: str) -> None:
    # Its saved memory names the files that it wrote to: it would not start any more (libvirt 11.3).
    if not machine.isActive() and machine.hasManagedSaveImage(0):
        raise TaskFailed(
            f"{what}: the machine sleeps, its memory is saved (virsh managedsave)",
            fix=f"virsh start {machine.name()}",
            exit_status=BUSY,
        )


def _check_free(machine: libvirt.virDomain) -> None:
    """Raise TaskFailed, to be tried again, for a machine that something else is at work on.

    libvirt itself would wait half a minute before it says so.
    """
    with telling("it cannot be looked at"):
        if not machine.isActive():
            return
        busy = "a job of libvirt" if machine.jobInfo()[0] else ""
        for disk in snapshots.disks_in(machine.XMLDesc(0)):
            if job := machine.blockJobInfo(disk.target, 0):
                busy = f"a {_JOBS.get(job.get('type', 0), 'block')} job of its disk {disk.target}"
                break
    if busy:
        raise TaskFailed(
            f"it is locked by {busy}",
            fix=f"wait for its end; see: virsh domjobinfo {machine.name()}",
            exit_status=BUSY,
        )


def _check_room(machine: libvirt.virDomain, disks: Sequence[Disk]) -> None:
    """Raise TaskFailed where the memory of a machine may not fit: a full disk would stop it."""
    with telling("it cannot be looked at"):
        needed = machine.maxMemory() * 1024 if machine.isActive() else 0
    image = next((disk.source for disk in disks if disk.kind == "file"), "")
    try:
        space = os.statvfs(Path(image).parent)
    except OSError:
        return  # it is on another host, or hidden from the job
    free = space.f_bavail * space.f_frsize
    if image and free < needed:
        raise TaskFailed(
            f"its memory ({needed // 1024**2} MiB) may not fit beside {image}, where "
            f"{free // 1024**2} MiB are free",
            fix="make room; or mode: external, which saves no memory",
        )


def _words(made: Snapshot) -> str:
    kind = "external" if made.is_external else "internal"
    return f"{kind}, with its file systems frozen" if made.is_quiesced else kind
