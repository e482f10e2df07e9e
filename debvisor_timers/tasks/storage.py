# SPDX-License-Identifier: Apache-2.0
"""The file systems of the host on which the images of machines lie, and how far these may grow."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from debvisor_timers.tasks.usage import Disk, Usage


@dataclass(frozen=True, slots=True, kw_only=True)
class Storage:
    """A file system of the host, in bytes.

    place: the folder of the first image on it. growth: what the images on it may take besides.
    """

    place: str
    total: int
    free: int
    growth: int

    @property
    def is_short(self) -> bool:
        """Return whether the images may grow by more than there is room for."""
        return self.growth > self.free


Look = Callable[[str], tuple[int, int, int]]
"""Returns what a path lies on: the number of the device, its size, what is free; or OSError."""


def look(path: str) -> tuple[int, int, int]:
    """Return the device of a file, and the bytes that this has and that are free."""
    room = os.statvfs(path)
    return Path(path).stat().st_dev, room.f_blocks * room.f_frsize, room.f_bavail * room.f_frsize


def storage_of(usages: Iterable[Usage], look: Look = look) -> tuple[Storage, ...]:
    """Return the file systems of the images of these machines; volumes are none.

    An image of a host that is not this one, or that is gone, is left out.
    """
    found: dict[int, Storage] = {}
    for disk in (disk for usage in usages for disk in usage.disks if not disk.is_volume):
        try:
            device, total, free = look(disk.path)
        except (OSError, ValueError):
            continue
        known = found.get(device)
        place = known.place if known else str(Path(disk.path).parent)
        growth = (known.growth if known else 0) + _growth(disk)
        found[device] = Storage(place=place, total=total, free=free, growth=growth)
    return tuple(found.values())


def _growth(disk: Disk) -> int:
    return max(disk.capacity - disk.stored, 0)
