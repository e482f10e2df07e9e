# SPDX-License-Identifier: Apache-2.0
"""cost_analysis: allocation times price, and what of it was not used."""

from __future__ import annotations

from typing import Any

from debvisor_timers.tasks.cost_analysis import Prices, cost_of, report, result
from debvisor_timers.tasks.usage import Unknown
from tests.unit.tasks.readings import GIB, disk, usage

PRICES = Prices(currency="EUR", machine=1, vcpu=5, memory_gib=2.5, disk_gib=0.1, traffic_gib=0.01)
OFF: dict[str, Any] = {
    "state": "shut off",
    "cpu": None,
    "cpu_peak": None,
    "memory_used": None,
    "net_rate": None,
}


def test_a_cost_is_what_was_given_times_its_price() -> None:
    found = cost_of(usage(net_rate=1000.0), PRICES)
    # 1000 bytes a second are 2.628e9 bytes in 730 hours, 2.4475 GiB
    assert {name: round(amount, 4) for name, amount in found.parts.items()} == {
        "machine": 1,
        "vcpu": 20,
        "memory": 10,
        "disk": 1,
        "traffic": 0.0245,
    }
    assert round(found.total, 2) == 32.02


def test_unused_is_what_nothing_was_used_of() -> None:
    found = cost_of(usage(), PRICES)
    assert {name: round(amount, 4) for name, amount in found.unused.items()} == {
        "disk": 0.6,  # 6 of 10 GiB
        "vcpu": 10,  # 2 of 4
        "memory": 5,  # 2 of 4 GiB
    }
    assert found.is_wholly_known


def test_more_than_was_given_is_no_debt() -> None:
    found = cost_of(usage(cpu=4.1, memory_used=5 * GIB, disks=(disk(stored=11 * GIB),)), PRICES)
    assert set(found.unused.values()) == {0}


def test_what_is_not_known_counts_as_used_and_is_marked() -> None:
    found = cost_of(usage(memory_used=None), PRICES)
    assert "memory" not in found.unused
    assert not found.is_wholly_known
    free = Prices(currency="EUR", vcpu=5)
    assert cost_of(usage(memory_used=None), free).is_wholly_known  # where it costs nothing


def test_a_machine_that_is_off_costs_its_disks() -> None:
    found = cost_of(usage(**OFF), PRICES)
    assert found.total == 2
    assert found.is_wholly_known


def test_a_table_for_people() -> None:
    told = (Unknown("memory", "its guest does not tell"), Unknown("file systems", "no agent"))
    costs = [
        cost_of(one, Prices(currency="EUR", vcpu=5, memory_gib=2.5, disk_gib=0.1))
        for one in (usage("db"), usage("old", **OFF), usage("web", memory_used=None, unknown=told))
    ]
    assert report(costs, "EUR") == [
        "MACHINE  STATE    VCPU   MEMORY   DISKS  EUR/MONTH  UNUSED",
        "db       running     4  4.0 GiB  10 GiB      31.00  15.60",
        "old      off         -        -  10 GiB       1.00   0.60",
        "web      running     4  4.0 GiB  10 GiB      31.00  10.60+",
        "all                                          63.00  26.80+",
        "The use of CPU and network was measured for 1 min, and is taken for that of a",
        "  month. Disks count as used as far as their images occupy the host.",
        "+: it may be more, what these use is not known:",
        "  web: memory: its guest does not tell",
    ]


def test_the_result_has_each_machine_and_the_sum() -> None:
    found = result([cost_of(usage("db"), PRICES), cost_of(usage("old", **OFF), PRICES)], "EUR")
    assert (found["currency"], found["unused_is_wholly_known"]) == ("EUR", True)
    assert found["machines"]["old"]["cost_per_month"]["total"] == 2
    assert found["machines"]["db"]["unused_per_month"] == {"disk": 0.6, "vcpu": 10, "memory": 5}
    assert found["machines"]["db"]["outcome"] == "done"
    assert found["unused_per_month"] == 16.2
