# SPDX-License-Identifier: Apache-2.0
"""The task scaling_advice: which machines have more than they use, and which have too little."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import timedelta
from typing import Any, Final

from debvisor_timers.tasks.columns import paragraph, table
from debvisor_timers.tasks.measuring import Measured, measured
from debvisor_timers.tasks.storage import Storage, storage_of
from debvisor_timers.tasks.usage import Usage, document, percent, size, unknown_of
from debvisor_timers.tasks.usage_history import coverage, span

MIB: Final = 1024**2
STEP: Final = 256 * MIB
"""Memory is recommended in such steps."""
QUIET_BYTES: Final = 1024
"""How many bytes a second, of disks and network, a machine may move that does nothing."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Thresholds:
    """When something is said, in percent.

    cpu_target, memory_target: what a machine of the recommended size would use.
    """

    cpu_low: float
    cpu_high: float
    cpu_target: float
    cpu_waiting: float
    memory_low: float
    memory_high: float
    memory_target: float
    disk_high: float
    idle: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Advice:
    """What to do with a machine. kind: a word for programs. suggested: vCPUs, or bytes."""

    kind: str
    text: str
    suggested: int | None = None


def advice_for(usage: Usage, limits: Thresholds) -> list[Advice]:
    """Return what to do with a machine, by what is known of it; nothing where all is well."""
    found = [*_disks(usage, limits)]
    if usage.is_off:
        return [*_off(usage), *found]
    if idle := list(_idle(usage, limits)):
        return [*idle, *_memory(usage, limits), *found]
    return [*_cpu(usage, limits), *_waiting(usage, limits), *_memory(usage, limits), *found]


def _off(usage: Usage) -> Iterator[Advice]:
    if usage.disks:
        text = f"it is {usage.state} and keeps {size(usage.stored)} of disks: is it still needed?"
        yield Advice(kind="off", text=text)


def _idle(usage: Usage, limits: Thresholds) -> Iterator[Advice]:
    rates = (usage.cpu_peak, usage.disk_rate, usage.net_rate)
    if usage.cpu_peak is None or usage.vcpus < 1 or None in rates:
        return
    moved = (usage.disk_rate or 0.0) + (usage.net_rate or 0.0)
    if usage.cpu_peak / usage.vcpus * 100 < limits.idle and moved < QUIET_BYTES:
        text = f"it did nothing for {span(usage.seconds)} ({usage.state}): is it still needed?"
        yield Advice(kind="idle", text=text)


def _cpu(usage: Usage, limits: Thresholds) -> Iterator[Advice]:
    """Yield that a machine should have other processors, by the most that it used of them."""
    if usage.cpu is None or usage.cpu_peak is None or usage.vcpus < 1:
        return
    mean, peak = usage.cpu / usage.vcpus, usage.cpu_peak / usage.vcpus
    wanted = max(math.ceil(usage.cpu_peak / limits.cpu_target * 100 - 1e-9), 1)
    used = f"{percent(mean)} of {usage.vcpus} vCPUs are used, {percent(peak)} at most"
    if mean * 100 >= limits.cpu_high:
        wanted = max(wanted, usage.vcpus + 1)
        yield Advice(kind="cpu_more", text=f"{used}: give it {wanted}", suggested=wanted)
    elif mean * 100 < limits.cpu_low and wanted < usage.vcpus:
        yield Advice(kind="cpu_less", text=f"{used}: {wanted} would do", suggested=wanted)


def _waiting(usage: Usage, limits: Thresholds) -> Iterator[Advice]:
    if usage.waiting is not None and usage.waiting * 100 >= limits.cpu_waiting:
        text = (
            f"its vCPUs waited {percent(usage.waiting)} of the time for a processor of the host: "
            "the host is too busy, more vCPUs would make it worse"
        )
        yield Advice(kind="cpu_waiting", text=text)


