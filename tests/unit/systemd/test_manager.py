# SPDX-License-Identifier: Apache-2.0
"""The real Manager where systemd unloads a unit between two calls; all else is in the contract."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from debvisor_timers.errors import SystemdError
from debvisor_timers.systemd.bus import Bus
from debvisor_timers.systemd.manager import SystemdManager

TIMER = "debvisor-job-a.timer"
NO_SUCH_UNIT = "org.freedesktop.systemd1.NoSuchUnit"


@pytest.fixture(params=[NO_SUCH_UNIT, "org.freedesktop.DBus.Error.NoReply"])
def refusal(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def manager(monkeypatch: pytest.MonkeyPatch, refusal: str) -> SystemdManager:
    """A manager whose systemd lists TIMER, and refuses every other call with `refusal`."""

    def call(_bus: Bus, member: str, _signature: str = "", *_arguments: object) -> Any:
        if member == "ListUnitsByPatterns":
            return [[TIMER]]
        raise SystemdError(f"{member}: no", dbus_name=refusal)

    monkeypatch.setattr(Bus, "call", call)
    return SystemdManager(stamps=Path("/nonexistent"))


def test_a_unit_that_is_unloaded_meanwhile_has_no_failure_to_forget(
    manager: SystemdManager, refusal: str
) -> None:
    if refusal == NO_SUCH_UNIT:
        manager.reset_failed(TIMER)
    else:
        with pytest.raises(SystemdError, match="ResetFailedUnit"):
            manager.reset_failed(TIMER)


def test_a_unit_that_is_unloaded_meanwhile_needs_no_stop(
    manager: SystemdManager, refusal: str
) -> None:
    if refusal == NO_SUCH_UNIT:
        assert manager.stop([TIMER], wait=False) == {}
    else:
        with pytest.raises(SystemdError, match="StopUnit"):
            manager.stop([TIMER], wait=False)


def test_a_unit_that_cannot_be_found_cannot_be_started(manager: SystemdManager) -> None:
    with pytest.raises(SystemdError, match="StartUnit"):
        manager.start([TIMER], wait=False)
