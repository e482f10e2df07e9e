# SPDX-License-Identifier: Apache-2.0
"""Timers that are in no file: they fire once, whatever is reloaded, and leave nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from debvisor_timers.errors import SystemdError
from debvisor_timers.systemd.ports import ActiveState, UnitState
from tests.contract.rig import Rig, error_name

SERVICE = "contract-undo.service"
TIMER = "contract-undo.timer"
SOON = timedelta(seconds=1)


def start(rig: Rig, after: timedelta) -> None:
    rig.manager.start_once(SERVICE, after=after, description="Undo it")


def prepare(rig: Rig, takes: float = 0) -> None:
    rig.write(undo_service=rig.service(SERVICE, takes=takes))


def test_it_waits_and_starts_its_service_once_and_is_gone(rig: Rig) -> None:
    prepare(rig)
    begun = rig.clock.now()
    start(rig, SOON)

    assert rig.manager.units(TIMER) == [
        UnitState(
            name=TIMER, load_state="loaded", active_state=ActiveState.ACTIVE, sub_state="waiting"
        )
    ]
    assert rig.starts(SERVICE) == 0
    rig.wait_for(lambda: rig.starts(SERVICE) == 1, "it has fired")
    assert begun + SOON <= rig.clock.now() < begun + 2 * SOON
    rig.wait_for(lambda: rig.manager.units(TIMER) == [], "the timer is gone")
    assert rig.starts(SERVICE) == 1


def test_a_reload_does_not_put_it_off(rig: Rig) -> None:
    prepare(rig)
    begun = rig.clock.now()
    start(rig, 2 * SOON)
    rig.let_pass(SOON)
    rig.manager.reload()

    rig.wait_for(lambda: rig.starts(SERVICE) == 1, "it has fired")

    assert rig.clock.now() < begun + 3 * SOON


def test_stopped_it_is_gone_and_can_be_made_again(rig: Rig) -> None:
    prepare(rig)
    start(rig, timedelta(hours=1))

    rig.manager.stop([TIMER])

    assert rig.manager.units(TIMER) == []
    start(rig, timedelta(hours=2))
    due = rig.manager.timer(TIMER).next_elapse
    assert due is not None
    assert -SOON < due - (rig.clock.now() + timedelta(hours=2)) < SOON


def test_there_is_one_at_a_time(rig: Rig) -> None:
    prepare(rig)
    start(rig, timedelta(hours=1))

    with pytest.raises(SystemdError) as error:
        start(rig, timedelta(hours=1))

    assert error_name(error.value) == "UnitExists"


def test_without_its_service_there_is_none(rig: Rig) -> None:
    with pytest.raises(SystemdError) as error:
        start(rig, timedelta(hours=1))

    assert error_name(error.value) == "NoSuchUnit"
    assert rig.manager.units(TIMER) == []
