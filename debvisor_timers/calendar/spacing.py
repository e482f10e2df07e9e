# SPDX-License-Identifier: Apache-2.0
"""How close together the runs of a cron expression are."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import pairwise

from debvisor_timers.calendar.clock_changes import DAY_MINUTES, ClockChange, ZoneChanges
from debvisor_timers.calendar.cron import CronExpression
from debvisor_timers.calendar.dst import is_fixed


def shortest_distance(expression: CronExpression, zone: ZoneChanges) -> timedelta:
    """Return the shortest time between two runs of `expression`, as if it ran every day.

    On the days of clock changes too: a gap brings the runs before and behind it together, and a run
    that it puts off to its end; what follows the wall comes twice in an hour.
    """
    day = [60 * hour + minute for hour in expression.hours for minute in expression.minutes]
    three_days = [time + DAY_MINUTES * number for number in (-1, 0, 1) for time in sorted(day)]
    fixed = is_fixed(expression)
    around = (_elapsed(three_days, change, fixed=fixed) for change in zone.changes)
    return timedelta(minutes=min(map(_shortest, (three_days, *around))))


def _elapsed(times: Sequence[int], change: ClockChange, *, fixed: bool) -> list[int]:
    """Return when the runs at `times`, minutes by the clock, take place: minutes that have passed.

    Counted by the clock before `change`, which it is at `change.minute`.
    """
    jump, length = change.minute, change.length
    found = {time for time in times if time < jump}
    if length > 0:
        found |= {time - length for time in times if time >= jump + length}
        if fixed and any(jump <= time < jump + length for time in times):
            found.add(jump)
    else:
        begin = jump if fixed else jump + length
        found |= {time - length for time in times if time >= begin}
    return sorted(found)


def _shortest(moments: Iterable[int]) -> int:
    return min(after - before for before, after in pairwise(moments))
