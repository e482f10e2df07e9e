# SPDX-License-Identifier: Apache-2.0
"""Readings of the counters that libvirt keeps of virtual machines."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any
from xml.etree import ElementTree as ET

from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.jobs.duration import parse_timespan
from debvisor_timers.tasks.base import WRONG, TaskFailed
from debvisor_timers.tasks.machines import Selection, connected, select
from debvisor_timers.tasks.usage import (
    Disk,
    FileSystem,
    GuestMemory,
    Reading,
    Stretch,
    Usage,
    usage_of,
)
from debvisor_timers.tasks.usage_history import FOLDER, KEPT, keep, within

if TYPE_CHECKING:
    import libvirt

Statistics = Mapping[str, Any]

BOOT_ID = Path("/proc/sys/kernel/random/boot_id")
_STATES = ("no state", "running", "blocked", "paused", "shutting down", "shut off", "crashed")
"""By their numbers in libvirt, the last one besides: suspended. Source: virDomainState."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Moment:
    """When counters are read: in seconds since 1970, and since which boot of the host."""

    seconds: float
    boot: str
    up: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """A disk as its machine's definition has it, and what libvirt knows of it, in bytes."""

    format: str
    is_volume: bool
    capacity: int
    stored: int
    size: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Measured:
    """What the machines use, by name, and what the host has: processors, and bytes of memory.

    window: how far back was looked; nought: what the run itself has measured.
    """

    usages: tuple[Usage, ...]
    cpus: int
    memory: int
    window: timedelta = timedelta()


def measured(config: Mapping[str, Any], *, samples: int, folder: Path = FOLDER) -> Measured:
    """Return what the machines use that `config` selects, by so many readings.

    What earlier runs have kept in `folder` counts too, as far as the window goes back. Raises
    TaskFailed where there is no libvirt, or no such machine.
    """
    interval, window = interval_of(config), window_of(config)
    selection = Selection.of(config)
    with connected(selection.uri) as connection:
        machines = select(connection, selection)
        _, megabytes, cpus = connection.getInfo()[:3]
        seconds = (samples - 1) * interval.total_seconds()
        count = f"{len(machines)} machine{'' if len(machines) == 1 else 's'}"
        print(f"measuring {count} for {seconds:g} s", flush=True)
        readings = measure(connection, machines, samples=samples, interval=interval)
        uuids = {machine.name(): machine.UUIDString() for machine in machines}
    usages = usages_of(
        {uuids[name]: (name, each) for name, each in readings.items()}, window, folder
    )
    return Measured(usages=tuple(usages), cpus=cpus, memory=megabytes * 1024**2, window=window)


def usages_of(
    machines: Mapping[str, tuple[str, Sequence[Reading]]], window: timedelta, folder: Path
) -> list[Usage]:
    """Return what machines used in the window, by their UUIDs; without one, in this run alone.

    What cannot be kept is said, and then this run counts alone.
    """
    now = max((each[-1].seconds for _, each in machines.values()), default=0.0)
    known: Mapping[str, Sequence[Stretch]] = {}
    try:
        known = keep(folder, {uuid: each for uuid, (_, each) in machines.items()}, now=now)
    except (DebvisorTimersError, OSError) as error:
        print(f"<4>what was measured is not kept, and counts alone: {error}", file=sys.stderr)
    return [
        usage_of(
            name, each, earlier=within(known[uuid], window, now=now) if window and known else None
        )
        for uuid, (name, each) in machines.items()
    ]


def window_of(config: Mapping[str, Any]) -> timedelta:
    """Return how far back is looked; nought for this run alone. Raises TaskFailed."""
    text = str(config.get("window", "7d"))
    try:
        found = parse_timespan(text)
    except DebvisorTimersError as error:
        raise TaskFailed(f"window: {error}", exit_status=WRONG) from error
    if found is None or found > KEPT:
        problem = f"window: {text} is more than is kept"
        raise TaskFailed(problem, fix=f"window: {KEPT.days}d at most", exit_status=WRONG)
    return found


def interval_of(config: Mapping[str, Any]) -> timedelta:
    """Return how long lies between two readings.

    Raises TaskFailed for what is no time span.
    """
    text = str(config["interval"])
    try:
        found = parse_timespan(text)
    except DebvisorTimersError as error:
        raise TaskFailed(f"interval: {error}", exit_status=WRONG) from error
    if found is None or not found:
        raise TaskFailed(f"interval: {text} is no time", fix="interval: 10s", exit_status=WRONG)
    return found


def measure(
    connection: libvirt.virConnect,
    machines: Sequence[libvirt.virDomain],
    *,
    samples: int,
    interval: timedelta,
) -> dict[str, list[Reading]]:
    """Return so many readings of each machine, by name; it takes (samples - 1) * interval.

    A machine that is gone meanwhile is left out.
    """
    readings: dict[str, list[Reading]] = {machine.name(): [] for machine in machines}
    for number in range(samples):
        if number:
            time.sleep(interval.total_seconds())
        for machine, reading in _read(connection, machines):
            readings[machine].append(reading)
    for machine in machines:
        if several := readings[machine.name()]:
            several[-1] = replace(several[-1], file_systems=_told_by_agent(machine))
    return {name: several for name, several in readings.items() if several}


