# SPDX-License-Identifier: Apache-2.0
"""The clock changes of a time zone that are to come, as sets of days: by its rule, or by date.

The rule at the end of a zone's file holds for ever, but not always from now on: where the file
lists other changes for a year (Ramadan in Gaza), those are what happens in it, by their dates.
"""

from __future__ import annotations

import calendar
import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date, timedelta
from functools import cached_property

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
    """

    minute: int
    before: int
    after: int
    begins_summer: bool
    days: tuple[ChangeDay, ...]

    @property
    def length(self) -> int:
        """Return how many minutes are left out; below 0: how many come twice."""
        return self.after - self.before

    @cached_property
    def shifted(self) -> Mapping[int, tuple[ChangeDay, ...]]:
        """Return `days`, and the days around each of them, by how many days later they are."""
        return {days: tuple(day.shifted(days) for day in self.days) for days in _SHIFTS}


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
    def repeated(self) -> TimesOnDays:
        """Return the times that come twice, with the days on which they do."""
        return _times_on_days(change for change in self.changes if change.length < 0)

    @cached_property
    def left_out(self) -> TimesOnDays:
        """Return the times that gaps leave out, with the days on which they do."""
        return _times_on_days(change for change in self.changes if change.length > 0)

    @cached_property
    def lost(self) -> TimesOnDays:
        """Return the times that gaps which begin within an hour leave out, with the days.

        systemd 257 looks for such a time without end, until it lets the timer fail.
        """
        return _times_on_days(
            change for change in self.changes if change.length > 0 and change.minute % 60
        )


TimesOnDays = Mapping[int, tuple[Dates, ...]]
"""Minutes of the day, each with the days that it is about; equal days are one object."""


def _times_on_days(changes: Iterable[ClockChange]) -> TimesOnDays:
    found: dict[int, list[Dates]] = defaultdict(list)
    for change in changes:
        end = change.minute + change.length
        for time in range(min(change.minute, end), max(change.minute, end)):
            days = change.shifted[time // DAY_MINUTES]
            found[time % DAY_MINUTES] += [day.as_dates() for day in days]
    same: dict[tuple[Dates, ...], tuple[Dates, ...]] = {}
    joined = ((time, join(dates)) for time, dates in found.items())
    return {time: same.setdefault(dates, dates) for time, dates in joined}


NO_CHANGES = ZoneChanges(law="UTC0")


@dataclass(frozen=True, slots=True, order=True)
class _Moment:
    """One change: minutes since 1970 in UTC, and minutes east of UTC before and after."""

    at: int
    before: int
    after: int
    begins_summer: bool

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
    rule = _lasting(parse_posix_tz(zone.footer)) if zone.footer else ()
    irregular = dict(_irregular(zone.transitions, rule))
    single = sorted(moment for moments in irregular.values() for moment in moments)
    days = [*_recurring(rule, EVERY_YEAR.difference(irregular)), *_single(single)]
    return ZoneChanges(
        changes=tuple(_kinds(days)),
        law=_law(zone.footer, single),
        known_until=_date(single[-1]) if single and not rule else None,
    )


def _irregular(
    transitions: Iterable[Transition], rule: Iterable[YearlyChange]
) -> Iterator[tuple[int, set[_Moment]]]:
    """Yield the years in which other changes are listed than the rule has, with those listed."""
    listed = {
        _moment(each.at, each.before, each.after)
        for each in transitions
        if each.at >= _FIRST_SECOND and each.before.offset != each.after.offset
    }
    last = max((moment.at for moment in listed), default=0)
    for year in range(FIRST_YEAR, max((moment.year for moment in listed), default=0) + 1):
        predicted = {_yearly(change, year) for change in rule}
        moments = {moment for moment in listed if moment.year == year}
        moments |= {moment for moment in predicted if moment.at > last}
        if moments != predicted:
            yield year, moments


_Kind = tuple[int, int, int, bool]


def _kinds(days: Iterable[tuple[_Kind, ChangeDay]]) -> Iterator[ClockChange]:
    by_kind: dict[_Kind, list[ChangeDay]] = defaultdict(list)
    for kind, day in days:
        by_kind[kind].append(day)
    for (minute, before, after, begins_summer), found in by_kind.items():
        if abs(after - before) < LONGEST_MINUTES:
            yield ClockChange(
                minute=minute,
                before=before,
                after=after,
                begins_summer=begins_summer,
                days=tuple(found),
            )


def _single(moments: Iterable[_Moment]) -> Iterator[tuple[_Kind, ChangeDay]]:
    for moment in moments:
        kind = (moment.minute, moment.before, moment.after, moment.begins_summer)
        yield kind, moment.day()


def _recurring(
    rule: Iterable[YearlyChange], years: frozenset[int]
) -> Iterator[tuple[_Kind, ChangeDay]]:
    """Yield every day that the yearly changes can fall on: in leap and in common years."""
    for change in rule:
        moment = _yearly(change, min(years))
        kind = (moment.minute, moment.before, moment.after, moment.begins_summer)
        for some in (years & LEAP_YEARS, years & COMMON_YEARS):
            for day in change.dates(min(some)) if some else ():
                for weekday in [change.weekday] if change.weekday else range(1, 8):
                    first = ChangeDay(some, day.month, day.day, weekday)
                    yield kind, first.shifted(change.seconds // 60 // DAY_MINUTES)


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
