# SPDX-License-Identifier: Apache-2.0
"""usage: what machines used between readings, and what of it is not known."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from debvisor_timers.tasks.base import TaskFailed
from debvisor_timers.tasks.columns import paragraph, table
from debvisor_timers.tasks.measuring import (
    Moment,
    Source,
    disks_of,
    file_systems_of,
    interval_of,
    reading_of,
)
from debvisor_timers.tasks.usage import (
    FileSystem,
    GuestMemory,
    Usage,
    document,
    size,
    unknown_of,
    usage_of,
)
from tests.unit.tasks.readings import GIB, GUEST, NOW, OFF, RUNNING, SECOND, disk, guest, reading

AT = Moment(seconds=NOW, boot="b1", up=1000)


def not_known(found: Usage) -> list[str]:
    return [str(each) for each in found.unknown]


def test_use_is_the_growth_of_counters_over_time() -> None:
    found = usage_of(
        "vm-1",
        [
            reading(0, cpu=10 * SECOND, delay=0, disk_bytes=1000, net_bytes=0),
            reading(10, cpu=15 * SECOND, delay=2 * SECOND, disk_bytes=3000, net_bytes=500),
            reading(20, cpu=40 * SECOND, delay=4 * SECOND, disk_bytes=3000, net_bytes=4000),
        ],
    )

    assert found.seconds == 20
    assert (found.cpu, found.cpu_peak) == (1.5, 2.5)
    assert found.waiting == 0.05  # 4 s of 20 s on each of 4 vCPUs
    assert (found.disk_rate, found.net_rate) == (100, 200)
    assert (found.memory_used, found.resident) == (1 * GIB, 2 * GIB)
    assert (found.capacity, found.stored) == (10 * GIB, 4 * GIB)
    assert not_known(found) == []


def test_a_start_between_two_readings_counts_for_nothing() -> None:
    found = usage_of(
        "vm-1",
        [
            reading(0, id=1, cpu=500 * SECOND),
            reading(10, id=2, cpu=1 * SECOND),
            reading(20, id=2, cpu=3 * SECOND),
        ],
    )
    assert (found.seconds, found.cpu, found.cpu_peak) == (10, 0.2, 0.2)
    fell = usage_of("vm-1", [reading(0, net_bytes=7), reading(10, net_bytes=6)])
    assert fell.cpu is None


def test_one_reading_tells_nothing_of_cpu_and_says_so() -> None:
    found = usage_of("vm-1", [reading()])
    assert (found.cpu, found.waiting, found.net_rate, found.seconds) == (None, None, None, 0)
    assert not_known(found) == ["CPU: it was started or stopped while it was measured"]


def test_a_machine_that_is_off_uses_nothing_and_hides_nothing() -> None:
    off = reading(0, id=0, state="shut off", guest=None)
    found = usage_of("vm-1", [off, reading(10, id=0, state="shut off", guest=None)])
    assert found.is_off
    assert (found.cpu, found.memory_used, not_known(found)) == (None, None, [])


def test_without_a_driver_in_the_guest_its_memory_is_not_known() -> None:
    found = usage_of("vm-1", [reading(0, guest=None), reading(10, guest=None)])
    assert found.memory_used is None
    (reason,) = not_known(found)
    assert reason == (
        "memory: its guest does not tell what it uses; it needs the driver virtio_balloon, and the "
        "host: virsh dommemstat NAME --period 10 --live --config"
    )


def test_what_a_guest_told_long_ago_does_not_count() -> None:
    old = guest(told=NOW - 1500)
    found = usage_of("vm-1", [reading(0, guest=old), reading(300, guest=old)])
    assert found.memory_used is None
    assert not_known(found) == ["memory: its guest has told nothing for 30 minutes"]


def test_caches_that_count_as_used_are_said() -> None:
    told = guest(has_caches=False)
    found = usage_of("vm-1", [reading(0, guest=told), reading(1, guest=told)])
    assert found.memory_used == 1 * GIB
    assert not_known(found) == [
        "memory: its guest does not tell its caches, which count as used here",
    ]


def test_a_guest_that_swaps_meanwhile_is_seen() -> None:
    def swapping(first: int, second: int) -> bool:
        one, two = reading(0, guest=guest(swapped=first)), reading(9, guest=guest(swapped=second))
        return usage_of("vm-1", [one, two]).is_swapping

    assert swapping(5, 6)
    assert not swapping(6, 6)


@pytest.mark.parametrize(
    ("about", "filled"),
    [
        ({}, 0.4),  # an image in a file: what it holds of what the guest sees
        ({"stored": 11 * GIB}, 1.0),  # what an image needs besides makes it no fuller
        ({"is_volume": True, "size": 5 * GIB}, 0.8),  # in a volume: where the volume ends
        ({"format": "raw", "size": 10 * GIB}, 0.4),  # with holes
        ({"format": "raw", "stored": 10 * GIB, "size": 10 * GIB}, None),
        ({"capacity": 0}, None),
    ],
)
def test_how_full_a_disk_is(about: dict[str, Any], filled: float | None) -> None:
    assert disk(**about).filled == filled


def test_what_libvirt_tells_of_a_machine_that_runs() -> None:
    source = Source(format="qcow2", is_volume=False, capacity=1049088, stored=331776, size=393216)
    found = reading_of(RUNNING, {"vda": source}, AT, number=7)

    assert (found.id, found.state, found.vcpus) == (7, "running", 2)
    assert (found.cpu, found.delay) == (6_200_000_000, 47_938_822)
    assert (found.memory, found.resident, found.guest) == (65536 * 1024, 56040 * 1024, None)
    assert (found.disk_bytes, found.net_bytes) == (666, 1000)
    (vda,) = found.disks
    assert (vda.name, vda.path, vda.capacity, vda.stored) == (
        *("vda", "/srv/burn.qcow2"),
        *(1049088, 331776),
    )


def test_what_libvirt_tells_of_a_machine_that_is_off() -> None:
    found = reading_of(OFF, {}, AT, number=0)
    assert (found.id, found.state, found.memory, found.delay) == (0, "shut off", 64 * 1024**2, -1)
    assert found.disks == ()


def test_what_a_guest_tells_of_its_memory() -> None:
    told = {"balloon.available": 4000, "balloon.unused": 500, "balloon.last-update": 17}
    told |= {"balloon.swap_in": 1, "balloon.swap_out": 2}

    def read(more: dict[str, int]) -> GuestMemory | None:
        return reading_of(RUNNING | told | more, {}, AT, number=1).guest

    unused = GuestMemory(total=4096000, free=512000, has_caches=False, told=17, swapped=3072)
    assert read({}) == unused
    usable = read({"balloon.usable": 3000})
    assert usable is not None
    assert (usable.free, usable.has_caches) == (3072000, True)


def test_a_linux_guest_with_the_driver_is_known() -> None:
    read = reading_of(GUEST, {}, replace(AT, seconds=1795757376), number=1)
    linux = replace(read, file_systems=())
    found = usage_of("vm-1", [linux, replace(linux, seconds=1795757380.0, up=1004)])
    assert found.memory_used == (475584 - 446600) * 1024
    assert not_known(found) == []


def test_file_systems_are_known_where_an_agent_tells_them() -> None:
    told = {"fs.count": 3, "fs.0.mountpoint": "/", "fs.1.mountpoint": "/proc"}
    told |= {"fs.0.total-bytes": 100, "fs.0.used-bytes": 90, "fs.2.mountpoint": "/x"}
    root = FileSystem(place="/", total=100, used=90)
    assert list(file_systems_of(told)) == [root]
    assert usage_of("a", [reading(0), reading(1, file_systems=(root,))]).file_systems == (root,)

    found = usage_of("a", [reading(0), reading(1, file_systems=None)])
    assert not_known(found) == [
        "file systems: no guest agent tells how full they are (qemu-guest-agent)",
    ]


def test_disks_are_read_off_the_definition_and_drives_are_none() -> None:
    xml = """<domain><devices>
      <disk type='file' device='disk'><driver name='qemu' type='qcow2'/><target dev='vda'/></disk>
      <disk type='block' device='lun'><target dev='sda'/></disk>
      <disk type='file' device='cdrom'><target dev='sdb'/></disk>
      <disk type='network'><driver type='raw'/><target dev='vdb'/></disk>
    </devices></domain>"""
    assert list(disks_of(xml)) == [
        ("vda", "file", "qcow2"),
        ("sda", "block", "raw"),
        ("vdb", "network", "raw"),
    ]


@pytest.mark.parametrize("text", ["0", "infinity", "soon"])
def test_an_interval_is_a_time(text: str) -> None:
    with pytest.raises(TaskFailed, match="interval: ") as failed:
        interval_of({"interval": text})
    assert failed.value.exit_status == 65
    assert interval_of({"interval": "1min 30s"}).total_seconds() == 90
    assert interval_of({"interval": 5}).total_seconds() == 5


@pytest.mark.parametrize(
    ("amount", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (1536 * 1024**2, "1.5 GiB"),
        (20 * GIB, "20 GiB"),
        (1023.7 * GIB, "1.0 TiB"),
        (5000 * 1024 * GIB, "5000 TiB"),
    ],
)
def test_amounts_for_people(amount: float, text: str) -> None:
    assert size(amount) == text


def test_a_usage_as_json_has_nothing_for_what_is_not_known() -> None:
    found = document(usage_of("vm-1", [reading(guest=None)]))
    assert (found["cpu_vcpus"], found["memory_used_bytes"]) == (None, None)
    assert found["disks"] == [
        {
            "name": "vda",
            "path": "/srv/vda.qcow2",
            "capacity_bytes": 10 * GIB,
            "stored_bytes": 4 * GIB,
            "filled_percent": 40.0,
        }
    ]


def test_a_table_fits_in_80_columns_whatever_names_there_are() -> None:
    lines = table(("MACHINE", "A", "B"), [("x" * 100, "1", "22"), ("y", "333", "4")])
    assert lines[0] == f"{'MACHINE':71}    A   B"
    assert lines[1] == f"{'x' * 68}...    1  22"
    assert {len(line) for line in lines} == {80}
    assert max(map(len, paragraph("word " * 100))) <= 80
    assert paragraph("a" * 70 + " b c d e f g", indent="  ") == [
        f"  {'a' * 70} b c d e",
        "    f g",
    ]


def test_a_reason_is_said_once_for_all_machines() -> None:
    found = [usage_of(name, [reading(0, guest=None), reading(1, guest=None)]) for name in "ab"]
    (line,) = unknown_of(found)
    assert line.startswith("a, b: memory: its guest does not tell what it uses;")
