# SPDX-License-Identifier: Apache-2.0
"""Sets of days that one OnCalendar line can name, and how to intersect and join them.

systemd ANDs weekday and date within a line, and ORs lines; it counts days from the first or from
the last of the month, never both in one line. What no line can say directly (odd days AND the last
Friday) is said per month length, February by leap and common years.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

EVERY_DAY = frozenset(range(1, 32))
EVERY_MONTH = frozenset(range(1, 13))
EVERY_WEEKDAY = frozenset(range(1, 8))
FEBRUARY = frozenset({2})
MONTHS_OF_30 = frozenset({4, 6, 9, 11})
MONTHS_OF_31 = EVERY_MONTH - MONTHS_OF_30 - FEBRUARY
LENGTHS = (31, 30, 29, 28)

# systemd searches no further than 2199; 2100 is no leap year.
EVERY_YEAR = frozenset(range(2024, 2200))
LEAP_YEARS = frozenset(range(2024, 2200, 4)) - {2100}
COMMON_YEARS = EVERY_YEAR - LEAP_YEARS

_BY_LENGTH = (
    (31, MONTHS_OF_31, EVERY_YEAR),
    (30, MONTHS_OF_30, EVERY_YEAR),
    (29, FEBRUARY, LEAP_YEARS),
    (28, FEBRUARY, COMMON_YEARS),
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Dates:
    """The days that are one of `weekdays` AND in `months` AND in `years` AND one of `days`.

    weekdays: 1, Monday, to 7, Sunday.
    years: from 2024 on.
    days: 1-31, counted from the first of the month, or from the last (1) where `from_end` is set.
    """

    weekdays: frozenset[int] = EVERY_WEEKDAY
    months: frozenset[int] = EVERY_MONTH
    years: frozenset[int] = EVERY_YEAR
    days: frozenset[int] = EVERY_DAY
    from_end: bool = False

    def is_whole_month(self) -> bool:
        """Return True when the number of the day does not matter."""
        return self.days == EVERY_DAY

    def covers(self, other: Dates) -> bool:
        """Return True when each day of `other` is here too, as far as the fields show it."""
        return (
            self.weekdays >= other.weekdays
            and self.months >= other.months
            and (self.years is EVERY_YEAR or self.years >= other.years)
            and (self.is_whole_month() or self.from_end == other.from_end)
            and self.days >= other.days
        )


def counted_from_start(days: Iterable[int]) -> dict[int, frozenset[int]]:
    """Return days counted from the end of the month as ordinary days, for each month length."""
    wanted = frozenset(days)
    return {
        length: frozenset(length + 1 - day for day in wanted if day <= length) for length in LENGTHS
    }


def dates_by_length(
    weekdays: frozenset[int], months: frozenset[int], days: Mapping[int, frozenset[int]]
) -> list[Dates]:
    """Return sets for days that differ by the length of the month, as few as are needed.

    days: for a month of each of LENGTHS the days wanted in it.
    """
    leap_only, common_only = days[29] - days[28], days[28] - days[29]
    each_february = days[29] & days[28]
    if leap_only == {29}:  # there is no such day in the other years
        each_february, leap_only = days[29], frozenset()
    merged = _merge_lengths(
        [
            (31, months & MONTHS_OF_31, days[31]),
            (30, months & MONTHS_OF_30, days[30]),
            (29, months & FEBRUARY, each_february),
        ]
    )
    february = Dates(weekdays=weekdays, months=months & FEBRUARY)
    found = [Dates(weekdays=weekdays, months=group, days=some) for group, some in merged]
    found.append(replace(february, years=LEAP_YEARS, days=leap_only))
    found.append(replace(february, years=COMMON_YEARS, days=common_only))
    return [dates for dates in found if dates.months and dates.days]


def _merge_lengths(
    groups: Iterable[tuple[int, frozenset[int], frozenset[int]]],
) -> list[tuple[frozenset[int], frozenset[int]]]:
    """Join the months whose days agree; a day that a shorter month lacks does no harm in it."""
    merged: list[tuple[frozenset[int], frozenset[int]]] = []
    for length, months, days in groups:
        for index, (others, other_days) in enumerate(merged):
            if days and days == frozenset(day for day in other_days if day <= length):
                merged[index] = (others | months, other_days)
                break
        else:
            merged.append((months, days))
    return merged


def intersect(one: Dates, other: Dates) -> list[Dates]:
    """Return the days that are in both, as sets to be joined."""
    both = Dates(
        weekdays=one.weekdays & other.weekdays,
        months=one.months & other.months,
        years=_common(one.years, other.years),
    )
    if not both.years:
        return []
    if one.is_whole_month() or other.is_whole_month() or one.from_end == other.from_end:
        from_end = one.from_end or other.from_end
        return [replace(both, days=one.days & other.days, from_end=from_end)]
    from_start, to_end = (other, one) if one.from_end else (one, other)
    days = {
        length: some & from_start.days if _has_february(both.years, length) else frozenset()
        for length, some in counted_from_start(to_end.days).items()
    }
    found = dates_by_length(both.weekdays, both.months, days)
    return [replace(dates, years=_common(dates.years, both.years)) for dates in found]


def _common(one: frozenset[int], other: frozenset[int]) -> frozenset[int]:
    if one is EVERY_YEAR or other is EVERY_YEAR:
        return other if one is EVERY_YEAR else one
    return one & other


def _has_february(years: frozenset[int], length: int) -> bool:
    """Return False for a length of February that does not occur in `years`."""
    return not years <= {28: LEAP_YEARS, 29: COMMON_YEARS}.get(length, frozenset())


def subtract(one: Dates, other: Dates) -> list[Dates]:
    """Return the days of `one` that are not in `other`, whose days count from the first."""
    if one.years.isdisjoint(other.years):  # the usual case where `other` is a single date
        return [one]
    months = one.months & other.months
    years = one.years & other.years
    if not (months and one.weekdays & other.weekdays):
        return [one]
    if one.from_end and not one.is_whole_month():
        return _subtract_by_length(one, other, months)
    if not one.days & other.days:
        return [one]
    same_days = {"years": years, "months": months, "days": one.days & other.days}
    rest = (
        replace(one, years=one.years - years),
        replace(one, years=years, months=one.months - months),
        replace(one, years=years, months=months, days=one.days - other.days, from_end=False),
        replace(one, **same_days, weekdays=one.weekdays - other.weekdays, from_end=False),
    )
    return [dates for dates in rest if _is_some(dates)]


def _subtract_by_length(one: Dates, other: Dates, months: frozenset[int]) -> list[Dates]:
    """Return the same where `one` counts from the last day: month by month where they meet."""
    apart = replace(one, months=one.months - months)
    met = by_length(replace(one, months=months))
    return [
        dates
        for dates in (apart, *(rest for each in met for rest in subtract(each, other)))
        if _is_some(dates)
    ]


def by_length(one: Dates) -> list[Dates]:
    """Return the same days counted from the first, each month with none but its own."""
    days = counted_from_start(one.days) if one.from_end else dict.fromkeys(LENGTHS, one.days)
    found = [
        replace(
            one,
            months=one.months & months,
            years=_common(one.years, years),
            days=frozenset(day for day in days[length] if day <= length),
            from_end=False,
        )
        for length, months, years in _BY_LENGTH
    ]
    return [dates for dates in found if _is_some(dates)]


def _is_some(dates: Dates) -> bool:
    return bool(dates.weekdays and dates.months and dates.years and dates.days)


def join(sets: Iterable[Dates]) -> tuple[Dates, ...]:
    """Return the same days in fewer sets, each with at least one day, in the order given."""
    found = [fitted for dates in sets if (fitted := _fit(dates)) is not None]
    count = 0
    while count != len(found):
        count = len(found)
        found = _merge_years(_merge_weekdays(_merge_days(found)))
    return tuple(
        dates
        for index, dates in enumerate(found)
        if not any(other.covers(dates) for other in found[:index] + found[index + 1 :])
    )


def _fit(dates: Dates) -> Dates | None:
    """Return `dates` without days and months that cannot meet; None when nothing is left.

    systemd 257 ends with EDEADLK on `*-02,04,06,09,11-31`; `*-*-31` is fine and stays as it is.
    """
    months, days = dates.months, dates.days
    if months != EVERY_MONTH and not dates.from_end and not dates.is_whole_month():
        longest = max((_longest(month) for month in months), default=0)
        days = frozenset(day for day in days if day <= longest)
        months = frozenset(month for month in months if days and _longest(month) >= min(days))
    if not (dates.weekdays and dates.years and months and days):
        return None
    same = months == dates.months and days == dates.days
    return dates if same else replace(dates, months=months, days=days)


def _longest(month: int) -> int:
    return 29 if month in FEBRUARY else 30 if month in MONTHS_OF_30 else 31


def _merge_days(sets: Iterable[Dates]) -> list[Dates]:
    merged: dict[tuple[object, ...], Dates] = {}
    for dates in sets:
        key = (dates.weekdays, dates.months, dates.years, dates.from_end)
        same = merged.get(key)
        merged[key] = replace(same, days=same.days | dates.days) if same else dates
    return list(merged.values())


def _merge_weekdays(sets: Iterable[Dates]) -> list[Dates]:
    merged: dict[tuple[object, ...], Dates] = {}
    for dates in sets:
        key = (dates.months, dates.years, dates.days, dates.from_end)
        same = merged.get(key)
        merged[key] = replace(same, weekdays=same.weekdays | dates.weekdays) if same else dates
    return list(merged.values())


def _merge_years(sets: Iterable[Dates]) -> list[Dates]:
    merged: dict[tuple[object, ...], Dates] = {}
    for dates in sets:
        key = (dates.weekdays, dates.months, dates.days, dates.from_end)
        same = merged.get(key)
        merged[key] = replace(same, years=_all(same.years | dates.years)) if same else dates
    return list(merged.values())


def _all(years: frozenset[int]) -> frozenset[int]:
    return EVERY_YEAR if years == EVERY_YEAR else years
