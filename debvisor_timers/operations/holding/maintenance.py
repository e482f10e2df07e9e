# SPDX-License-Identifier: Apache-2.0
"""maintenance: no schedule and no boot starts a job of this host while it is on."""

from __future__ import annotations

from dataclasses import dataclass, replace

from debvisor_timers.history.caller import Caller
from debvisor_timers.operations.holding.arming import miss_elapses
from debvisor_timers.operations.holding.keeping import remove_marks, write_marks
from debvisor_timers.operations.holding.marks import Mark, maintenance
from debvisor_timers.operations.holding.pause import LOCK_WAIT, Wish
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.lock import exclusive
from debvisor_timers.operations.owned import owned_by_job
from debvisor_timers.operations.runs.running import running_jobs


@dataclass(frozen=True, slots=True, kw_only=True)
class MaintenanceOn:
    """The maintenance that is on now, and the one before, None where none was.

    running: jobs of which a run is under way, and goes on.
    """

    mark: Mark
    before: Mark | None
    running: tuple[str, ...] = ()


def begin_maintenance(host: Host, wish: Wish, caller: Caller) -> MaintenanceOn:
    """Begin maintenance, or give the one that is on another end and reason.

    Raises UsageError, LockedError, PermissionRefusedError, SystemdError.
    """
    with exclusive(host.layout.runtime, purpose="debvisor-timers maintenance", wait=LOCK_WAIT):
        now = host.clock.now()
        mark, before = wish.mark(now, caller), maintenance(host.layout, now)
        if before is not None:
            mark = replace(mark, since=before.since or now)
        write_marks(host.layout.state, {host.layout.maintenance.name: mark.to_json()})
    running = running_jobs(host.manager.units("debvisor-job-*.service"))
    return MaintenanceOn(mark=mark, before=before, running=tuple(sorted(running)))


def end_maintenance(host: Host) -> Mark | None:
    """End maintenance, and return what it was, None where none was on; nothing starts by that.

    Raises LockedError, PermissionRefusedError, SystemdError.
    """
    with exclusive(host.layout.runtime, purpose="debvisor-timers maintenance", wait=LOCK_WAIT):
        before = maintenance(host.layout, host.clock.now())
        release_maintenance(host)
    return before


def release_maintenance(host: Host) -> None:
    """Take the mark of maintenance away, if there is one, so that nothing starts by that."""
    if not host.layout.maintenance.exists():
        return
    miss_elapses(host, owned_by_job(host.units.read()))
    remove_marks(host.layout.state, [host.layout.maintenance.name])
