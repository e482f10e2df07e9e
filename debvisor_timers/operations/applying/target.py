# SPDX-License-Identifier: Apache-2.0
"""The target that holds every timer, and so the emergency brake."""

from __future__ import annotations

from enum import StrEnum

from debvisor_timers.layout import TARGET
from debvisor_timers.operations.host import Host
from debvisor_timers.systemd.ports import ActiveState


class TargetState(StrEnum):
    """Whether timers may be started: STOPPED is the emergency brake, STARTING a boot."""

    RUNNING = "running"
    STARTING = "starting"
    STOPPED = "stopped"


def target_state(host: Host) -> TargetState:
    """Return the state of debvisor-timers.target at this moment."""
    for unit in host.manager.units(TARGET):
        if unit.active_state is ActiveState.ACTIVE and unit.job != "stop":
            return TargetState.RUNNING
        if unit.job == "start":
            return TargetState.STARTING
    return TargetState.STOPPED
