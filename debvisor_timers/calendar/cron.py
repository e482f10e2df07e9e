# SPDX-License-Identifier: Apache-2.0
"""Cron expressions: Debian's five fields and macros, read strictly."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from debvisor_timers.calendar.dates import Dates, join
from debvisor_timers.calendar.days import (
    DayOfMonth,
    DayOfWeek,
    parse_day_of_month,
    parse_day_of_week,
)
from debvisor_timers.calendar.fields import parse_values
from debvisor_timers.calendar.firing import dates_by_number, firing_dates
from debvisor_timers.calendar.kinds import HOUR, MINUTE, MONTH
from debvisor_timers.calendar.macros import MACROS, refuse_macro
from debvisor_timers.calendar.mistakes import quote
from debvisor_timers.calendar.refusals import WORD, refuse_never, refuse_word_count
from debvisor_timers.errors import ScheduleError

# A field of all 60 minutes has 170 characters: what is longer than this is no schedule, and int()
# refuses numbers of more than 4300 digits.
LONGEST_TEXT = 2000

_PARSERS: tuple[Callable[[str], object], ...] = (
    partial(parse_values, kind=MINUTE),
    partial(parse_values, kind=HOUR),
    parse_day_of_month,
    partial(parse_values, kind=MONTH),
    parse_day_of_week,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class CronExpression:
    """A cron expression that fires at least once.

    text: as it was written.
    minutes, hours, months: the values of these fields.
    minute_star, hour_star: the field begins with `*`; such jobs follow the wall clock over a clock
    change. The same flags of the day fields are in `day_of_month` and `day_of_week`.
    dates: the days on which it fires, the rule of the two day fields applied, as sets to be joined.
    """

    text: str
    minutes: frozenset[int]
    hours: frozenset[int]
    months: frozenset[int]
    minute_star: bool
    hour_star: bool
    day_of_month: DayOfMonth
    day_of_week: DayOfWeek
    dates: tuple[Dates, ...]


def parse_cron(text: str) -> CronExpression:
    """Return the expression that `text`, five fields or a macro, stands for.

    Read as Debian's cron does (OR of the day fields unless one begins with `*`, Sunday 0 and 7,
    names, case-sensitive macros), and beyond it `L`, `L-n`, `LW`, `nW`, `d#n`, `dL`, `?`, `a/n` (a
    to the end of the field) and ranges that end in Sunday. Raises ScheduleError, with the place in
    `text`, for what cron would refuse, ignore in part, or never fire.
    """
    if len(text) > LONGEST_TEXT:
        message = f"{quote(text)} is longer than {LONGEST_TEXT} characters"
        raise ScheduleError(message, fix="write five fields", length=len(text))
    words = WORD.findall(text)
    if len(words) == 1 and words[0] in MACROS:
        words = MACROS[words[0]].split()
    if len(words) != 5 or words[0].startswith("@"):
        macro = bool(words) and words[0].startswith("@")
        raise refuse_macro(text) if macro else refuse_word_count(text, words)
    try:
        return _read(text, words)
    except ScheduleError as error:
        raise _located(error, text) from None


def _read(text: str, words: list[str]) -> CronExpression:
    minute = parse_values(words[0], MINUTE)
    hour = parse_values(words[1], HOUR)
    day_of_month = parse_day_of_month(words[2])
    months = parse_values(words[3], MONTH).values
    day_of_week = parse_day_of_week(words[4])
    dates = firing_dates(months, day_of_month, day_of_week)
    if not dates:
        raise refuse_never(text, months, join(dates_by_number(day_of_month, months)))
    return CronExpression(
        text=text,
        minutes=minute.values,
        hours=hour.values,
        months=months,
        minute_star=minute.star,
        hour_star=hour.star,
        day_of_month=day_of_month,
        day_of_week=day_of_week,
        dates=dates,
    )


def _located(error: ScheduleError, text: str) -> ScheduleError:
    """Return the error of the first wrong field, counted from the start of `text`."""
    for match, parse in zip(WORD.finditer(text), _PARSERS, strict=True):
        try:
            parse(match[0])
        except ScheduleError as wrong:
            wrong.start += match.start()
            return wrong
    return error
