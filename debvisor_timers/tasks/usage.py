# SPDX-License-Identifier: Apache-2.0
"""What virtual machines were given and what they used of it, between readings of counters. Pure.

What libvirt cannot tell is None, and a sentence in `unknown` says why.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

STALE_SECONDS: Final = 600
"""How old what a guest has told of its memory may be."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Disk:
    """A disk of a machine, in bytes.

    capacity: what the guest sees. stored: what its image occupies on the host; in a volume, up to
    where it was written. size: of the file or of the volume. is_volume: a block device, not a file.
    """

    name: str
    path: str
    format: str
    is_volume: bool
    capacity: int
    stored: int
    size: int

    @property
    def filled(self) -> float | None:
        """Return how full the disk is, 0 to 1, as far as the host can tell; None for not at all.

        Of an image in a volume it is the volume that ends. A raw image that has all its space from
        the beginning tells nothing.
        """
        if self.format == "raw":
            whole = 0 if self.stored >= self.size else self.capacity
        else:
            whole = self.size if self.is_volume else self.capacity
        return min(self.stored / whole, 1.0) if whole else None


@dataclass(frozen=True, slots=True, kw_only=True)
class FileSystem:
    """A file system in a guest, as its agent tells, in bytes."""

    place: str
    total: int
    used: int

    @property
    def filled(self) -> float:
        """Return how full it is, 0 to 1."""
        return self.used / self.total


@dataclass(frozen=True, slots=True, kw_only=True)
class GuestMemory:
    """What the balloon driver of a guest has told, in bytes.

    free: what it could give away, its caches included where has_caches, else not. told: when, in
    seconds since 1970. swapped: what it has swapped in and out since it booted.
    """

    total: int
    free: int
    has_caches: bool
    told: float
    swapped: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Reading:
    """The counters of a machine in one moment; times in nanoseconds, amounts in bytes.

    seconds: since 1970. boot, up: of the host, and the seconds since that, which no change of its
    clock moves. id: of libvirt, new with each start since then, 0 while it is off. cpu: of all its
    processors. delay: how long they were ready and had none of the host's; -1 for not known.
    resident: what the host holds in memory for it. file_systems: None where its agent tells none.
    """

    seconds: float
    boot: str
    up: float
    id: int
    state: str
    vcpus: int
    cpu: int
    delay: int
    memory: int
    resident: int | None
    guest: GuestMemory | None
    disks: tuple[Disk, ...]
    disk_bytes: int
    net_bytes: int
    file_systems: tuple[FileSystem, ...] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Stretch:
    """What a machine used in so many `seconds`, the last of them at `at`, since 1970.

    cpu: seconds of processors; peak: processors, the most between two readings. waited: seconds in
    which its processors waited for one of the host's, None for not known. disk, net, memory: bytes,
    of memory the most at a reading.
    """

    at: float
    seconds: float
    cpu: float
    peak: float
    waited: float | None
    disk: int
    net: int
    memory: int | None
    is_swapping: bool


def stretches_of(readings: Sequence[Reading]) -> list[Stretch]:
    """Return what lies between each two readings of one start; the rest counts for nothing."""
    return [_between(one, two) for one, two in pairwise(readings) if _is_one_start(one, two)]


def _between(one: Reading, two: Reading) -> Stretch:
    seconds, cpu = two.up - one.up, (two.cpu - one.cpu) / 1e9
    is_told = min(one.delay, two.delay) >= 0
    swapped = [each.guest.swapped for each in (one, two) if each.guest]
    return Stretch(
        at=two.seconds,
        seconds=seconds,
        cpu=cpu,
        peak=cpu / seconds,
        waited=(two.delay - one.delay) / 1e9 / max(two.vcpus, 1) if is_told else None,
        disk=two.disk_bytes - one.disk_bytes,
        net=two.net_bytes - one.net_bytes,
        memory=most(_memory_used(one), _memory_used(two)),
        is_swapping=len(swapped) == 2 and swapped[1] > swapped[0],
    )


