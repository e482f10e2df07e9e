# SPDX-License-Identifier: Apache-2.0
"""Which jobs run right now, as systemd says."""

from __future__ import annotations

from collections.abc import Iterable

from debvisor_timers.operations.host import Host
from debvisor_timers.render.names import job_of, service_unit
from debvisor_timers.systemd.ports import ActiveState, UnitState

_BUSY = {ActiveState.ACTIVATING, ActiveState.ACTIVE, ActiveState.DEACTIVATING}


def running_job(unit: UnitState) -> str | None:
    """Return the job whose service `unit` is, if it runs, waits, or is between two attempts."""
    is_busy = unit.name.endswith(".service") and unit.active_state in _BUSY
    return job_of(unit.name) if is_busy else None


def running_jobs(units: Iterable[UnitState]) -> set[str]:
    """Return the jobs whose service runs: also those that were removed meanwhile."""
    return {job_id for unit in units if (job_id := running_job(unit)) is not None}


def is_running(host: Host, job_id: str) -> bool:
    """Return True while a run of the job is under way."""
    return bool(running_jobs(host.manager.units(service_unit(job_id))))
