# SPDX-License-Identifier: Apache-2.0
"""Print cron expressions as OnCalendar= lines: lists and bounded steps, never an open one.

systemd 252 and 257: an open step (`*:0/7`) that runs past the end of its field loses elapses at
the end of the next larger unit, here 00:00 every night; `a..b/n` and lists do not.
"""

from __future__ import annotations

from functools import lru_cache

from debvisor_timers.calendar.clock_changes import ZoneChanges
from debvisor_timers.calendar.counting import runs, step_between
from debvisor_timers.calendar.cron import CronExpression
from debvisor_timers.calendar.dates import (
    COMMON_YEARS,
    EVERY_WEEKDAY,
    EVERY_YEAR,
    LEAP_YEARS,
    Dates,
)
from debvisor_timers.calendar.dst import Runs, local_runs, utc_runs

_YEARS = {
    EVERY_YEAR: "*",
    LEAP_YEARS: "2024..2096/4,2104..2196/4",
    COMMON_YEARS: "2025..2197/4,2026..2198/4,2027..2199/4,2100",
}
_WEEKDAYS = ("", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_LAST_WEEK = frozenset(range(1, 8))


def to_oncalendar(expression: CronExpression, zone: ZoneChanges) -> tuple[list[str], list[str]]:
    """Return the OnCalendar= values that together elapse when cron would fire, without zones.

    The first are meant in the zone that `zone` is about, the others, if any, in UTC.
    Exact up to 2199, the last year that systemd looks at.
    Source: systemd.time(7) CALENDAR EVENTS; checked against systemd in
    tests/contract/test_calendar.py and test_dst.py.
    """
    if not zone.changes:
        time = _format_time(expression.hours, expression.minutes)
        return [f"{dates} {time}" for dates in _format_all_dates(expression.dates)], []
    return _lines(local_runs(expression, zone)), _lines(utc_runs(expression, zone))


def _lines(several: list[Runs]) -> list[str]:
    lines = [
        f"{dates} {_format_time(runs.hours, runs.minutes)}"
        for runs in several
        for dates in _format_all_dates(runs.dates)
    ]
    return list(dict.fromkeys(lines))


@lru_cache(maxsize=4096)
def _format_all_dates(dates: tuple[Dates, ...]) -> tuple[str, ...]:
    return tuple(line for some in dates for line in format_dates(some))


@lru_cache(maxsize=4096)
def _format_time(hours: frozenset[int], minutes: frozenset[int]) -> str:
    return f"{format_values(hours, 0, 23)}:{format_values(minutes, 0, 59)}:00"


def format_dates(dates: Dates) -> list[str]:
    """Return what stands before the time, weekdays where not all seven and the date; mostly one."""
    weekdays = "" if dates.weekdays == EVERY_WEEKDAY else f"{format_weekdays(dates.weekdays)} "
    years = _YEARS.get(dates.years) or ",".join(map(_format_run, runs(sorted(dates.years))))
    months = format_values(dates.months, 1, 12)
    days = _from_end(dates.days) if dates.from_end else [f"-{format_values(dates.days, 1, 31)}"]
    return [f"{weekdays}{years}-{months}{some}" for some in days]


def _from_end(days: frozenset[int]) -> list[str]:
    """Return `~` and the days, in as many lists as systemd needs.

    systemd 252 and 257: the first item of such a list may be 28 at most, and each further one 3
    less than the one before it might have been: `~01,25` is accepted, `~01,26` is not.
    """
    # The manual's own way to write the last such weekday; bounded by the end of the month.
    if days == _LAST_WEEK:
        return ["~07/1"]
    lists: list[list[list[int]]] = [[]]
    for run in runs(sorted(days)):
        if run[-1] > 28 - 3 * len(lists[-1]):
            lists.append([])
        lists[-1].append(run)
    return [f"~{','.join(_format_run(run) for run in some)}" for some in lists]


def format_values(values: frozenset[int], low: int, high: int) -> str:
    """Return the values of a field that runs from low to high: `*`, a list, `a..b` or `a..b/n`.

    A progression that goes on to the end of its field is written up to that end.
    """
    if len(values) == high - low + 1:
        return "*"
    numbers = sorted(values)
    step = step_between(numbers, at_least=5)
    if step > 1:
        last = high if numbers[-1] + step > high else numbers[-1]
        return f"{numbers[0]:02}..{last:02}/{step}"
    return ",".join(_format_run(run) for run in runs(numbers))


def format_weekdays(weekdays: frozenset[int]) -> str:
    """Return weekdays (1, Monday, to 7, Sunday) as systemd writes them: `Mon..Fri,Sun`."""
    return ",".join(
        _WEEKDAYS[run[0]] if len(run) == 1 else f"{_WEEKDAYS[run[0]]}..{_WEEKDAYS[run[-1]]}"
        for run in runs(sorted(weekdays))
    )


def _format_run(run: list[int]) -> str:
    return f"{run[0]:02}" if len(run) == 1 else f"{run[0]:02}..{run[-1]:02}"
