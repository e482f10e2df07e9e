# SPDX-License-Identifier: Apache-2.0
"""The clock changes of a time zone that are to come, as sets of days: by its rule, or by date.

The rule at the end of a zone's file holds for ever, but not always from now on: where the file
lists other changes for a year (Ramadan in Gaza), those are what happens in it, by their dates.
"""

from __future__ import annotations

import calendar
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property, lru_cache
from typing import NamedTuple

from debvisor_timers.calendar.dates import (
    COMMON_YEARS,
    EVERY_WEEKDAY,
    EVERY_YEAR,
    LEAP_YEARS,
    Dates,
    join,
)
from debvisor_timers.calendar.posix_tz import YearlyChange, parse_posix_tz
from debvisor_timers.calendar.tzfile import LocalTime, Transition, ZoneFile

FIRST_YEAR = 2026
"""Changes before it are over. No clock is asked: the same YAML gives the same units, every year."""

LONGEST_MINUTES = 3 * 60
"""What is as long as this is no summer time: Debian's cron takes it for a clock that was set."""

DAY_MINUTES = 24 * 60
_EPOCH = date(1970, 1, 1).toordinal()
_FIRST_SECOND = (date(FIRST_YEAR, 1, 1).toordinal() - _EPOCH) * DAY_MINUTES * 60
# Of the local days around a change and the days of UTC that they touch.
_SHIFTS = range(-1, 3)


@dataclass(frozen=True, slots=True)
class ChangeDay:
    """A day on which a change can come; weekday: 1, Monday, to 7, Sunday.

    years: all leap or all common, so that each has the same days; a single one where `is_date`.
    is_date: it comes for sure, else only in those of the years in which it has that weekday.
    """

    years: frozenset[int]
    month: int
    day: int
    weekday: int
    is_date: bool = False

    @property
    def any_year(self) -> int:
        """Return one of the years."""
        return min(self.years)

    @property
    def from_end(self) -> int:
        """Return which day of the month it is, counted from the last, 1."""
        return calendar.monthrange(self.any_year, self.month)[1] + 1 - self.day

    def shifted(self, days: int) -> ChangeDay:
        """Return the day that comes `days` later."""
        here = date(self.any_year, self.month, self.day)
        there = here + timedelta(days=days)
        turned = there.year - here.year
        return replace(
            self,
            years=frozenset(year + turned for year in self.years) if turned else self.years,
            month=there.month,
            day=there.day,
            weekday=(self.weekday - 1 + days) % 7 + 1,
        )

    def as_dates(self, years: frozenset[int] | None = None) -> Dates:
        """Return it as a set of dates, in some of its `years` only where they are given."""
        return Dates(
            years=self.years if years is None else years,
            months=frozenset({self.month}),
            days=frozenset({self.day}),
            weekdays=EVERY_WEEKDAY if self.is_date else frozenset({self.weekday}),
        )


@dataclass(frozen=True, kw_only=True, eq=False)
class ClockChange:
    """One kind of change, with every day on which it comes.

    minute: of that day by the clock before, 0-1439; with it the clock jumps.
    before, after: minutes east of UTC. begins_summer: to daylight saving time, and from standard.
    is_seasonal: between standard time and daylight saving time; else the zone itself is another.
    """

    minute: int
    before: int
    after: int
    begins_summer: bool
    is_seasonal: bool
    days: tuple[ChangeDay, ...]

    @property
    def length(self) -> int:
        """Return how many minutes are left out; below 0: how many come twice."""
        return self.after - self.before

    @cached_property
    def shifted(self) -> Mapping[int, tuple[ChangeDay, ...]]:
        """Return `days`, and the days around each of them, by how many days later they are."""
        return {days: tuple(day.shifted(days) for day in self.days) for days in _SHIFTS}

    @cached_property
    def dates(self) -> Mapping[int, tuple[Dates, ...]]:
        """Return the same as sets of dates."""
        return {days: tuple(day.as_dates() for day in some) for days, some in self.shifted.items()}


@dataclass(frozen=True, eq=False, slots=True)
class Days:
    """Some days of change; one object for all times that they are about, known by its identity.

    years: all those of which one has such a day.
    """

    dates: tuple[Dates, ...]
    years: frozenset[int]


class OddDays(NamedTuple):
    """Days on which a time of the day is odd.

    left_out: those on which a gap leaves it out. cut: those on which no local line may name it.
    """

    left_out: Days | None
    cut: tuple[Days, ...]


