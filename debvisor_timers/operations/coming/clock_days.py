# SPDX-License-Identifier: Apache-2.0
"""Days on which clocks change: what a person has to know of a run on one of them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta, tzinfo

from debvisor_timers.history.buckets import midnight

_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class ClockChange:
    """What clocks on the wall do: at the time `before` they are set to `after`; both naive."""

    before: datetime
    after: datetime

    @property
    def words(self) -> str:
        """Return `clocks go forward on this day, from 02:00 to 03:00`."""
        way = "forward" if self.after > self.before else "back"
        return f"clocks go {way} on this day, from {self.before:%H:%M} to {self.after:%H:%M}"


def clock_change(day: date, zone: tzinfo) -> ClockChange | None:
    """Return how clocks change on `day` in `zone`; None on usual days."""
    low, high = midnight(day, zone).astimezone(UTC), midnight(day + _DAY, zone).astimezone(UTC)
    old, new = _offset(low, zone), _offset(high, zone)
    if old == new:
        return None
    while high - low > _SECOND:
        middle = low + (high - low) // _SECOND // 2 * _SECOND
        low, high = (low, middle) if _offset(middle, zone) == new else (middle, high)
    plain = high.replace(tzinfo=None)
    return ClockChange(before=plain + old, after=plain + new)


def _offset(at: datetime, zone: tzinfo) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()
