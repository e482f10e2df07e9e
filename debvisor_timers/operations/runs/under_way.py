# SPDX-License-Identifier: Apache-2.0
"""The runs that are under way: what `begin` noted of them, where systemd says the same."""

from __future__ import annotations

from dataclasses import replace

from debvisor_timers.history.under_way import UnderWay, read_under_way
from debvisor_timers.operations.host import Host
from debvisor_timers.render.names import service_unit
from debvisor_timers.systemd.ports import UnitState

_BETWEEN = {"auto-restart", "auto-restart-queued"}


def under_way(host: Host, job_id: str) -> UnderWay | None:
    """Return the run of the job that is under way; None without one, or when nobody noted it.

    A note that is left of another run is none: the power may have been cut, or `end` be broken.
    """
    noted = read_under_way(host.layout.runs, job_id)
    if noted is None:
        return None
    service = host.manager.service(service_unit(job_id))
    # Another attempt is systemd's before `begin` notes it.
    is_next = noted.retry_at is not None and service.restarts > 0
    if noted.invocation_id != service.invocation_id and not is_next:
        return None
    if noted.retry_at and not noted.waiting:
        words = f"for attempt {noted.attempt + 1} of {noted.max_attempts}"
        return replace(noted, waiting=words)
    return noted


def is_between_attempts(unit: UnitState) -> bool:
    """Return True while systemd waits before it starts the next attempt."""
    return unit.sub_state in _BETWEEN