@dataclass(frozen=True, kw_only=True, eq=False)
class ZoneChanges:
    """All changes to come of a zone, and what they are made from.

    law: the rule and the dates in short: equal for equal changes.
    known_until: the last change that the database has, where it has no rule for what follows.
    """

    changes: tuple[ClockChange, ...] = ()
    law: str
    known_until: date | None = None

    @cached_property
    def odd_times(self) -> Mapping[bool, Mapping[int, Sequence[tuple[int, OddDays]]]]:
        """Return the minutes of each hour that are odd on some days, for fixed jobs and others."""
        return {True: self._by_hour(self._repeated), False: self._by_hour({})}

    def _by_hour(self, repeated: TimesOnDays) -> Mapping[int, Sequence[tuple[int, OddDays]]]:
        found: dict[int, list[tuple[int, OddDays]]] = defaultdict(list)
        left_out, unsafe = self._left_out, self._unsafe
        for time in sorted({*left_out, *unsafe, *repeated}):
            days = OddDays(
                left_out=left_out.get(time),
                cut=tuple(some[time] for some in (unsafe, repeated) if time in some),
            )
            found[time // 60].append((time % 60, days))
        return found

    @cached_property
    def _repeated(self) -> TimesOnDays:
        return _times_on_days(change for change in self.changes if change.length < 0)

    @cached_property
    def _left_out(self) -> TimesOnDays:
        return _times_on_days(change for change in self.changes if change.length > 0)

    @cached_property
    def _unsafe(self) -> TimesOnDays:
        # What a gap leaves out that begins within an hour: systemd 257's search for such a time
        # gives up with an error. What comes twice with no change of season: it can answer with a
        # moment before the one that it starts from.
        return _times_on_days(
            change
            for change in self.changes
            if (change.length > 0 and change.minute % 60)
            or (change.length < 0 and not change.is_seasonal)
        )

    @cached_property
    def has_missing_midnight(self) -> bool:
        """Return True where a gap begins or ends a day, or lies on a first day of a month.

        There systemd 257 loses its way: it counts `~07` from a time of day that is not there, and
        takes the 31st of a shorter month for one of the first days of the next.
        """
        return any(
            change.length > 0
            and (
                change.minute == 0
                or change.minute + change.length >= DAY_MINUTES
                or any(day.day <= 3 for day in change.days)
            )
            for change in self.changes
        )


TimesOnDays = Mapping[int, Days]
"""Minutes of the day, each with the days that it is about."""


def _times_on_days(changes: Iterable[ClockChange]) -> TimesOnDays:
    found: dict[int, list[tuple[ClockChange, int]]] = defaultdict(list)
    for change in changes:
        end = change.minute + change.length
        for time in range(min(change.minute, end), max(change.minute, end)):
            found[time % DAY_MINUTES].append((change, time // DAY_MINUTES))
    days: dict[tuple[tuple[ClockChange, int], ...], Days] = {}
    for several in set(map(tuple, found.values())):
        dates = join(dates for change, shift in several for dates in change.dates[shift])
        years = frozenset(year for some in dates for year in some.years)
        days[several] = Days(dates=dates, years=years)
    return {time: days[tuple(several)] for time, several in found.items()}


NO_CHANGES = ZoneChanges(law="UTC0")


class _Kind(NamedTuple):
    """What all days of one ClockChange have in common."""

    minute: int
    before: int
    after: int
    begins_summer: bool
    is_seasonal: bool


@dataclass(frozen=True, slots=True, order=True)
class _Moment:
    """One change: minutes since 1970 in UTC, and minutes east of UTC before and after."""

    at: int
    before: int
    after: int
    begins_summer: bool
    is_seasonal: bool

    @property
    def kind(self) -> _Kind:
        return _Kind(self.minute, self.before, self.after, self.begins_summer, self.is_seasonal)

    @property
    def year(self) -> int:
        return self._local_date.year

    @property
    def minute(self) -> int:
        return (self.at + self.before) % DAY_MINUTES

    @property
    def _local_date(self) -> date:
        return date.fromordinal(_EPOCH + (self.at + self.before) // DAY_MINUTES)

    def day(self) -> ChangeDay:
        here = self._local_date
        years = frozenset({here.year})
        return ChangeDay(years, here.month, here.day, here.isoweekday(), is_date=True)


def changes_to_come(zone: ZoneFile) -> ZoneChanges:
    """Return the changes of `zone` from FIRST_YEAR on.

    Changes of three hours and more are left out, and what changes no clock but a name.
    Raises ValueError where clocks are not changed at whole minutes.
    """
    recent = tuple(each for each in zone.transitions if each.at >= _FIRST_SECOND)
    return _changes_to_come(zone.footer, recent)


@lru_cache(maxsize=256)  # many zones have the same law
def _changes_to_come(footer: str, transitions: tuple[Transition, ...]) -> ZoneChanges:
    rule = _lasting(parse_posix_tz(footer)) if footer else ()
    irregular = dict(_irregular(transitions, rule))
    single = sorted(moment for moments in irregular.values() for moment in moments)
    days = [*_recurring(rule, EVERY_YEAR.difference(irregular)), *_single(single)]
    return ZoneChanges(
        changes=tuple(_kinds(days)),
        law=_law(footer, single),
        known_until=_date(single[-1]) if single and not rule else None,
    )


def _irregular(
    transitions: Iterable[Transition], rule: Iterable[YearlyChange]
) -> Iterator[tuple[int, set[_Moment]]]:
    """Yield the years in which other changes are listed than the rule has, with those listed."""
    listed = {
        _moment(each.at, each.before, each.after)
        for each in transitions
        if each.before.offset != each.after.offset
    }
    last = max((moment.at for moment in listed), default=0)
    for year in range(FIRST_YEAR, max((moment.year for moment in listed), default=0) + 1):
        predicted = {_yearly(change, year) for change in rule}
        moments = {moment for moment in listed if moment.year == year}
        moments |= {moment for moment in predicted if moment.at > last}
        if moments != predicted:
            yield year, moments


def _kinds(days: Iterable[tuple[_Kind, ChangeDay]]) -> Iterator[ClockChange]:
    by_kind: dict[_Kind, list[ChangeDay]] = defaultdict(list)
    for kind, day in days:
        by_kind[kind].append(day)
    for kind, found in by_kind.items():
        if abs(kind.after - kind.before) < LONGEST_MINUTES:
            yield ClockChange(**kind._asdict(), days=tuple(found))


def _single(moments: Iterable[_Moment]) -> Iterator[tuple[_Kind, ChangeDay]]:
    for moment in moments:
        yield moment.kind, moment.day()


def _recurring(
    rule: Iterable[YearlyChange], years: frozenset[int]
) -> Iterator[tuple[_Kind, ChangeDay]]:
    """Yield every day that the yearly changes can fall on: in leap and in common years."""
    for change in rule:
        kind = _yearly(change, min(years)).kind
        for some in (years & LEAP_YEARS, years & COMMON_YEARS):
            for day in change.dates(min(some)) if some else ():
                for weekday in [change.weekday] if change.weekday else range(1, 8):
                    first = ChangeDay(some, day.month, day.day, weekday)
                    here = first.shifted(change.seconds // 60 // DAY_MINUTES)
                    if (here.month, here.day) >= (12, 29) or (here.month, here.day) == (1, 1):
                        raise ValueError("its clock is changed at the turn of the year")
                    yield kind, here


def _lasting(
    rule: tuple[YearlyChange, YearlyChange] | None,
) -> tuple[YearlyChange, ...]:
    """Return `rule`; nothing where summer time begins again as soon as it has ended."""
    if rule is None:
        return ()
    first, second = (_yearly(change, FIRST_YEAR) for change in rule)
    again = _yearly(rule[0], FIRST_YEAR + 1)
    return () if second.at in {first.at, again.at} else rule


def _yearly(change: YearlyChange, year: int) -> _Moment:
    midnight = (change.date(year).toordinal() - _EPOCH) * DAY_MINUTES * 60
    at = midnight + change.seconds - change.before.offset
    return _moment(at, change.before, change.after)


def _moment(at: int, before: LocalTime, after: LocalTime) -> _Moment:
    if any(seconds % 60 for seconds in (at, before.offset, after.offset)):
        raise ValueError("its clock is not changed at whole minutes")
    return _Moment(
        at=at // 60,
        before=before.offset // 60,
        after=after.offset // 60,
        begins_summer=after.is_dst and not before.is_dst,
        is_seasonal=after.is_dst != before.is_dst,
    )


def _date(moment: _Moment) -> date:
    day = moment.day()
    return date(day.any_year, day.month, day.day)


def _law(footer: str, single: list[_Moment]) -> str:
    if not single:
        return footer
    digest = hashlib.sha256(repr(single).encode()).hexdigest()[:8]
    last = _date(single[-1])
    return f"{footer} and by date until {last} ({digest})"
