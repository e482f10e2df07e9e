# SPDX-License-Identifier: Apache-2.0
"""The task cost_analysis: what machines cost a month, and how much of it is unused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any, Final

from debvisor_timers.tasks.columns import paragraph, table
from debvisor_timers.tasks.measuring import measured
from debvisor_timers.tasks.usage import Usage, document, size, unknown_of
from debvisor_timers.tasks.usage_history import coverage

GIB: Final = 1024**3
MONTH_SECONDS: Final = 730 * 3600
"""A twelfth of a year of 365 days."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Prices:
    """What a month costs, of each; traffic of each GiB. currency: how it is written."""

    currency: str
    machine: float = 0
    vcpu: float = 0
    memory_gib: float = 0
    disk_gib: float = 0
    traffic_gib: float = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Cost:
    """What a machine costs a month, in the currency of its prices.

    parts: by name, what is paid for. unused: by name, how much of that was not used; a part whose
    use is not known is absent.
    """

    usage: Usage
    parts: Mapping[str, float]
    unused: Mapping[str, float] = field(default_factory=dict)

    @property
    def total(self) -> float:
        """Return the sum of all parts."""
        return sum(self.parts.values())

    @property
    def is_wholly_known(self) -> bool:
        """Return whether the use of each part that costs something is known."""
        return all(name in self.unused for name in MEASURED if self.parts[name])


MEASURED: Final = ("vcpu", "memory", "disk")
"""The parts that can be unused."""


def cost_of(usage: Usage, prices: Prices) -> Cost:
    """Return what a machine costs. One that is off has disks, and no processor or memory."""
    gibs = usage.capacity / GIB
    parts = {"machine": prices.machine, "vcpu": 0.0, "memory": 0.0, "disk": gibs * prices.disk_gib}
    unused = {"disk": (gibs - min(usage.stored / GIB, gibs)) * prices.disk_gib}
    parts["traffic"] = (usage.net_rate or 0.0) * MONTH_SECONDS / GIB * prices.traffic_gib
    if usage.is_off:
        return Cost(usage=usage, parts=parts, unused=unused)
    parts["vcpu"] = usage.vcpus * prices.vcpu
    parts["memory"] = usage.memory / GIB * prices.memory_gib
    if usage.cpu is not None:
        unused["vcpu"] = max(usage.vcpus - usage.cpu, 0.0) * prices.vcpu
    if usage.memory_used is not None:
        unused["memory"] = max(usage.memory - usage.memory_used, 0) / GIB * prices.memory_gib
    return Cost(usage=usage, parts=parts, unused=unused)


def report(costs: Sequence[Cost], currency: str, window: timedelta = timedelta()) -> list[str]:
    """Return the table and what it does not tell, for people. window: how far back was looked."""
    heads = ("MACHINE", "STATE", "VCPU", "MEMORY", "DISKS", f"{currency}/MONTH", "UNUSED")
    total = sum(cost.total for cost in costs)
    unused = sum(sum(cost.unused.values()) for cost in costs)
    is_known = all(cost.is_wholly_known for cost in costs)
    rows = [_row(cost) for cost in costs]
    rows.append(("all", "", "", "", "", f"{total:.2f}", _unused(unused, is_known=is_known)))
    return [*table(heads, rows, texts=2), *_remarks(costs, window, is_known=is_known)]


def _row(cost: Cost) -> tuple[str, ...]:
    usage = cost.usage
    return (
        usage.name,
        usage.state_word,
        "-" if usage.is_off else str(usage.vcpus),
        "-" if usage.is_off else size(usage.memory),
        size(usage.capacity),
        f"{cost.total:.2f}",
        _unused(sum(cost.unused.values()), is_known=cost.is_wholly_known),
    )


def _unused(amount: float, *, is_known: bool) -> str:
    """Return an amount; a plus behind it says that it may be more."""
    return f"{amount:.2f}{' ' if is_known else '+'}"


def _remarks(costs: Sequence[Cost], window: timedelta, *, is_known: bool) -> Iterator[str]:
    if measured_for := coverage([cost.usage for cost in costs], window):
        yield from paragraph(
            f"The use of CPU and network was measured {measured_for}, and is taken for that "
            "of a month. Disks count as used as far as their images occupy the host."
        )
    if not is_known:
        yield from paragraph("+: it may be more, what these use is not known:")
        unsure = [cost.usage for cost in costs if not cost.is_wholly_known]
        for text in unknown_of(unsure, "CPU", "memory"):
            yield from paragraph(text, indent="  ")


def result(costs: Sequence[Cost], currency: str) -> dict[str, Any]:
    """Return the result of the task: a cost for each machine, and the sum."""
    machines = {
        cost.usage.name: document(cost.usage)
        | {
            "cost_per_month": _money(cost.parts) | {"total": round(cost.total, 2)},
            "unused_per_month": _money(cost.unused),
            "unused_is_wholly_known": cost.is_wholly_known,
        }
        for cost in costs
    }
    return {
        "currency": currency,
        "cost_per_month": round(sum(cost.total for cost in costs), 2),
        "unused_per_month": round(sum(sum(cost.unused.values()) for cost in costs), 2),
        "unused_is_wholly_known": all(cost.is_wholly_known for cost in costs),
        "machines": machines,
    }


def _money(parts: Mapping[str, float]) -> dict[str, float]:
    return {name: round(amount, 2) for name, amount in parts.items()}


def cost_analysis(config: Mapping[str, Any]) -> dict[str, Any]:
    """Measure the machines that `config` selects, print what they cost, and return it."""
    prices = Prices(currency=config["currency"], **config["prices"])
    found = measured(config, samples=2)
    costs = [cost_of(usage, prices) for usage in found.usages]
    print("\n".join(report(costs, prices.currency, found.window)), flush=True)
    return {"window_seconds": found.window.total_seconds(), **result(costs, prices.currency)}
