# SPDX-License-Identifier: Apache-2.0
"""Readings and usages of machines for tests, and statistics as libvirt 11.3 gives them."""

from __future__ import annotations

from typing import Any

from debvisor_timers.tasks.usage import Disk, GuestMemory, Reading, Usage

GIB = 1024**3
SECOND = 1_000_000_000
NOW = 1_800_000_000.0


def disk(name: str = "vda", **more: Any) -> Disk:
    """Return a disk of 10 GiB, an image in a file that holds 4 of them."""
    usual: dict[str, Any] = {"path": f"/srv/{name}.qcow2", "format": "qcow2", "is_volume": False}
    usual |= {"capacity": 10 * GIB, "stored": 4 * GIB, "size": 4 * GIB}
    return Disk(name=name, **usual | more)


def guest(**more: Any) -> GuestMemory:
    """Return what a guest tells that needs 1 GiB of 4."""
    usual: dict[str, Any] = {
        "total": 4 * GIB,
        "free": 3 * GIB,
        "has_caches": True,
        "told": NOW,
        "swapped": 0,
    }
    return GuestMemory(**usual | more)


def reading(seconds: float = 0.0, **more: Any) -> Reading:
    """Return the counters of a machine with 4 vCPUs and 4 GiB, so many seconds from now."""
    usual: dict[str, Any] = {
        "seconds": NOW + seconds,
        "boot": "b1",
        "up": 1000 + seconds,
        "id": 1,
        "state": "running",
        "vcpus": 4,
        "cpu": 0,
    }
    usual |= {"delay": 0, "memory": 4 * GIB, "resident": 2 * GIB, "guest": guest()}
    usual |= {"disks": (disk(),), "disk_bytes": 0, "net_bytes": 0, "file_systems": ()}
    return Reading(**usual | more)


def usage(name: str = "vm-1", **more: Any) -> Usage:
    """Return a machine with 4 vCPUs, of which it uses 2, and 4 GiB, of which it uses 2."""
    usual: dict[str, Any] = {
        "state": "running",
        "seconds": 60.0,
        "vcpus": 4,
        "memory": 4 * GIB,
        "disks": (disk(),),
    }
    usual |= {"cpu": 2.0, "cpu_peak": 2.2, "waiting": 0.01, "memory_used": 2 * GIB}
    usual |= {"resident": 3 * GIB, "disk_rate": 50_000.0, "net_rate": 20_000.0}
    return Usage(name=name, **usual | more)


RUNNING = {
    "state.state": 1,
    "cpu.time": 6_200_000_000,
    "balloon.current": 65536,
    "balloon.maximum": 131072,
    "balloon.last-update": 0,
    "balloon.rss": 56040,
    "vcpu.current": 2,
    "vcpu.maximum": 3,
    "vcpu.0.delay": 35_101_156,
    "vcpu.1.delay": 12_837_666,
    "net.count": 1,
    "net.0.rx.bytes": 700,
    "net.0.tx.bytes": 300,
    "block.count": 2,
    "block.0.name": "vda",
    "block.0.path": "/srv/burn.qcow2",
    "block.0.rd.bytes": 512,
    "block.0.wr.bytes": 100,
    "block.1.name": "sda",
    "block.1.rd.bytes": 54,
    "block.1.wr.bytes": 0,
}
GUEST = {
    **RUNNING,
    "balloon.current": 524288,
    "balloon.swap_in": 0,
    "balloon.swap_out": 0,
    "balloon.unused": 452168,
    "balloon.available": 475584,
    "balloon.usable": 446600,
    "balloon.last-update": 1795757375,
}
"""With Linux 6.12 and virtio_balloon in the guest."""
OFF = {
    "state.state": 5,
    "cpu.time": 350_000_000,
    "balloon.current": 49152,
    "balloon.maximum": 65536,
    "vcpu.current": 1,
    "vcpu.maximum": 1,
    "block.count": 1,
    "block.0.name": "vda",
}
"""What libvirt 11.3 told of machines in a box, shortened; in KiB where it is of memory."""
