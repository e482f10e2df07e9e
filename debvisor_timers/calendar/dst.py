# SPDX-License-Identifier: Apache-2.0
"""Days of clock changes: the calendar lines that make systemd's timers fire as Debian's cron does.

A job whose minute or hour field begins with `*` follows the clock on the wall: nothing in the gap,
twice in an hour that comes twice. Any other job is fixed: what falls into the gap runs once, right
after it; in an hour that comes twice it runs the first time only.

systemd 257 leaves out what falls into a gap. Which pass of a repeated hour a local line means
depends on when the timer last fired, which jitter, a catch-up or an apply can put anywhere. So no
local line of a fixed job names a time that comes twice: such days are cut out of it. All these
runs are said in UTC, where no hour comes twice.
Source: cron 3.0pl1 (Debian), cron.c, "DST"; checked in tests/contract/test_dst.py.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from functools import lru_cache

from debvisor_timers.calendar.clock_changes import (
    DAY_MINUTES,
    ClockChange,
    Days,
    OddDays,
    ZoneChanges,
)
from debvisor_timers.calendar.cron import CronExpression
from debvisor_timers.calendar.dates import EVERY_YEAR, Dates, by_length, join, subtract

_HOUR = 60


@dataclass(frozen=True, slots=True, kw_only=True)
class Runs:
    """Runs at each of `hours` and `minutes` on each of `dates`."""

    hours: frozenset[int]
    minutes: frozenset[int]
    dates: tuple[Dates, ...]


def is_fixed(expression: CronExpression) -> bool:
    """Return True for a job that cron keeps from running twice, or not at all, on such days."""
    return not (expression.minute_star or expression.hour_star)


def local_runs(expression: CronExpression, zone: ZoneChanges) -> list[Runs]:
    """Return the runs that local lines can say: all but a fixed job's in an hour that comes twice.

    Local lines leave out what falls into a gap, and the second pass. Some gaps have to be cut out.
    """
    hours, minutes = expression.hours, expression.minutes
    dates = expression.dates
    if zone.has_missing_midnight:
        dates = _counted_safely(dates)
    apart = _on_fewer_days(expression, zone, dates)
    if not apart:
        return [Runs(hours=hours, minutes=minutes, dates=dates)]
    times = {_HOUR * hour + minute for hour in hours for minute in minutes}
    together = {dates: times.difference(*apart.values()), **apart}
    return [runs for some, several in together.items() for runs in _by_times(several, some)]


def _on_fewer_days(
    expression: CronExpression, zone: ZoneChanges, dates: tuple[Dates, ...]
) -> dict[tuple[Dates, ...], list[int]]:
    """Return the times of `expression` that no local line may name on all `dates`, by the rest.

    Those that come twice, unless it follows the wall, and what some gaps leave out.
    """
    odd: dict[OddDays, list[int]] = defaultdict(list)
    by_hour = zone.odd_times[is_fixed(expression)]
    for hour in sorted(by_hour.keys() & expression.hours):
        for minute, about in by_hour[hour]:
            if minute in expression.minutes:
                odd[about].append(_HOUR * hour + minute)
    found: dict[tuple[Dates, ...], list[int]] = {}
    for (left_out, cut), times in odd.items():
        some = _possible(dates, left_out) if left_out else dates
        for days in cut:
            some = _without(some, days)
        if some != dates:
            found.setdefault(some, []).extend(times)
    return found


@lru_cache(maxsize=4096)
def _counted_safely(dates: tuple[Dates, ...]) -> tuple[Dates, ...]:
    """Return the same days, counted from the first, and none that a month does not have."""
    return join(
        safe
        for some in dates
        for safe in ([some] if some.is_whole_month() or not _is_spoilt(some) else by_length(some))
    )


def _is_spoilt(dates: Dates) -> bool:
    return dates.from_end or max(dates.days) > 28


@lru_cache(maxsize=4096)
def _possible(dates: tuple[Dates, ...], left_out: Days) -> tuple[Dates, ...]:
    """Return those of `dates` that have a day on which the time is there at all.

    systemd 257's search for a line that never elapses gives up with an error (EDEADLK).
    """
    return tuple(
        some for some in dates if not some.years <= left_out.years or _without((some,), left_out)
    )


@lru_cache(maxsize=4096)
def _without(dates: tuple[Dates, ...], days: Days) -> tuple[Dates, ...]:
    left = list(dates)
    for some in days.dates:
        left = [rest for each in left for rest in subtract(each, some)]
    return join(left)


def utc_runs(expression: CronExpression, zone: ZoneChanges) -> list[Runs]:
    """Return the runs in UTC that local lines do not say, or may not say (systemd 257)."""
    return [
        runs
        for change in zone.changes
        for (times, _later), dates in _on_days(expression, change).items()
        for runs in _by_times(times, join(dates))
    ]


def _on_days(
    expression: CronExpression, change: ClockChange
) -> dict[tuple[frozenset[int], int], list[Dates]]:
    """Return the days in UTC for each set of times; the number only keeps days apart."""
    found: dict[tuple[frozenset[int], int], list[Dates]] = defaultdict(list)
    for (local, utc), times in _times(expression, change).items():
        found[frozenset(times), utc] += _matching(expression.dates, change, local, utc)
    return found


def _times(expression: CronExpression, change: ClockChange) -> dict[tuple[int, int], set[int]]:
    """Return the minutes of the day in UTC at which to run because of `change`.

    The key says on which days: how many after the day of the change by the local clock, which the
    job's days are about, and how many after it in UTC.
    """
    found: dict[tuple[int, int], set[int]] = defaultdict(set)
    for local, utc in _instants(expression, change):
        found[local // DAY_MINUTES, utc // DAY_MINUTES].add(utc % DAY_MINUTES)
    return found


def _instants(expression: CronExpression, change: ClockChange) -> Iterator[tuple[int, int]]:
    """Yield minutes after midnight of the day of `change`: by the local clock, and in UTC."""
    if change.length < 0:
        offsets = [change.before] if is_fixed(expression) else [change.before, change.after]
        for time in _within(expression, change.minute + change.length, change.minute):
            for offset in offsets:
                yield time, time - offset
        return
    end = change.minute + change.length
    is_plain = _is_plain(change)
    if is_fixed(expression):
        # A run of its own at that moment says the same.
        said = is_plain and bool(list(_within(expression, end, end + 1)))
        for time in _within(expression, change.minute, end):
            if not said or time // DAY_MINUTES != end // DAY_MINUTES:
                yield time, change.minute - change.before
    if not is_plain and _names_hour(expression, change.minute, end):
        for time in _within(expression, end, (end // DAY_MINUTES + 1) * DAY_MINUTES):
            yield time, time - change.after


def _is_plain(change: ClockChange) -> bool:
    """Return True for a gap that systemd's search gets over.

    systemd 257 leaves out the rest of the day after a gap with which winter time begins (Dublin),
    and the rest of the hour after one that ends within it or is longer (Chatham, Troll).
    """
    return (
        change.begins_summer
        and change.length <= _HOUR
        and (change.minute + change.length) % _HOUR == 0
    )


def _within(expression: CronExpression, start: int, end: int) -> Iterator[int]:
    """Yield the times of day of `expression` in [start, end); minutes, perhaps of other days."""
    for hour in range(start // _HOUR, -(-end // _HOUR)):
        if hour % 24 in expression.hours:
            for minute in sorted(expression.minutes):
                if start <= (time := _HOUR * hour + minute) < end:
                    yield time


def _names_hour(expression: CronExpression, start: int, end: int) -> bool:
    hours = range(start // _HOUR, -(-end // _HOUR))
    return any(hour % 24 in expression.hours for hour in hours)


def _matching(dates: Iterable[Dates], change: ClockChange, local: int, utc: int) -> Iterator[Dates]:
    """Yield the days of UTC, `utc` after those of `change`, on which to run.

    They are those whose local day, `local` after that of `change`, is one of `dates`.
    """
    for day, in_utc in zip(change.shifted[local], change.dates[utc], strict=True):
        for some in dates:
            if (
                day.weekday in some.weekdays
                and day.month in some.months
                and (day.from_end if some.from_end else day.day) in some.days
            ):
                if some.years is EVERY_YEAR:
                    yield in_utc
                elif years := some.years & day.years:
                    # Only a single date is at the turn of a year.
                    yield in_utc if day.is_date else replace(in_utc, years=years)


def _by_times(times: Iterable[int], dates: tuple[Dates, ...]) -> list[Runs]:
    """Return runs at `times`, minutes of the day, hours with the same minutes together."""
    by_hour: dict[int, set[int]] = defaultdict(set)
    for time in times:
        by_hour[time // _HOUR].add(time % _HOUR)
    together: dict[frozenset[int], set[int]] = defaultdict(set)
    for hour, minutes in sorted(by_hour.items()):
        together[frozenset(minutes)].add(hour)
    return [
        Runs(hours=frozenset(hours), minutes=minutes, dates=dates)
        for minutes, hours in together.items()
        if dates
    ]