def _read(
    connection: libvirt.virConnect, machines: Sequence[libvirt.virDomain]
) -> Iterator[tuple[str, Reading]]:
    import libvirt  # noqa: PLC0415 - it need not be there for other tasks

    if not machines:
        return
    boot = BOOT_ID.read_text(encoding="ascii").strip()
    kinds = 0
    for name in ("STATE", "CPU_TOTAL", "VCPU", "BALLOON", "BLOCK", "INTERFACE"):
        kinds |= getattr(libvirt, f"VIR_DOMAIN_STATS_{name}")
    for machine, statistics in connection.domainListGetStats(list(machines), kinds, 0):
        try:
            sources = dict(_sources(machine, machine.XMLDesc(0)))
            number = max(machine.ID(), 0)
        except libvirt.libvirtError:
            continue  # it was removed a moment ago
        now = Moment(seconds=time.time(), boot=boot, up=time.clock_gettime(time.CLOCK_BOOTTIME))
        yield machine.name(), reading_of(statistics, sources, now, number=number)


def _sources(machine: libvirt.virDomain, xml: str) -> Iterator[tuple[str, Source]]:
    """Yield the disks of a machine by their names; those that libvirt cannot look at are absent."""
    import libvirt  # noqa: PLC0415

    for name, kind, image_format in disks_of(xml):
        try:
            capacity, stored, size = machine.blockInfo(name)
        except libvirt.libvirtError:
            continue  # an empty drive, or a disk in a network that does not tell
        yield (
            name,
            Source(
                format=image_format,
                is_volume=kind == "block",
                capacity=capacity,
                stored=stored,
                size=size,
            ),
        )


def disks_of(xml: str) -> Iterator[tuple[str, str, str]]:
    """Yield name, kind and format of each disk in the definition of a machine, drives left out."""
    for disk in ET.fromstring(xml).iterfind("devices/disk"):  # noqa: S314 - libvirt's own
        target, driver = disk.find("target"), disk.find("driver")
        if target is None or disk.get("device", "disk") not in {"disk", "lun"}:
            continue
        image_format = "raw" if driver is None else driver.get("type", "raw")
        yield target.get("dev", ""), disk.get("type", ""), image_format


def _told_by_agent(machine: libvirt.virDomain) -> tuple[FileSystem, ...] | None:
    """Return the file systems of a guest; None where no agent answers, within seconds."""
    import libvirt  # noqa: PLC0415

    try:
        told = machine.guestInfo(libvirt.VIR_DOMAIN_GUEST_INFO_FILESYSTEM, 0)
    except libvirt.libvirtError:
        return None
    return tuple(file_systems_of(told))


def file_systems_of(told: Statistics) -> Iterator[FileSystem]:
    """Yield the file systems that virDomainGetGuestInfo tells of, those without a size left out."""
    for number in range(told.get("fs.count", 0)):
        place, total, used = (
            told.get(f"fs.{number}.{name}") for name in ("mountpoint", "total-bytes", "used-bytes")
        )
        if place and total and used is not None:
            yield FileSystem(place=place, total=total, used=used)


def reading_of(
    statistics: Statistics, sources: Mapping[str, Source], now: Moment, *, number: int
) -> Reading:
    """Return what `statistics` of virConnectGetAllDomainStats say.

    sources: its disks by name. number: the id of libvirt, 0 while it is off.
    """
    state = statistics.get("state.state", 0)
    vcpus = range(statistics.get("vcpu.maximum", 0))
    delays = [statistics[key] for each in vcpus if (key := f"vcpu.{each}.delay") in statistics]
    return Reading(
        seconds=now.seconds,
        boot=now.boot,
        up=now.up,
        id=number,
        state=_STATES[state] if state < len(_STATES) else "suspended",
        vcpus=statistics.get("vcpu.current", 0),
        cpu=statistics.get("cpu.time", 0),
        delay=sum(delays) if delays else -1,
        memory=1024 * statistics.get("balloon.current" if number else "balloon.maximum", 0),
        resident=_bytes(statistics, "balloon.rss"),
        guest=_guest(statistics) if number else None,
        disks=tuple(_disks(statistics, sources)),
        disk_bytes=_sum(statistics, "block", "rd.bytes", "wr.bytes"),
        net_bytes=_sum(statistics, "net", "rx.bytes", "tx.bytes"),
    )


def _bytes(statistics: Statistics, name: str) -> int | None:
    return 1024 * statistics[name] if name in statistics else None


def _sum(statistics: Statistics, kind: str, *names: str) -> int:
    """Return the sum of these counters over all devices of a kind."""
    devices = range(statistics.get(f"{kind}.count", 0))
    return sum(statistics.get(f"{kind}.{each}.{name}", 0) for each in devices for name in names)


def _guest(statistics: Statistics) -> GuestMemory | None:
    """Return what the guest tells; libvirt has only what the balloon was set to, where it does not.

    Without a driver `last-update` is 0, and the rest is absent (libvirt 11.3).
    """
    free, told = _bytes(statistics, "balloon.usable"), statistics.get("balloon.last-update", 0)
    has_caches = free is not None
    if free is None:
        free = _bytes(statistics, "balloon.unused")
    total = _bytes(statistics, "balloon.available")
    if not told or free is None or total is None:
        return None
    swapped = sum(statistics.get(f"balloon.swap_{way}", 0) for way in ("in", "out"))
    return GuestMemory(
        total=total, free=free, has_caches=has_caches, told=told, swapped=1024 * swapped
    )


def _disks(statistics: Statistics, sources: Mapping[str, Source]) -> Iterator[Disk]:
    for number in range(statistics.get("block.count", 0)):
        name = statistics.get(f"block.{number}.name", "")
        if source := sources.get(name):
            yield Disk(
                name=name,
                path=statistics.get(f"block.{number}.path", ""),
                format=source.format,
                is_volume=source.is_volume,
                capacity=source.capacity,
                stored=source.stored,
                size=source.size,
            )
