# SPDX-License-Identifier: Apache-2.0
"""Cron by brute force: asks of each day and minute whether an expression matches it.

Written from Debian's crontab(5) and cron's source, and from the Quartz manual for L, W and #; it
works on dates, never on sets of days, so that it can disagree with the package.
"""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

_MONTHS = [name.lower() for name in calendar.month_abbr]
_WEEKDAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_LIMITS = ((0, 59), (0, 23), (1, 31), (1, 12), (0, 7))
_MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_LAST_YEAR_OF_SYSTEMD = 2199

# Each year has one of 14 calendars: it begins on one of seven weekdays and is leap or not. These
# years have all of them, so what fires in none of them never fires.
KINDS_OF_YEARS = (
    2001,
    2002,
    2003,
    2005,
    2006,
    2009,
    2010,
    2004,
    2008,
    2012,
    2016,
    2020,
    2024,
    2028,
)


class RefusedError(ValueError):
    """The expression is outside the language."""


@dataclass(frozen=True)
class CronModel:
    """A parsed expression; ask it for days or instants."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: tuple[str, ...]
    months: frozenset[int]
    weekdays: tuple[str, ...]
    both_must: bool
    follows_the_wall: bool

    def fires_on(self, day: date) -> bool:
        """Return True when the day fields and the month match `day`."""
        if day.month not in self.months:
            return False
        length = calendar.monthrange(day.year, day.month)[1]
        by_number = any(_number_matches(item, day, length) for item in self.days)
        by_weekday = any(_weekday_matches(item, day, length) for item in self.weekdays)
        return (by_number and by_weekday) if self.both_must else (by_number or by_weekday)

    def days_after(self, start: date) -> Iterator[date]:
        """Yield the days that match, from `start` on, to the end of systemd's calendar."""
        day = start
        while day.year <= _LAST_YEAR_OF_SYSTEMD:
            if day.month not in self.months:
                day = (day.replace(day=1) + timedelta(days=32)).replace(day=1)
                continue
            if self.fires_on(day):
                yield day
            day += timedelta(days=1)

    def instants_after(self, base: datetime, count: int) -> list[datetime]:
        """Return up to `count` instants after `base`, in UTC, where no clock is ever changed."""
        found: list[datetime] = []
        for day in self.days_after(base.date()):
            for hour in sorted(self.hours):
                for minute in sorted(self.minutes):
                    instant = datetime(day.year, day.month, day.day, hour, minute, tzinfo=UTC)
                    if instant > base:
                        found.append(instant)
            if len(found) >= count:
                return found[:count]
        return found

    def fires_at_all(self) -> bool:
        """Return True when some day of some kind of year matches."""
        return any(
            self.fires_on(date(year, 1, 1) + timedelta(days=offset))
            for year in KINDS_OF_YEARS
            for offset in range(365 + calendar.isleap(year))
        )


def read_cron(text: str) -> CronModel:
    """Return the model of `text`; RefusedError when it is outside the language."""
    words = [word for word in re.split("[ \t]+", text) if word]
    if len(words) == 1 and words[0] in _MACROS:
        words = _MACROS[words[0]].split()
    if len(words) != 5 or any(not word.isascii() for word in words):
        raise RefusedError(text)
    words[2:] = [
        "*" if word == "?" and index != 1 else word for index, word in enumerate(words[2:])
    ]
    minute, hour, day, month, weekday = (word.lower().split(",") for word in words)
    return CronModel(
        minutes=_listed(minute, 0),
        hours=_listed(hour, 1),
        days=tuple(item if _is_special_day(item) else _as_list(item, 2) for item in day),
        months=_listed(month, 3),
        weekdays=tuple(
            item if _is_special_weekday(item) else _as_list(item, 4) for item in weekday
        ),
        both_must=words[2][0] == "*" or words[4][0] == "*",
        follows_the_wall=words[0][0] == "*" or words[1][0] == "*",
    )


def _is_special_day(item: str) -> bool:
    if item in {"l", "lw"}:
        return True
    if match := re.fullmatch("l-([0-9]+)", item):
        return _check(0 <= int(match[1]) <= 30, item)
    if match := re.fullmatch("([0-9]+)w", item):
        return _check(1 <= int(match[1]) <= 31, item)
    return False


def _is_special_weekday(item: str) -> bool:
    if match := re.fullmatch("([0-9]+|[a-z]{3})(?:#([0-9]+)|l)", item):
        _number(match[1], 4)
        return _check(match[2] is None or 1 <= int(match[2]) <= 5, item)
    return False


def _check(condition: bool, item: str) -> bool:
    if not condition:
        raise RefusedError(item)
    return True


def _as_list(item: str, field: int) -> str:
    return " ".join(str(value) for value in sorted(_listed([item], field)))


def _listed(items: list[str], field: int) -> frozenset[int]:
    return frozenset(value for item in items for value in _values(item, field))


def _values(item: str, field: int) -> Iterator[int]:
    low, high = _LIMITS[field]
    body, slash, step_text = item.partition("/")
    _check(not slash or re.fullmatch("[0-9]+", step_text) is not None, item)
    step = int(step_text) if slash else 1
    _check(0 < step < 2**31, item)
    if body == "*":
        first, last = low, high
    elif "-" in body:
        ends = body.split("-")
        _check(len(ends) == 2, item)
        first, last = _number(ends[0], field), _number(ends[1], field)
        if field == 4 and last == 0 and first != 0:
            last = 7
    else:
        first = _number(body, field)
        last = high if slash else first
    _check(first <= last, item)
    value = first
    while value <= last:
        yield value
        value += step


def _number(text: str, field: int) -> int:
    if field == 3 and text in _MONTHS[1:]:
        return _MONTHS.index(text)
    if field == 4 and text in _WEEKDAYS:
        return _WEEKDAYS.index(text)
    _check(re.fullmatch("[0-9]+", text) is not None, text)
    low, high = _LIMITS[field]
    _check(low <= int(text) <= high, text)
    return int(text)


def _number_matches(item: str, day: date, length: int) -> bool:
    if item == "l":
        return day.day == length
    if item == "lw":
        return day.day == max(_working_days(day, length))
    if item.startswith("l-"):
        return length - day.day == int(item[2:])
    if item.endswith("w"):
        wanted = int(item[:-1])
        if wanted > length or abs(day.day - wanted) > 2:
            return False
        return day.day == min(_working_days(day, length), key=lambda other: abs(other - wanted))
    return str(day.day) in item.split()


def _working_days(day: date, length: int) -> list[int]:
    return [number for number in range(1, length + 1) if day.replace(day=number).isoweekday() < 6]


def _weekday_matches(item: str, day: date, length: int) -> bool:
    names = {str(day.isoweekday() % 7), _WEEKDAYS[day.isoweekday() % 7]}
    if day.isoweekday() == 7:
        names.add("7")
    if item.endswith("l"):
        return _plain(item[:-1]) in names and day.day + 7 > length
    if "#" in item:
        weekday, which = item.split("#")
        return _plain(weekday) in names and (day.day + 6) // 7 == int(which)
    return not names.isdisjoint(item.split())


def _plain(weekday: str) -> str:
    return str(int(weekday)) if weekday.isdigit() else weekday
