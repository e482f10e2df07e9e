# SPDX-License-Identifier: Apache-2.0
"""POSIX TZ strings: the rule by which a zone changes its clock, every year for ever.

Source: POSIX, Environment Variables, TZ; RFC 8536 3.3.1 for times outside of 0-24 hours.
"""

from __future__ import annotations

import calendar
import re
from dataclasses import dataclass
from datetime import date, timedelta

from debvisor_timers.calendar.tzfile import LocalTime

_NAME = r"(?:[A-Za-z]{3,}|<[A-Za-z0-9+-]+>)"
_TIME = r"[+-]?[0-9]+(?::[0-9]+){0,2}"
_STRING = re.compile(
    rf"{_NAME}(?P<standard>{_TIME})"
    rf"(?:{_NAME}(?P<summer>{_TIME})?,(?P<begin>[^,]+),(?P<end>[^,]+))?"
)
_DAY = re.compile(
    rf"(?:M(?P<month>0?[1-9]|1[0-2])\.(?P<week>[1-5])\.(?P<weekday>[0-6])|(?P<plain>J?)(?P<number>[0-9]+))"
    rf"(?:/(?P<time>{_TIME}))?"
)
_LAST_WEEK = 5
_COMMON_YEAR = 2025
_MOST_HOURS = 167


@dataclass(frozen=True, slots=True, kw_only=True)
class YearlyChange:
    """A change of the clock that comes once a year.

    month, week, weekday: `Mm.w.d`, the w-th (5: the last) such weekday (1, Monday, to 7, Sunday).
    number: the day of the year from 1 where that is how it is given, else 0; counts_leap_day: `n`
    counts 29 February, `Jn` never does.
    seconds: after midnight of that day by the clock before; may be below 0 or above 86400.
    """

    month: int = 0
    week: int = 0
    weekday: int = 0
    number: int = 0
    counts_leap_day: bool = False
    seconds: int
    before: LocalTime
    after: LocalTime

    def dates(self, year: int) -> list[date]:
        """Return the dates on which it can come in a year of that length, the real one or not.

        Seven of them for `Mm.w.d`, which only differ by the weekday that the year begins with.
        """
        if self.number:
            numbered = year if self.counts_leap_day else _COMMON_YEAR
            day = date(numbered, 1, 1) + timedelta(days=self.number - 1)
            return [day.replace(year=year)]
        length = calendar.monthrange(year, self.month)[1]
        first = length - 6 if self.week == _LAST_WEEK else 7 * self.week - 6
        return [date(year, self.month, first + more) for more in range(7)]

    def date(self, year: int) -> date:
        """Return the date on which it comes in `year`."""
        dates = self.dates(year)
        return next((day for day in dates if day.isoweekday() == self.weekday), dates[0])


def parse_posix_tz(text: str) -> tuple[YearlyChange, YearlyChange] | None:
    """Return the two changes of each year; None for a zone that never changes its clock.

    Raises ValueError for what is no such string.
    """
    match = _STRING.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no POSIX TZ string")
    if match["begin"] is None:
        return None
    standard = LocalTime(-_seconds(match["standard"]), is_dst=False)
    hour_more = standard.offset + 3600
    offset = -_seconds(match["summer"]) if match["summer"] else hour_more
    summer = LocalTime(offset, is_dst=True)
    return _change(match["begin"], standard, summer), _change(match["end"], summer, standard)


def _change(text: str, before: LocalTime, after: LocalTime) -> YearlyChange:
    match = _DAY.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no day of a POSIX TZ string")
    seconds = _seconds(match["time"] or "2")
    if match["month"]:
        return YearlyChange(
            month=int(match["month"]),
            week=int(match["week"]),
            weekday=int(match["weekday"]) or 7,
            seconds=seconds,
            before=before,
            after=after,
        )
    counts_leap_day = not match["plain"]
    number = int(match["number"]) + counts_leap_day
    if not 1 <= number <= 365 + counts_leap_day:
        raise ValueError(f"{text!r} is no day of a year")
    return YearlyChange(
        number=number,
        counts_leap_day=counts_leap_day,
        seconds=seconds,
        before=before,
        after=after,
    )


def _seconds(text: str) -> int:
    """Return `[+-]h[:mm[:ss]]` in seconds."""
    hours, minutes, seconds = (*map(int, text.lstrip("+-").split(":")), 0, 0)[:3]
    if hours > _MOST_HOURS:
        raise ValueError(f"{text!r} is out of range")
    total = 3600 * hours + 60 * minutes + seconds
    return -total if text.startswith("-") else total
