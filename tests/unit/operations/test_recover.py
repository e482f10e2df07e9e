# SPDX-License-Identifier: Apache-2.0
"""recover: what it must not call undone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from debvisor_timers.errors import PartWayError, SystemdError
from debvisor_timers.operations.recover import Recovery, recover
from debvisor_timers.systemd.ports import JobResult
from tests.unit.operations.world import TWO, World

MOVED = TWO.replace("0 2 * * *", "0 3 * * *")


def refused(
    units: Sequence[str], *, wait: bool = True, timeout: timedelta | None = None
) -> dict[str, JobResult]:
    return dict.fromkeys(units, JobResult.FAILED)


def test_nothing_is_undone_while_a_timer_does_not_start_again(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.apply(TWO)
    picture = world.picture()
    world.write(MOVED)
    world.systemd.steps.fail_on("manager.reload", SystemdError("no"))

    with monkeypatch.context() as patch:
        patch.setattr(world.systemd.manager, "start", refused)
        with pytest.raises(PartWayError, match="did not start debvisor-job-nightly"):
            world.apply()

    assert recover(world.host) is Recovery.UNDONE
    assert world.picture() == picture
