# SPDX-License-Identifier: Apache-2.0
"""Marks that are of no use any more: of jobs that are gone, and such as are over."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from debvisor_timers.errors import LockedError
from debvisor_timers.operations.holding.arming import miss_elapses
from debvisor_timers.operations.holding.keeping import remove_marks
from debvisor_timers.operations.holding.maintenance import release_maintenance
from debvisor_timers.operations.holding.marks import maintenance, names, pause
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.lock import exclusive


def drop_marks(host: Host, jobs: Collection[str]) -> None:
    """Remove the marks of `jobs`, which are gone: a new one of such an id is not held back.

    Nor is its first failure taken for one of a row that was told.
    """
    layout = host.layout
    for folder in layout.paused, layout.skip_next, layout.backfills, layout.notified:
        remove_marks(folder, [name for name in names(folder) if name in jobs])


def tidy_marks(host: Host) -> tuple[str, ...]:
    """Remove pauses and maintenance that are over; return the ids of the jobs.

    `begin` takes no notice of them any more. While somebody else changes jobs, nothing is done: the
    next time is soon.
    """
    layout, now = host.layout, host.clock.now()
    over = [
        name
        for name in names(layout.paused)
        if (mark := pause(layout, name)) and not mark.holds(now)
    ]
    has_ended = layout.maintenance.exists() and maintenance(layout, now) is None
    if not over and not has_ended:
        return ()
    try:
        with exclusive(layout.runtime, purpose="debvisor-timers maintain", wait=timedelta()):
            # Whoever had the lock may have given one of them another end.
            left = [name for name in over if (m := pause(layout, name)) and not m.holds(now)]
            # Path triggers are awake already, and have started what they had to.
            miss_elapses(host, left)
            remove_marks(layout.paused, left)
            if has_ended and maintenance(layout, now) is None:
                release_maintenance(host)
    except LockedError:
        return ()
    return tuple(left)