def most(*amounts: int | None) -> int | None:
    """Return the largest of those that are known."""
    return max((each for each in amounts if each is not None), default=None)


@dataclass(frozen=True, slots=True)
class Unknown:
    """What cannot be told of a machine. subject: CPU, memory, disk or file systems."""

    subject: str
    reason: str

    def __str__(self) -> str:
        """Return it for people."""
        return f"{self.subject}: {self.reason}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Usage:
    """What a machine was given, and what it used over so many `seconds`.

    cpu, cpu_peak: in processors, the mean and the most between two readings. memory_used: the most
    at a reading. waiting: the share of
    that time, 0 to 1, in which its processors waited for one of the host's. disk_rate, net_rate: in
    bytes a second. is_swapping: the guest swapped meanwhile.
    """

    name: str
    state: str
    seconds: float
    vcpus: int
    memory: int
    disks: tuple[Disk, ...]
    cpu: float | None = None
    cpu_peak: float | None = None
    waiting: float | None = None
    memory_used: int | None = None
    resident: int | None = None
    is_swapping: bool = False
    disk_rate: float | None = None
    net_rate: float | None = None
    file_systems: tuple[FileSystem, ...] = ()
    unknown: tuple[Unknown, ...] = ()

    @property
    def is_off(self) -> bool:
        """Return whether it has no processor and no memory of the host."""
        return self.state in {"shut off", "crashed"}

    @property
    def state_word(self) -> str:
        """Return its state in one word, for a table."""
        return {"shut off": "off", "shutting down": "stopping"}.get(self.state, self.state)

    @property
    def capacity(self) -> int:
        """Return what its guest sees of disks, in bytes."""
        return sum(disk.capacity for disk in self.disks)

    @property
    def stored(self) -> int:
        """Return what its disks occupy on the host, in bytes."""
        return sum(disk.stored for disk in self.disks)


def usage_of(
    name: str, readings: Sequence[Reading], *, earlier: Sequence[Stretch] | None = None
) -> Usage:
    """Return what a machine used between the first and the last of its `readings`, at least one.

    A machine that was started again meanwhile has counted from nought: what lies between two
    readings of different starts counts for nothing. earlier: what counts in the place of these
    stretches, them included.
    """
    last = readings[-1]
    spans = stretches_of(readings) if earlier is None else earlier
    seconds = sum(each.seconds for each in spans)
    waited = [each.waited for each in spans if each.waited is not None]

    def mean(total: float) -> float | None:
        return total / seconds if spans else None

    used = _memory_used(last)
    return Usage(
        name=name,
        state=last.state,
        seconds=seconds,
        vcpus=last.vcpus,
        memory=last.memory,
        disks=last.disks,
        cpu=mean(sum(each.cpu for each in spans)),
        cpu_peak=max((each.peak for each in spans), default=None),
        waiting=mean(sum(waited)) if waited else None,
        memory_used=None if used is None else most(used, *(each.memory for each in spans)),
        resident=last.resident,
        is_swapping=any(each.is_swapping for each in spans),
        disk_rate=mean(sum(each.disk for each in spans)),
        net_rate=mean(sum(each.net for each in spans)),
        file_systems=last.file_systems or (),
        unknown=tuple(_unknown(last, is_known=bool(spans))),
    )


def _is_one_start(one: Reading, two: Reading) -> bool:
    counters = (
        (one.cpu, two.cpu),
        (one.disk_bytes, two.disk_bytes),
        (one.net_bytes, two.net_bytes),
    )
    grows = all(before <= after for before, after in counters)
    return (one.boot, one.id) == (two.boot, two.id) and two.id != 0 and grows and two.up > one.up


def _is_fresh(reading: Reading) -> bool:
    return reading.guest is not None and reading.seconds - reading.guest.told <= STALE_SECONDS


