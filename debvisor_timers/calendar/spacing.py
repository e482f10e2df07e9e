# SPDX-License-Identifier: Apache-2.0
"""How close together the runs of a cron expression are."""

from __future__ import annotations

from datetime import timedelta
from itertools import pairwise

from debvisor_timers.calendar.clock_changes import DAY_MINUTES, ZoneChanges
from debvisor_timers.calendar.cron import CronExpression
from debvisor_timers.calendar.dst import is_fixed


def shortest_distance(expression: CronExpression, zone: ZoneChanges) -> timedelta:
    """Return the shortest time between two runs of `expression`, as if it ran every day.

    Runs that a gap puts off to its end come closer to the next one.
    """
    times = sorted(60 * hour + minute for hour in expression.hours for minute in expression.minutes)
    distances = [after - before for before, after in pairwise([*times, times[0] + DAY_MINUTES])]
    if is_fixed(expression):
        gaps = [change for change in zone.changes if change.length > 0]
        distances += [
            (time - change.minute - change.length) % DAY_MINUTES or DAY_MINUTES
            for change in gaps
            for time in times
            if any((left - change.minute) % DAY_MINUTES < change.length for left in times)
        ]
    return timedelta(minutes=min(distances))
