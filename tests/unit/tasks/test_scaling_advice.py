# SPDX-License-Identifier: Apache-2.0
"""scaling_advice: what is said of a machine, by what it was given and what it used."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from debvisor_timers.jobs.load import load_files
from debvisor_timers.jobs.task_files import load_task_types
from debvisor_timers.tasks.measuring import Measured
from debvisor_timers.tasks.scaling_advice import Thresholds, advice_for, host_document, report
from debvisor_timers.tasks.usage import FileSystem, Unknown
from tests.unit.tasks.readings import GIB, disk, usage

MIB = 1024**2


def usual() -> dict[str, Any]:
    known = load_task_types(Path("/nowhere")).get("scaling_advice")
    assert known is not None
    return known.complete({})


LIMITS = Thresholds(**usual()["thresholds"])


def said(**about: Any) -> list[tuple[str, int | None]]:
    return [(one.kind, one.suggested) for one in advice_for(usage(**about), LIMITS)]


def test_nothing_is_said_where_all_is_well() -> None:
    assert said() == []


@pytest.mark.parametrize(
    ("cpu", "peak", "advice"),
    [
        (0.3, 0.5, [("cpu_less", 1)]),  # half a vCPU is 60% of one
        (0.3, 1.3, [("cpu_less", 3)]),  # by the peak, not by the mean
        (0.3, 2.0, []),  # 2 at most are 60% of 4
        (0.8, 0.9, []),  # 20% of 4
        (3.2, 3.2, [("cpu_more", 6)]),
        (3.9, 4.0, [("cpu_more", 7)]),
        (None, None, []),
    ],
)
def test_vcpus_by_the_most_that_was_used(
    cpu: float | None, peak: float | None, advice: list[tuple[str, int]]
) -> None:
    assert said(cpu=cpu, cpu_peak=peak) == advice


@pytest.mark.parametrize(
    ("used", "advice"),
    [
        (1 * GIB, [("memory_less", 1536 * MIB)]),  # 1 GiB is 75% of 1365 MiB, in steps of 256
        (1638 * MIB, [("memory_less", 2304 * MIB)]),
        (1640 * MIB, []),
        (3686 * MIB, []),
        (3687 * MIB, [("memory_more", 5120 * MIB)]),
        (None, []),
    ],
)
def test_memory_by_what_the_guest_tells(used: int | None, advice: list[tuple[str, int]]) -> None:
    assert said(memory_used=used) == advice


def test_a_guest_that_swaps_wants_more_memory_however_little_it_uses() -> None:
    assert said(is_swapping=True) == [("memory_more", 4352 * MIB)]


def test_a_host_that_is_too_busy_is_no_reason_for_more_vcpus() -> None:
    assert said(waiting=0.1) == [("cpu_waiting", None)]
    assert said(waiting=0.09) == []


def test_a_machine_that_does_nothing_or_is_off_is_asked_about() -> None:
    idle = {"cpu": 0.01, "cpu_peak": 0.039, "disk_rate": 500.0, "net_rate": 500.0}
    assert said(**idle) == [("idle", None)]
    assert said(**idle | {"net_rate": 600.0}) == [("cpu_less", 1)]
    assert said(state="shut off", cpu=None, cpu_peak=None, memory_used=None) == [("off", None)]
    assert said(state="shut off", disks=()) == []


def test_a_disk_is_nearly_full_by_its_image_or_by_its_volume() -> None:
    full = disk(stored=9 * GIB)
    volume = disk("vdb", is_volume=True, path="/dev/vg/b", size=4 * GIB, stored=3584 * MIB)
    whole = disk("vdc", format="raw", stored=10 * GIB, size=10 * GIB)
    first, second = advice_for(usage(disks=(full, volume, whole)), LIMITS)
    assert first.text == (
        "the image of disk vda holds 90% of the 10 GiB that its guest sees: look at its file "
        "systems; what the guest has deleted counts until it trims (discard='unmap')"
    )
    assert second.text == (
        "the volume of disk vdb (/dev/vg/b, 4.0 GiB) is written up to 88%: extend it, the machine "
        "stops when it is full"
    )


def test_a_file_system_that_is_nearly_full_is_told_by_its_place() -> None:
    systems = (
        FileSystem(place="/", total=8 * GIB, used=7 * GIB),
        FileSystem(place="/var", total=8 * GIB, used=6 * GIB),
    )
    (advice,) = advice_for(usage(file_systems=systems), LIMITS)
    assert (advice.kind, advice.text) == (
        "file_system_full",
        "/ in its guest is 88% full, of 8.0 GiB",
    )


def test_thresholds_are_the_administrators() -> None:
    limits = replace(LIMITS, cpu_low=5, disk_high=30)
    found = advice_for(usage(cpu=0.3, cpu_peak=0.5), limits)
    assert [one.kind for one in found] == ["disk_full"]


def test_a_report_for_people() -> None:
    unknown = (Unknown("memory", "its guest does not tell what it uses"),)
    machines = (
        usage("db", cpu=0.4, cpu_peak=0.6),
        usage("old", state="shut off", cpu=None, cpu_peak=None, memory_used=None),
        usage("web", memory_used=None, unknown=unknown),
    )
    host = host_document(Measured(usages=machines, cpus=4, memory=16 * GIB))
    advice = {one.name: advice_for(one, LIMITS) for one in machines}

    assert host["vcpus_per_cpu"] == 2
    assert report(machines, advice, host) == [
        "MACHINE  STATE    VCPU  CPU  PEAK   MEMORY     USED   DISKS   STORED",
        "db       running     4  10%   15%  4.0 GiB  2.0 GiB  10 GiB  4.0 GiB",
        "old      off         4    -     -  4.0 GiB        -  10 GiB  4.0 GiB",
        "web      running     4  50%   55%  4.0 GiB        -  10 GiB  4.0 GiB",
        "8 vCPUs on 4 processors, 8.0 GiB of 16 GiB memory (50%)",
        "measured for 1 min",
        "Advice:",
        "  db: 10% of 4 vCPUs are used, 15% at most: 1 would do",
        "  old: it is shut off and keeps 4.0 GiB of disks: is it still needed?",
        "Not known, so nothing is said of it:",
        "  web: memory: its guest does not tell what it uses",
    ]


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ("thresholds: {cpu_lo: 5}", "did you mean 'cpu_low'?"),
        ("thresholds: {disk_high: 101}", "101 is greater than the maximum of 100"),
        ("interval: soon", "'soon' does not fit the pattern"),
        ("interval: 0", "0 is less than the minimum of 1"),
        ("samples: 1", "1 is less than the minimum of 2"),
    ],
)
def test_wrong_parameters_are_told_where_they_stand(tmp_path: Path, config: str, told: str) -> None:
    path = tmp_path / "jobs.yaml"
    path.write_text(
        "jobs:\n  a:\n    schedule: '@daily'\n    task:\n      type: scaling_advice\n"
        f"      config:\n        {config}\n",
        encoding="utf-8",
    )
    (problem,) = load_files([path]).problems
    assert told in problem.message
    assert problem.span is not None
    assert problem.span.line == 7
