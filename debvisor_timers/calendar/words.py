# SPDX-License-Identifier: Apache-2.0
"""Cron expressions in English: short for usual schedules, longer but exact for the others."""

from __future__ import annotations

from collections.abc import Iterator

from debvisor_timers.calendar.clock_words import clock_words
from debvisor_timers.calendar.counting import enumerate_words, in_numbers, ordinal, runs
from debvisor_timers.calendar.cron import CronExpression
from debvisor_timers.calendar.dates import EVERY_DAY, EVERY_MONTH, EVERY_WEEKDAY
from debvisor_timers.calendar.days import DayOfMonth, DayOfWeek

_WEEKDAYS = ("", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_MONTHS = (
    *("", "January", "February", "March", "April", "May", "June", "July"),
    *("August", "September", "October", "November", "December"),
)
_WHICH = ("", "first", "second", "third", "fourth", "fifth")


def in_words(expression: CronExpression) -> str:
    """Return `expression` in words: "every day at 02:00", "on day 1 of the month at 00:00".

    Two expressions have the same words only if they fire at the same instants.
    """
    clock, stands_alone = clock_words(expression.minutes, expression.hours)
    days = _days_words(expression)
    if not stands_alone:
        return f"{days or 'every day'} {clock}"
    return f"{clock}, {days}" if days else clock


def _days_words(expression: CronExpression) -> str:
    number, weekday = expression.day_of_month, expression.day_of_week
    any_number, any_weekday = number.days == EVERY_DAY, weekday.weekdays == EVERY_WEEKDAY
    both_must = number.star or weekday.star
    if (any_number and any_weekday) or ((any_number or any_weekday) and not both_must):
        return _in_months("every day", expression.months)
    if any_number:
        return _weekdays_alone(weekday, expression.months)
    if any_weekday:
        return f"on {_numbers(number)} of {_month(expression.months)}"
    days = f"on {_numbers(number)} of the month"
    if both_must:
        days += f" falling on {enumerate_words(_weekday_parts(weekday, 'the month'), 'or')}"
    else:
        days += f" and on {enumerate_words(_weekday_parts(weekday, 'the month'))}"
    return days if expression.months == EVERY_MONTH else _in_months(f"{days},", expression.months)


def _in_months(days: str, months: frozenset[int]) -> str:
    if months == EVERY_MONTH:
        return "" if days == "every day" else days
    return f"{days} in {_month(months)}"


def _month(months: frozenset[int]) -> str:
    if months == EVERY_MONTH:
        return "the month"
    parts = [
        _MONTHS[run[0]] if len(run) == 1 else f"{_MONTHS[run[0]]}-{_MONTHS[run[-1]]}"
        for run in runs(sorted(months))
    ]
    return enumerate_words(parts)


def _weekdays_alone(field: DayOfWeek, months: frozenset[int]) -> str:
    if field.weekdays:
        return _in_months(enumerate_words(_weekday_parts(field, "the month")), months)
    return f"on {enumerate_words(_weekday_parts(field, _month(months)))}"


def _weekday_parts(field: DayOfWeek, month: str) -> list[str]:
    """Return `Mondays`, `the third Friday of the month` and the like, to be enumerated."""
    parts = [
        f"{_WEEKDAYS[run[0]]}s" if len(run) == 1 else f"{_WEEKDAYS[run[0]]} to {_WEEKDAYS[run[-1]]}"
        for run in runs(sorted(field.weekdays))
    ]
    chosen = [f"the {_WHICH[which]} {_WEEKDAYS[day]}" for day, which in sorted(field.nth)]
    chosen += [f"the last {_WEEKDAYS[day]}" for day in sorted(field.last)]
    return parts + ([f"{enumerate_words(chosen)} of {month}"] if chosen else [])


def _numbers(field: DayOfMonth) -> str:
    return enumerate_words(list(_number_parts(field)))


def _number_parts(field: DayOfMonth) -> Iterator[str]:
    if field.days:
        yield in_numbers("day", sorted(field.days))
    for day in sorted(field.from_end):
        yield "the last day" if day == 1 else f"the {ordinal(day)}-to-last day"
    if field.last_weekday:
        yield "the last weekday (Mon-Fri)"
    for day in sorted(field.nearest):
        # Months without the day have no such weekday either.
        where = " (where it exists)" if day > 28 else ""
        yield f"the weekday (Mon-Fri) nearest day {day}{where}"
