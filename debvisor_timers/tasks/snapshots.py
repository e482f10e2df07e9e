# SPDX-License-Identifier: Apache-2.0
"""Snapshots as libvirt describes them: which are ours, which are outdated, which may be removed."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol, TypeVar
from xml.etree import ElementTree as ET

_OURS: Final = re.compile(r"debvisor-timers job=(\S+) run=(\S+) quiesced=(yes|no)")
_SOURCES: Final = ("file", "dev", "name", "volume", "dir")
AGENT: Final = "org.qemu.guest_agent.0"


@dataclass(frozen=True, slots=True, kw_only=True)
class Snapshot:
    """A snapshot of a machine.

    job, run: who made it; empty for one that is not ours.
    internal: the disks whose image keeps it.
    overlays: by the disk, the file that takes what is written since.
    bases: by the disk, what the machine wrote to before.
    """

    name: str
    made: datetime
    parent: str = ""
    job: str = ""
    run: str = ""
    is_quiesced: bool = False
    internal: tuple[str, ...] = ()
    overlays: Mapping[str, str] = field(default_factory=dict)
    bases: Mapping[str, str] = field(default_factory=dict)

    @property
    def is_external(self) -> bool:
        """Return whether a file of its own takes what is written since."""
        return bool(self.overlays)


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What stays: the newest `keep`, and those not older than `days`; None: no such rule."""

    keep: int | None = None
    days: float | None = None

    def __bool__(self) -> bool:
        """Return whether anything is ever removed."""
        return self.keep is not None or self.days is not None


class Ours(Protocol):
    """A snapshot of anything, as far as retention asks. job: empty where it is not ours."""

    @property
    def name(self) -> str:
        """Return its name."""

    @property
    def made(self) -> datetime:
        """Return when it was made."""

    @property
    def job(self) -> str:
        """Return the job that made it."""


OursT = TypeVar("OursT", bound=Ours)


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A disk of a machine that is part of its snapshots. source: empty for none that has a path."""

    target: str
    kind: str
    source: str


def name_of(job: str, run: str) -> str:
    """Return the name of the snapshot that a run makes: it has the time, and is the run's own."""
    return f"debvisor-{job}-{run}"


def description_of(job: str, run: str, *, quiesced: bool) -> str:
    """Return what is noted in a snapshot of ours, for `snapshot_in` to know it again."""
    return f"debvisor-timers job={job} run={run} quiesced={'yes' if quiesced else 'no'}"


def document(name: str, description: str, overlays: Mapping[str, str] | None = None) -> str:
    """Return the XML that has libvirt make a snapshot; overlays: by the disk, the file to make."""
    root = ET.Element("domainsnapshot")
    ET.SubElement(root, "name").text = name
    ET.SubElement(root, "description").text = description
    disks = ET.SubElement(root, "disks") if overlays else root
    for target, path in (overlays or {}).items():
        disk = ET.SubElement(disks, "disk", name=target, snapshot="external")
        ET.SubElement(disk, "source", file=path)
    return ET.tostring(root, encoding="unicode")


def snapshot_in(text: str) -> Snapshot:
    """Return the snapshot that libvirt describes by the XML `text`."""
    root = ET.fromstring(text)  # noqa: S314 - libvirt's own
    name = root.findtext("name", "")
    ours = _OURS.fullmatch(root.findtext("description", "").strip())
    if ours and name != name_of(ours[1], ours[2]):
        ours = None  # somebody has copied the description
    disks = root.findall("disks/disk")
    return Snapshot(
        name=name,
        made=datetime.fromtimestamp(int(root.findtext("creationTime", "0")), UTC),
        parent=root.findtext("parent/name", ""),
        job=ours[1] if ours else "",
        run=ours[2] if ours else "",
        is_quiesced=ours[3] == "yes" if ours else False,
        internal=tuple(
            disk.get("name", "") for disk in disks if disk.get("snapshot") == "internal"
        ),
        overlays={
            disk.get("name", ""): _source(disk)
            for disk in disks
            if disk.get("snapshot") == "external"
        },
        bases=_sources(root.findall("domain/devices/disk")),
    )


def disks_in(definition: str) -> list[Disk]:
    """Return the disks of a machine that snapshots are made of: no drives, nothing read-only."""
    root = ET.fromstring(definition)  # noqa: S314 - libvirt's own
    return [
        Disk(target=_target(disk), kind=disk.get("type", ""), source=_source(disk))
        for disk in root.iterfind("devices/disk")
        if disk.get("device", "disk") in {"disk", "lun"}
        and disk.find("readonly") is None
        and disk.get("snapshot") != "no"
        and disk.find("source") is not None
    ]


def has_agent(definition: str) -> bool:
    """Return whether a guest agent holds its end of the channel of a machine that runs."""
    root = ET.fromstring(definition)  # noqa: S314 - libvirt's own
    targets = root.iterfind("devices/channel/target")
    return any(
        target.get("name") == AGENT and target.get("state") == "connected" for target in targets
    )


def outdated(
    snapshots: Iterable[OursT], *, job: str, now: datetime, retention: Retention
) -> list[OursT]:
    """Return the snapshots of `job` that no rule keeps, oldest first.

    The newest is always kept. With both rules a snapshot goes only when neither keeps it.
    """
    if not retention:
        return []
    ours = [snapshot for snapshot in snapshots if snapshot.job == job]
    ours.sort(key=lambda snapshot: (snapshot.made, snapshot.name))
    rest = ours[: -max(retention.keep or 1, 1)]
    if retention.days is None:
        return rest
    oldest = now - timedelta(days=retention.days)
    return [snapshot for snapshot in rest if snapshot.made < oldest]


def obstacle(snapshots: Sequence[Snapshot], disks: Sequence[Disk]) -> str:
    """Return why no external snapshot of a machine may be removed, "" where all is well.

    libvirt 11.3 loses an internal snapshot within an overlay that it merges, refuses one below, and
    its daemon crashes where a revert has made branches. So all must be one chain of external ones
    that ends where the machine writes now.
    """
    internal = [snapshot.name for snapshot in snapshots if snapshot.internal]
    if internal:
        return f"the machine has the internal snapshot {internal[0]} as well"
    after = {snapshot.parent: snapshot for snapshot in snapshots}
    if len(after) != len(snapshots) or (snapshots and "" not in after):
        return "a revert has made branches of its snapshots"
    tops: dict[str, str] = {}
    parent = ""
    while parent in after:
        snapshot = after[parent]
        for disk, overlay in snapshot.overlays.items():
            if snapshot.bases.get(disk) != tops.get(disk, snapshot.bases.get(disk)):
                return f"its snapshots are no chain at {snapshot.name} (disk {disk})"
            tops[disk] = overlay
        parent = snapshot.name
    sources = {disk.target: disk.source for disk in disks}
    for disk, top in tops.items():
        if sources.get(disk) != top:
            return f"its disk {disk} is {sources.get(disk, 'gone')}, not {top} as snapshots have it"
    return ""


def _sources(disks: Iterable[ET.Element]) -> dict[str, str]:
    return {_target(disk): _source(disk) for disk in disks if disk.find("source") is not None}


def _target(disk: ET.Element) -> str:
    target = disk.find("target")
    return "" if target is None else target.get("dev", "")


def _source(disk: ET.Element) -> str:
    source = disk.find("source")
    if source is None:
        return ""
    return next((found for key in _SOURCES if (found := source.get(key))), "")
