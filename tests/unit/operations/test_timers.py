# SPDX-License-Identifier: Apache-2.0
"""Which timers an apply stops and starts."""

from __future__ import annotations

import pytest

from debvisor_timers.errors import SystemdError
from debvisor_timers.layout import TARGET
from tests.unit.operations.world import NIGHTLY, TWO, World

TIMER = "debvisor-job-nightly.timer"
LINK = f"{TARGET}.wants/{TIMER}"


def test_a_timer_that_runs_without_its_link_survives_an_undo(world: World) -> None:
    """`systemctl disable` without --now leaves it so."""
    world.apply(NIGHTLY)
    world.systemd.units.write({LINK: None})
    world.write(TWO)
    world.systemd.steps.fail_on("manager.reload", SystemdError("no"))

    with pytest.raises(SystemdError, match="undone"):
        world.apply()

    assert world.running() == {TIMER}
