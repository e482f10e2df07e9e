# SPDX-License-Identifier: Apache-2.0
"""The rule of the two day fields: on which days a cron expression fires."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache

from debvisor_timers.calendar.dates import (
    EVERY_WEEKDAY,
    LENGTHS,
    Dates,
    counted_from_start,
    dates_by_length,
    intersect,
    join,
)
from debvisor_timers.calendar.days import DayOfMonth, DayOfWeek

_MONDAY, _FRIDAY = frozenset({1}), frozenset({5})
_MONDAY_TO_FRIDAY = frozenset(range(1, 6))
_LAST_WEEK = frozenset(range(1, 8))

# systemd 257: `~29` to `~31` are refused, since not every month has such a day.
_LARGEST_FROM_END = 28


@lru_cache(maxsize=4096)
def firing_dates(
    months: frozenset[int], day_of_month: DayOfMonth, day_of_week: DayOfWeek
) -> tuple[Dates, ...]:
    """Return the days that fire as sets to be joined; empty when there is never one.

    Debian's rule: the two day fields are ORed, unless one of them begins with `*`, then ANDed.
    The order is that of the expression: day of month, then day of week.
    """
    by_number = list(dates_by_number(day_of_month, months))
    by_weekday = list(_dates_by_weekday(day_of_week, months))
    if not (day_of_month.star or day_of_week.star):
        return join(by_number + by_weekday)
    pairs = (intersect(one, other) for one in by_number for other in by_weekday)
    return join(dates for sets in pairs for dates in sets)


def dates_by_number(field: DayOfMonth, months: frozenset[int]) -> Iterator[Dates]:
    """Yield the days that the day-of-month field means by itself."""
    if field.days:
        yield Dates(months=months, days=field.days)
    near_end = frozenset(day for day in field.from_end if day <= _LARGEST_FROM_END)
    if near_end:
        yield Dates(months=months, days=near_end, from_end=True)
    for day in sorted(field.from_end - near_end):
        yield from dates_by_length(EVERY_WEEKDAY, months, counted_from_start({day}))
    if field.last_weekday:
        last, before = frozenset({1}), frozenset({2, 3})
        yield Dates(weekdays=_MONDAY_TO_FRIDAY, months=months, days=last, from_end=True)
        yield Dates(weekdays=_FRIDAY, months=months, days=before, from_end=True)
    for day in sorted(field.nearest):
        yield from _nearest_weekday(day, months)


def _nearest_weekday(day: int, months: frozenset[int]) -> Iterator[Dates]:
    """Yield the days of `nW`: day n, or for a weekend the Friday or Monday next to it.

    It stays within the month: from Saturday the 1st to the 3rd, from a last Sunday two days back.
    """
    own: dict[int, frozenset[int]] = {}
    fridays: dict[int, frozenset[int]] = {}
    mondays: dict[int, frozenset[int]] = {}
    for length in LENGTHS:
        saturday_to = day - 1 if day > 1 else day + 2
        sunday_to = day + 1 if day < length else day - 2
        moved = {saturday_to, sunday_to} if day <= length else set()
        own[length] = frozenset({day} if day <= length else ())
        fridays[length] = frozenset(other for other in moved if other < day)
        mondays[length] = frozenset(other for other in moved if other > day)
    yield from dates_by_length(_MONDAY_TO_FRIDAY, months, own)
    yield from dates_by_length(_FRIDAY, months, fridays)
    yield from dates_by_length(_MONDAY, months, mondays)


def _dates_by_weekday(field: DayOfWeek, months: frozenset[int]) -> Iterator[Dates]:
    if field.weekdays:
        yield Dates(weekdays=field.weekdays, months=months)
    for weekday, which in sorted(field.nth):
        week = frozenset(range(7 * which - 6, min(7 * which, 31) + 1))
        yield Dates(weekdays=frozenset({weekday}), months=months, days=week)
    if field.last:
        yield Dates(weekdays=field.last, months=months, days=_LAST_WEEK, from_end=True)
