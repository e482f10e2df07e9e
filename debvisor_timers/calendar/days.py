# SPDX-License-Identifier: Apache-2.0
"""The two day fields of a cron expression as data: day of month and day of week."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from debvisor_timers.calendar import mistakes
from debvisor_timers.calendar.fields import parse_item, parse_value, split_items
from debvisor_timers.calendar.kinds import DAY_OF_MONTH, DAY_OF_WEEK
from debvisor_timers.errors import ScheduleError

_LAST_DAY = re.compile(r"L(?:-([0-9]+))?", re.IGNORECASE)
_NEAREST = re.compile(r"([0-9]+)W", re.IGNORECASE)
_NTH = re.compile(r"([0-9]+|[A-Za-z]{3})#([0-9]+)")
_LAST_OF_WEEKDAY = re.compile(r"([0-9]+|[A-Za-z]{3})L", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfMonth:
    """The day-of-month field.

    days: plain days, 1-31.
    from_end: days counted from the end of the month, 1 is the last (`L`), 4 is `L-3`.
    nearest: `nW`: the weekday (Monday to Friday) nearest to day n, within the same month.
    last_weekday: `LW`: the last weekday (Monday to Friday) of the month.
    star: the field begins with `*` (or is `?`): the other day field is ANDed with it.
    """

    days: frozenset[int]
    from_end: frozenset[int]
    nearest: frozenset[int]
    last_weekday: bool
    star: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class DayOfWeek:
    """The day-of-week field; weekdays count from 1, Monday, to 7, Sunday.

    weekdays: plain weekdays.
    nth: (weekday, n): `d#n`, the n-th such day of the month.
    last: `dL`: the last such day of the month.
    star: the field begins with `*` (or is `?`): the other day field is ANDed with it.
    """

    weekdays: frozenset[int]
    nth: frozenset[tuple[int, int]]
    last: frozenset[int]
    star: bool


@lru_cache(maxsize=4096)
def parse_day_of_month(text: str) -> DayOfMonth:
    """Return the day-of-month field `text`; ScheduleError counts from the field's beginning."""
    text = "*" if text == "?" else text
    days: set[int] = set()
    from_end: set[int] = set()
    nearest: set[int] = set()
    last_weekday = False
    for item, at in split_items(text, DAY_OF_MONTH):
        if match := _LAST_DAY.fullmatch(item):
            from_end.add(1 + _days_before_last(match, at))
        elif match := _NEAREST.fullmatch(item):
            nearest.add(parse_value(match[1], at, DAY_OF_MONTH))
        elif item.upper() == "LW":
            last_weekday = True
        else:
            days.update(parse_item(item, at, DAY_OF_MONTH))
    return DayOfMonth(
        days=frozenset(days),
        from_end=frozenset(from_end),
        nearest=frozenset(nearest),
        last_weekday=last_weekday,
        star=text.startswith("*"),
    )


@lru_cache(maxsize=4096)
def parse_day_of_week(text: str) -> DayOfWeek:
    """Return the day-of-week field `text`; ScheduleError counts from the field's beginning."""
    text = "*" if text == "?" else text
    weekdays: set[int] = set()
    nth: set[tuple[int, int]] = set()
    last: set[int] = set()
    for item, at in split_items(text, DAY_OF_WEEK):
        if match := _NTH.fullmatch(item):
            nth.add((_weekday(match[1], at), _which(match, at)))
        elif match := _LAST_OF_WEEKDAY.fullmatch(item):
            last.add(_weekday(match[1], at))
        else:
            weekdays.update(day or 7 for day in parse_item(item, at, DAY_OF_WEEK))
    return DayOfWeek(
        weekdays=frozenset(weekdays),
        nth=frozenset(nth),
        last=frozenset(last),
        star=text.startswith("*"),
    )


def _weekday(text: str, at: int) -> int:
    return parse_value(text, at, DAY_OF_WEEK) or 7


def _days_before_last(match: re.Match[str], at: int) -> int:
    digits = match[1] or "0"
    return _count(digits, range(31), "L-n", (at + max(match.start(1), 0), match[0]))


def _which(match: re.Match[str], at: int) -> int:
    return _count(match[2], range(1, 6), "d#n", (at + match.start(2), match[0]))


def _count(digits: str, allowed: range, form: str, place: tuple[int, str]) -> int:
    start, item = place
    significant = digits.lstrip("0") or "0"
    if len(significant) > 2 or int(significant) not in allowed:
        low, high = allowed[0], allowed[-1]
        raise ScheduleError(
            f"{mistakes.quote(item)}: n in {form} is outside {low}-{high}",
            fix=f"use a number from {low} to {high}",
            start=start,
            length=len(digits),
        )
    return int(significant)