def _memory_used(last: Reading) -> int | None:
    if last.guest is None or not _is_fresh(last):
        return None
    return max(last.guest.total - last.guest.free, 0)


def _unknown(last: Reading, *, is_known: bool) -> Iterator[Unknown]:
    """Yield what cannot be told of a machine, and what would make it known."""
    if last.id:
        if not is_known:
            yield Unknown("CPU", "it was started or stopped while it was measured")
        if last.guest is None:
            yield Unknown(
                "memory",
                "its guest does not tell what it uses; it needs the driver virtio_balloon, and the "
                "host: virsh dommemstat NAME --period 10 --live --config",
            )
        elif not _is_fresh(last):
            age = round((last.seconds - last.guest.told) / 60)
            yield Unknown("memory", f"its guest has told nothing for {age} minutes")
        elif not last.guest.has_caches:
            yield Unknown("memory", "its guest does not tell its caches, which count as used here")
        if last.file_systems is None:
            reason = "no guest agent tells how full they are (qemu-guest-agent)"
            yield Unknown("file systems", reason)
    for disk in last.disks:
        if disk.filled is None:
            yield Unknown("disk", f"all space of {disk.name} is taken from the beginning")


def unknown_of(usages: Sequence[Usage], *subjects: str) -> list[str]:
    """Return what is not known of all these machines, each reason once with their names.

    subjects: what is asked about; nothing: all.
    """
    names: dict[Unknown, list[str]] = {}
    for usage in usages:
        for each in usage.unknown:
            if not subjects or each.subject in subjects:
                names.setdefault(each, []).append(usage.name)
    return [f"{', '.join(several)}: {reason}" for reason, several in names.items()]


def size(amount: float) -> str:
    """Return an amount of bytes for people: `512 MiB`, `1.5 GiB`."""
    units = iter(("B", "KiB", "MiB", "GiB", "TiB"))
    unit = next(units)
    while round(amount) >= 1024 and unit != "TiB":
        amount, unit = amount / 1024, next(units)
    return f"{amount:.1f} {unit}" if amount < 10 and unit != "B" else f"{amount:.0f} {unit}"


def percent(share: float | None) -> str:
    """Return a share of 1 for people, `-` for one that is not known."""
    return "-" if share is None else f"{share * 100:.0f}%"


def document(usage: Usage) -> dict[str, object]:
    """Return a usage as JSON has it."""
    return {
        "outcome": "done",
        "state": usage.state,
        "measured_seconds": round(usage.seconds, 3),
        "vcpus": usage.vcpus,
        "cpu_vcpus": _rounded(usage.cpu),
        "cpu_peak_vcpus": _rounded(usage.cpu_peak),
        "cpu_waiting_percent": _rounded(usage.waiting, 100),
        "memory_bytes": usage.memory,
        "memory_used_bytes": usage.memory_used,
        "resident_bytes": usage.resident,
        "disks": [_disk_document(disk) for disk in usage.disks],
        "file_systems": [_system_document(each) for each in usage.file_systems],
        "disk_bytes_per_second": _rounded(usage.disk_rate),
        "net_bytes_per_second": _rounded(usage.net_rate),
        "unknown": [str(each) for each in usage.unknown],
    }


def _disk_document(disk: Disk) -> dict[str, object]:
    return {
        "name": disk.name,
        "path": disk.path,
        "capacity_bytes": disk.capacity,
        "stored_bytes": disk.stored,
        "filled_percent": _rounded(disk.filled, 100),
    }


def _system_document(one: FileSystem) -> dict[str, object]:
    return {
        "place": one.place,
        "total_bytes": one.total,
        "used_bytes": one.used,
        "filled_percent": _rounded(one.filled, 100),
    }


def _rounded(value: float | None, factor: int = 1) -> float | None:
    return None if value is None else round(value * factor, 3)
