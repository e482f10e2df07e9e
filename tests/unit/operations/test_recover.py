# SPDX-License-Identifier: Apache-2.0
"""recover: what it must not call undone."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import pytest

from debvisor_timers.errors import PartWayError, SystemdError
from debvisor_timers.operations.applying.recover import Recovery, recover
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


BOOT = "jobs:\n  ceph:\n    triggers: [{boot: 5min}]\n    command: [/bin/true]\n"
BOOT_TIMER = "debvisor-boot-ceph.timer"


@pytest.mark.parametrize(("minutes", "runs", "waits"), [(1, 0, True), (6, 1, False)])
def test_an_undo_starts_a_boot_trigger_only_while_it_is_to_come(
    world: World, minutes: int, runs: int, waits: bool
) -> None:
    """One that has passed would fire at once."""
    world.apply(BOOT)
    world.systemd.reboot()
    world.systemd.advance(timedelta(minutes=minutes))
    assert len(world.ran()) == runs
    world.write(BOOT.replace("5min", "10min"))
    world.systemd.steps.fail_on("manager.reload", SystemdError("no"))

    with pytest.raises(SystemdError, match="undone"):
        world.apply()

    assert len(world.ran()) == runs
    assert (BOOT_TIMER in world.running()) is waits
    world.systemd.advance(timedelta(minutes=5))
    assert len(world.ran()) == 1
