# SPDX-License-Identifier: Apache-2.0
"""Backups and checkpoints as libvirt describes them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from xml.etree import ElementTree as ET

CHECKPOINT: Final = "debvisor-"
_SOURCES: Final = ("file", "dev", "name")


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A disk of a machine that is backed up.

    source: a path, or the name of a volume in `pool`, else what libvirt calls it by.
    has_base: whether its image has another one below. is_encrypted: by QEMU, so that it is not in
    what QEMU reads of it.
    """

    target: str
    kind: str
    format: str
    source: str
    pool: str = ""
    has_base: bool = False
    is_encrypted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """A checkpoint of ours, made for backups into `directory`."""

    name: str
    directory: str
    disks: tuple[str, ...]


def disks_of(definition: str) -> list[Disk]:
    """Return the disks of a machine that are backed up: no drives, nothing that is read only."""
    root = ET.fromstring(definition)  # noqa: S314 - libvirt's own
    return [
        _disk(disk)
        for disk in root.iterfind("devices/disk")
        if disk.get("device", "disk") in {"disk", "lun"}
        and disk.find("readonly") is None
        and disk.find("source") is not None
    ]


def nvram_of(definition: str) -> str:
    """Return the file that keeps what firmware remembers, "" for none."""
    root = ET.fromstring(definition)  # noqa: S314 - libvirt's own
    found = root.find("os/nvram")
    if found is None:
        return ""
    source = found.find("source")
    return (source.get("file", "") if source is not None else found.text or "").strip()


def backup_document(
    disks: Sequence[Disk], stage: Path, *, others: Sequence[str] = (), since: str = ""
) -> str:
    """Return the XML of a backup that QEMU writes into `stage`.

    others: disks of the machine that are left out. since: the checkpoint that it begins from.
    """
    root = ET.Element("domainbackup", mode="push")
    if since:
        ET.SubElement(root, "incremental").text = since
    listed = ET.SubElement(root, "disks")
    for disk in disks:
        one = ET.SubElement(listed, "disk", name=disk.target, backup="yes", type="file")
        ET.SubElement(one, "driver", type="qcow2")
        ET.SubElement(one, "target", file=str(stage / image_name(disk.target)))
    for target in others:
        ET.SubElement(listed, "disk", name=target, backup="no")
    return ET.tostring(root, encoding="unicode")


def checkpoint_document(
    name: str, directory: Path, disks: Sequence[Disk], others: Sequence[str] = ()
) -> str:
    """Return the XML of a checkpoint, from which the next backup into `directory` goes on."""
    root = ET.Element("domaincheckpoint")
    ET.SubElement(root, "name").text = name
    ET.SubElement(root, "description").text = f"debvisor-timers directory={directory}"
    listed = ET.SubElement(root, "disks")
    for disk in disks:
        ET.SubElement(listed, "disk", name=disk.target, checkpoint="bitmap")
    for target in others:
        ET.SubElement(listed, "disk", name=target, checkpoint="no")
    return ET.tostring(root, encoding="unicode")


def checkpoint_in(text: str) -> Checkpoint | None:
    """Return the checkpoint that libvirt describes, None for one that is not ours."""
    root = ET.fromstring(text)  # noqa: S314 - libvirt's own
    name = root.findtext("name", "")
    mark, _, directory = root.findtext("description", "").partition(" directory=")
    if mark != "debvisor-timers" or not name.startswith(CHECKPOINT):
        return None
    disks = root.findall("disks/disk")
    return Checkpoint(
        name=name,
        directory=directory,
        disks=tuple(disk.get("name", "") for disk in disks if disk.get("checkpoint") == "bitmap"),
    )


def sizes_in(text: str) -> Mapping[str, int]:
    """Return by the disk how many bytes were written since a checkpoint."""
    root = ET.fromstring(text)  # noqa: S314 - libvirt's own
    disks = root.findall("disks/disk")
    return {disk.get("name", ""): int(disk.get("size", 0)) for disk in disks if disk.get("size")}


def targets_in(text: str) -> list[Path]:
    """Return the files that a backup under way is written into; text: "" where none is."""
    if not text:
        return []
    root = ET.fromstring(text)  # noqa: S314 - libvirt's own
    found = [target.get("file", "") for target in root.iterfind("disks/disk/target")]
    return [Path(each) for each in found if each]


def all_targets(definition: str) -> list[str]:
    """Return the names of all disks and drives of a machine."""
    root = ET.fromstring(definition)  # noqa: S314 - libvirt's own
    return [target.get("dev", "") for target in root.iterfind("devices/disk/target")]


def image_name(target: str) -> str:
    """Return the name of the image of a disk within a backup."""
    return f"{target}.qcow2"


def _disk(disk: ET.Element) -> Disk:
    driver, target, source = (disk.find(name) for name in ("driver", "target", "source"))
    given = {} if source is None else source.attrib
    base = disk.find("backingStore/source")
    where = next((found for key in ("volume", *_SOURCES) if (found := given.get(key))), "")
    return Disk(
        target="" if target is None else target.get("dev", ""),
        kind=disk.get("type", ""),
        format="raw" if driver is None else driver.get("type", "raw"),
        source=where,
        pool=given.get("pool", ""),
        has_base=base is not None,
        is_encrypted=disk.find(".//encryption") is not None,
    )