def _memory(usage: Usage, limits: Thresholds) -> Iterator[Advice]:
    if usage.memory_used is None or not usage.memory:
        return
    share = usage.memory_used / usage.memory
    wanted = math.ceil(usage.memory_used / limits.memory_target * 100 / STEP) * STEP
    used = f"{percent(share)} of {size(usage.memory)} memory is used"
    if share * 100 >= limits.memory_high or usage.is_swapping:
        swaps = ", and its guest swaps" if usage.is_swapping else ""
        wanted = max(wanted, (usage.memory // STEP + 1) * STEP)
        text = f"{used}{swaps}: give it {size(wanted)}"
        yield Advice(kind="memory_more", text=text, suggested=wanted)
    elif share * 100 < limits.memory_low and wanted < usage.memory:
        text = f"{used}: {size(wanted)} would do"
        yield Advice(kind="memory_less", text=text, suggested=wanted)


def _disks(usage: Usage, limits: Thresholds) -> Iterator[Advice]:
    for one in usage.file_systems:
        if one.filled * 100 >= limits.disk_high:
            text = f"{one.place} in its guest is {percent(one.filled)} full, of {size(one.total)}"
            yield Advice(kind="file_system_full", text=text)
    for disk in usage.disks:
        if disk.filled is None or disk.filled * 100 < limits.disk_high:
            continue
        if disk.is_volume and disk.format != "raw":
            text = (
                f"the volume of disk {disk.name} ({disk.path}, {size(disk.size)}) is written up to "
                f"{percent(disk.filled)}: extend it, the machine stops when it is full"
            )
        else:
            text = (
                f"the image of disk {disk.name} holds {percent(disk.filled)} of the "
                f"{size(disk.capacity)} that its guest sees: look at its file systems; what the "
                "guest has deleted counts until it trims (discard='unmap')"
            )
        yield Advice(kind="disk_full", text=text)


def host_document(host: Measured) -> dict[str, Any]:
    """Return what all running machines of those that were measured were given of the host."""
    running = [usage for usage in host.usages if not usage.is_off]
    vcpus, memory = sum(each.vcpus for each in running), sum(each.memory for each in running)
    storage = storage_of(host.usages)
    return {
        "cpus": host.cpus,
        "memory_bytes": host.memory,
        "vcpus": vcpus,
        "vcpus_per_cpu": round(vcpus / host.cpus, 2),
        "machines_memory_bytes": memory,
        "memory_percent": round(memory / host.memory * 100, 1),
        "storage": [asdict(each) for each in storage],
        "advice": [asdict(each) for each in host_advice(storage)],
    }


def host_advice(storage: Sequence[Storage]) -> Iterator[Advice]:
    """Yield where images may outgrow their file system."""
    for each in storage:
        if each.is_short:
            text = (
                f"the images in {each.place} may grow by {size(each.growth)}, and {size(each.free)}"
                " are free there: machines stop when it is full"
            )
            yield Advice(kind="storage_short", text=text)


def report(
    usages: Sequence[Usage],
    advice: Mapping[str, Sequence[Advice]],
    host: Mapping[str, Any],
    window: timedelta = timedelta(),
) -> list[str]:
    """Return the table, the advice and what is not known, for people.

    window: how far back was looked.
    """
    heads = ("MACHINE", "STATE", "VCPU", "CPU", "PEAK", "MEMORY", "USED", "DISKS", "STORED")
    lines = table(heads, [_row(usage) for usage in usages], texts=2)
    lines += paragraph(
        f"{host['vcpus']} vCPUs on {host['cpus']} processors, {size(host['machines_memory_bytes'])}"
        f" of {size(host['memory_bytes'])} memory ({host['memory_percent']:.0f}%)"
    )
    said = [("this host", each["text"]) for each in host["advice"]]
    said += [(name, each.text) for name, several in advice.items() for each in several]
    if measured_for := coverage(usages, window):
        lines += paragraph(f"measured {measured_for}")
    lines += ["Advice:" if said else "No advice."]
    for name, text in said:
        lines += paragraph(f"{name}: {text}", indent="  ")
    unknown = unknown_of(usages)
    lines += ["Not known, so nothing is said of it:"] if unknown else []
    for text in unknown:
        lines += paragraph(text, indent="  ")
    return lines


def _row(usage: Usage) -> tuple[str, ...]:
    vcpus = max(usage.vcpus, 1)
    return (
        usage.name,
        usage.state_word,
        str(usage.vcpus),
        percent(None if usage.cpu is None else usage.cpu / vcpus),
        percent(None if usage.cpu_peak is None else usage.cpu_peak / vcpus),
        size(usage.memory),
        "-" if usage.memory_used is None else size(usage.memory_used),
        size(usage.capacity),
        size(usage.stored),
    )


def scaling_advice(config: Mapping[str, Any]) -> dict[str, Any]:
    """Measure the machines that `config` selects, print advice about them, and return it."""
    limits = Thresholds(**config["thresholds"])
    found = measured(config, samples=config["samples"])
    advice = {usage.name: advice_for(usage, limits) for usage in found.usages}
    host = host_document(found)
    print("\n".join(report(found.usages, advice, host, found.window)), flush=True)
    machines = {
        usage.name: document(usage) | {"advice": [asdict(each) for each in advice[usage.name]]}
        for usage in found.usages
    }
    count = sum(map(len, [host["advice"], *advice.values()]))
    window = found.window.total_seconds()
    return {"window_seconds": window, "host": host, "advice": count, "machines": machines}
