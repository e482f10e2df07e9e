# SPDX-License-Identifier: Apache-2.0
"""Scratch machines: what a backup is started as, to see that it does."""

from __future__ import annotations

import shutil
import time
import uuid
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from xml.etree import ElementTree as ET

from debvisor_timers.tasks.backup_folders import check_room
from debvisor_timers.tasks.backups import DEFINITION, PARTIAL, File, Manifest
from debvisor_timers.tasks.base import TaskFailed, run_tool
from debvisor_timers.tasks.machines import connected, telling

if TYPE_CHECKING:
    import libvirt

_RUNNING: Final = 1
"""Source: virDomainState."""

_DEVICES: Final = {"disk", "controller", "emulator", "memballoon", "video", "watchdog", "panic"}
"""What a scratch machine keeps: nothing by which it could reach anybody."""

_PARTS: Final = {"memory", "currentMemory", "vcpu", "os", "features", "cpu", "clock", "devices"}
"""No metadata, no place of its own in memory or cgroups, no seclabel, no arguments of QEMU."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """How a backup is tried out. seconds: for how long its machine has to run."""

    uri: str
    seconds: float
    run: str


def try_out(manifest: Manifest, trial: Trial) -> dict[str, object]:
    """Restore a backup to images of its own, and start a scratch machine on them.

    Returns what was seen of it. The images are removed with it. Raises TaskFailed.
    """
    folder = manifest.folder.parent
    check_room(folder, sum(file.capacity for file in manifest.images))
    stage = folder / f"{PARTIAL}scratch-{trial.run}"
    shutil.rmtree(stage, ignore_errors=True)
    stage.mkdir(mode=0o711)
    try:
        document = definition(
            (manifest.folder / DEFINITION).read_text(encoding="utf-8"),
            name=f"debvisor-verify-{uuid.uuid4()}",
            images={file.target: _restored(manifest, file, stage) for file in manifest.images},
            nvram=_nvram(manifest, stage),
        )
        _check_memory(document)
        with connected(trial.uri) as connection:
            return _run(connection, document, trial)
    finally:
        shutil.rmtree(stage, ignore_errors=True)


def definition(
    text: str, *, name: str, images: Mapping[str, Path], nvram: Path | None = None
) -> str:
    """Return the XML of a scratch machine, made from that of the machine.

    images: by the disk; other disks and drives are left out.
    """
    root = ET.fromstring(text)  # noqa: S314 - libvirt's own
    for part in list(root):
        if part.tag not in _PARTS:
            root.remove(part)
    ET.SubElement(root, "name").text = name
    for element in ("on_poweroff", "on_reboot", "on_crash"):
        ET.SubElement(root, element).text = "destroy"
    found = root.find("os/nvram")
    if found is not None:
        kept = found.attrib.get("template", "")
        found.clear()
        found.attrib.update({"template": kept} if kept else {})
        found.text = str(nvram) if nvram else None
    devices = root.find("devices")
    for device in list(devices) if devices is not None else ():
        if device.tag not in _DEVICES or not _keeps(device, images):
            devices.remove(device)  # type: ignore[union-attr]
    return ET.tostring(root, encoding="unicode")


def _keeps(device: ET.Element, images: Mapping[str, Path]) -> bool:
    """Return whether a device stays; a disk gets its image."""
    if device.tag != "disk":
        return True
    target = device.find("target")
    image = images.get("" if target is None else target.get("dev", ""))
    if image is None:
        return False
    for part in list(device):
        if part.tag not in {"target", "address", "boot", "serial", "wwn"}:
            device.remove(part)
    device.set("type", "file")
    ET.SubElement(device, "driver", name="qemu", type="qcow2")
    ET.SubElement(device, "source", file=str(image))
    return True


def _restored(manifest: Manifest, file: File, stage: Path) -> Path:
    """Restore a disk as an administrator would; blocks of zeros take no room."""
    path = stage / file.name
    command = ["qemu-img", "convert", "-f", "qcow2", "-O", "qcow2"]
    run_tool([*command, str(manifest.folder / file.name), str(path)], package="qemu-utils")
    return path


def _check_memory(document: str) -> None:
    """Raise TaskFailed where the machine may take memory that others need."""
    root = ET.fromstring(document)  # noqa: S314 - libvirt's own
    needed = int(root.findtext("memory", "0"))  # in KiB, as libvirt writes it
    lines = Path("/proc/meminfo").read_text(encoding="ascii").splitlines()
    free = next((int(line.split()[1]) for line in lines if line.startswith("MemAvailable:")), 0)
    if needed > free:
        raise TaskFailed(
            f"the scratch machine needs {needed // 1024} MiB of memory, and {free // 1024} MiB are "
            "available",
            fix="try it when less is at work; or restore: false",
        )


def _nvram(manifest: Manifest, stage: Path) -> Path | None:
    if not (manifest.folder / "nvram").is_file():
        return None
    path = stage / "nvram"
    shutil.copyfile(manifest.folder / "nvram", path)
    return path


def _run(connection: libvirt.virConnect, document: str, trial: Trial) -> dict[str, object]:
    import libvirt  # noqa: PLC0415

    with telling("the scratch machine does not start"):
        flags = libvirt.VIR_DOMAIN_START_AUTODESTROY  # libvirt removes it if we are cut off
        machine = connection.createXML(document, flags)
    try:
        end = time.monotonic() + trial.seconds
        while time.monotonic() < end:
            with telling("the scratch machine did not stay on"):
                state = machine.state()[0]
            if state != _RUNNING:
                raise TaskFailed(f"the scratch machine does not run: its state is {state}")
            time.sleep(0.2)
        with telling("the scratch machine cannot be looked at"):
            seconds = machine.info()[4] / 1e9
        if not seconds:
            raise TaskFailed("the processors of the scratch machine did nothing")
        return {"ran_seconds": trial.seconds, "cpu_seconds": round(seconds, 3)}
    finally:
        with suppress(libvirt.libvirtError):
            machine.destroy()
