# SPDX-License-Identifier: Apache-2.0
"""The times of a zone that do not exist: what clocks leave out when they are put forward."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

# In so many years every date has been every day of the week, leap years included.
_YEARS = 28
# Ramadan, for which Morocco changes its clocks twice, lasts a month.
_STRIDE = timedelta(days=7)
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Gap:
    """Times on the wall that no clock in a zone shows: from `start` on, before `end`; naive."""

    start: datetime
    end: datetime


@lru_cache(maxsize=64)
def gaps(zone: str, *, after: datetime) -> tuple[Gap, ...]:
    """Return the gaps of `zone` in the 28 years from `after` on, ascending.

    zone: a name of the time zone database. after: aware.
    """
    return tuple(_gaps(ZoneInfo(zone), after.astimezone(UTC).replace(microsecond=0)))


def _gaps(zone: ZoneInfo, start: datetime) -> Iterator[Gap]:
    end = start + timedelta(days=_YEARS * 365.25)
    before = _offset(zone, start)
    while start < end:
        following = start + _STRIDE
        offset = _offset(zone, following)
        if offset > before:
            change = _change(zone, start, following).replace(tzinfo=None)
            yield Gap(change + before, change + offset)
        start, before = following, offset


def _change(zone: ZoneInfo, low: datetime, high: datetime) -> datetime:
    """Return the first second of the offset that holds at `high`, not at `low`."""
    offset = _offset(zone, high)
    while high - low > _SECOND:
        middle = low + (high - low) // _SECOND // 2 * _SECOND
        if _offset(zone, middle) == offset:
            high = middle
        else:
            low = middle
    return high


def _offset(zone: ZoneInfo, at: datetime) -> timedelta:
    return at.astimezone(zone).utcoffset() or timedelta()
