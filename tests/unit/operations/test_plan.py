# SPDX-License-Identifier: Apache-2.0
"""plan: what counts as a difference."""

from __future__ import annotations

from debvisor_timers.layout import TARGET
from debvisor_timers.operations.plan import make_plan
from debvisor_timers.systemd.ports import LinkEntry
from tests.unit.operations.world import NIGHTLY, World

TIMER = "debvisor-job-nightly.timer"
LINK = f"{TARGET}.wants/{TIMER}"


def test_a_link_as_systemctl_enable_writes_it_is_no_difference(world: World) -> None:
    world.apply(NIGHTLY)

    world.systemd.units.write({LINK: LinkEntry(f"/etc/systemd/system/{TIMER}")})

    assert make_plan(world.host).is_empty


def test_a_link_to_something_else_is_a_difference(world: World) -> None:
    world.apply(NIGHTLY)

    world.systemd.units.write({LINK: LinkEntry("/dev/null")})

    assert not make_plan(world.host).is_empty
