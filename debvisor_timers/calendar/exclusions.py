# SPDX-License-Identifier: Apache-2.0
"""Days on which a job does not run: dates, ranges, yearly ones, and calendars of them.

`begin` asks the same question of the texts alone, since it imports nothing of ours;
tests/unit/runtime/test_begin_skips.py holds the two against each other.
"""

from __future__ import annotations

import re
from calendar import month_name, monthrange
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from debvisor_timers.calendar.mistakes import quote
from debvisor_timers.errors import ScheduleError

CALENDAR_NAME = re.compile(r"[a-z][a-z0-9-]{0,62}")
YEARS = range(1970, 2200)
"""Those in which a date can be: systemd looks no further than 2199."""
DAYS_PATTERN = r"^([0-9]{4}|\*)-[0-9]{2}-[0-9]{2}(\.\.([0-9]{4}|\*)-[0-9]{2}-[0-9]{2})?$"
"""How days look, for editors; the check below is stricter."""

_DATE = re.compile(r"(\d{4}|\*)-(\d\d)-(\d\d)", re.ASCII)
_LOOSE = re.compile(r"(?:(\d{4}|\*)-)?(\d{1,2})-(\d{1,2})", re.ASCII)
_GERMAN = re.compile(r"(\d{1,2})\.(\d{1,2})\.(\d{4})", re.ASCII)
_LEAP_YEAR = 2000
_FORMS = 'write a date such as 2026-12-25, "*-12-25" for each year, or 2026-12-24..2027-01-01'


@dataclass(frozen=True, slots=True, order=True)
class DateRange:
    """The days from `first` to `last`, both included; its text is `2026-12-24..2027-01-01`."""

    first: date
    last: date

    def __contains__(self, day: date) -> bool:
        """Return True for a day of the range."""
        return self.first <= day <= self.last

    def __str__(self) -> str:
        """Return its text: one date where it is one day."""
        return f"{self.first}" if self.first == self.last else f"{self.first}..{self.last}"


@dataclass(frozen=True, slots=True, order=True)
class YearlyRange:
    """The days of every year from `first` to `last`, (month, day) each, perhaps over New Year."""

    first: tuple[int, int]
    last: tuple[int, int]

    def __contains__(self, day: date) -> bool:
        """Return True for a day of the range, in whichever year."""
        here = (day.month, day.day)
        if self.first <= self.last:
            return self.first <= here <= self.last
        return here >= self.first or here <= self.last

    def __str__(self) -> str:
        """Return its text, `*-12-24..*-01-06`: one date where it is one day."""
        first, last = ("*-{:02}-{:02}".format(*end) for end in (self.first, self.last))
        return first if first == last else f"{first}..{last}"


Days = DateRange | YearlyRange


@dataclass(frozen=True, slots=True, kw_only=True)
class Exclusions:
    """The days that a job leaves out.

    own: those that the job itself names. calendars: name and days of each that it names.
    """

    own: tuple[Days, ...] = ()
    calendars: tuple[tuple[str, tuple[Days, ...]], ...] = ()

    @classmethod
    def of(cls, exclude: Iterable[str], calendars: Mapping[str, Sequence[str]]) -> Exclusions:
        """Return what the texts of `schedule.exclude` stand for.

        calendars: the days of each calendar, as texts. Raises KeyError for one that is missing.
        """
        texts = tuple(exclude)
        return cls(
            own=tuple(parse_days(text) for text in texts if not is_calendar_name(text)),
            calendars=tuple(
                (text, tuple(map(parse_days, calendars[text])))
                for text in texts
                if is_calendar_name(text)
            ),
        )

    def reason(self, day: date) -> str:
        """Return why there is no run on the local date `day`; empty: it is not excluded."""
        if any(day in days for days in self.own):
            return f"excluded: {day}"
        for name, several in self.calendars:
            if any(day in days for days in several):
                return f"excluded: {name} ({day})"
        return ""


def is_calendar_name(text: str) -> bool:
    """Return True where `text`, an item of `schedule.exclude`, means a calendar and no date."""
    return text[:1].isalpha()


def parse_days(text: str) -> Days:
    """Return the days that `text` stands for: a date or a range, of one year or of each.

    Raises ScheduleError with the characters that are wrong.
    """
    first_text, dots, last_text = text.partition("..")
    first = _date(text, first_text, 0)
    last = _date(text, last_text, len(first_text) + 2) if dots else first
    if isinstance(first, date) and isinstance(last, date):
        if last < first:
            raise _wrong(
                text, f"{quote(text)} ends before it begins", f"write {last_text}..{first_text}"
            )
        return DateRange(first, last)
    if isinstance(first, date) or isinstance(last, date):
        raise _wrong(
            text,
            f"{quote(text)} names a year on one side only",
            "write the year on both sides, or * on both",
        )
    return YearlyRange(first, last)


def join_days(texts: Iterable[str]) -> tuple[str, ...]:
    """Return the days of `texts`, sorted, days in a row joined to ranges; those of each year last.

    The same days give the same texts.
    """
    days = [parse_days(text) for text in texts]
    joined: list[DateRange] = []
    for each in sorted(some for some in days if isinstance(some, DateRange)):
        if joined and each.first <= joined[-1].last + timedelta(days=1):
            joined[-1] = DateRange(joined[-1].first, max(joined[-1].last, each.last))
        else:
            joined.append(each)
    yearly = sorted({some for some in days if isinstance(some, YearlyRange)})
    return (*map(str, joined), *map(str, yearly))


def last_day(texts: Iterable[str]) -> date | None:
    """Return the last day of a calendar; None where it has none, or days in every year."""
    days = [parse_days(text) for text in texts]
    ends = [each.last for each in days if isinstance(each, DateRange)]
    return max(ends) if ends and len(ends) == len(days) else None


def _date(text: str, part: str, start: int) -> date | tuple[int, int]:
    """Return the date that `part` is, or (month, day) for one of every year."""
    match = _DATE.fullmatch(part)
    if match is None:
        raise _wrong(text, f"{quote(part)} is no date", _advice(part), start, part)
    month, day = int(match[2]), int(match[3])
    year = _LEAP_YEAR if match[1] == "*" else int(match[1])
    if year not in YEARS:
        message = f"year {match[1]} is outside {YEARS[0]}-{YEARS[-1]}"
        raise _wrong(text, message, "correct the year", start, match[1])
    if not 1 <= month <= 12:
        message = f"month {match[2]} is outside 1-12"
        raise _wrong(text, message, "use a month from 01 to 12", start + match.start(2), match[2])
    length = monthrange(year, month)[1]
    if not 1 <= day <= length:
        name = month_name[month] + ("" if match[1] == "*" else f" {year}")
        message = f"day {match[3]} is outside 1-{length}, the days of {name}"
        fix = f"use a day from 01 to {length}"
        raise _wrong(text, message, fix, start + match.start(3), match[3])
    return (month, day) if match[1] == "*" else date(year, month, day)


def _advice(part: str) -> str:
    """Return what may be meant by a date in another form."""
    if match := _LOOSE.fullmatch(part):
        year, month, day = match[1] or "*", int(match[2]), int(match[3])
    elif match := _GERMAN.fullmatch(part):
        year, month, day = match[3], int(match[2]), int(match[1])
    else:
        return _FORMS
    return f'write "{year}-{month:02}-{day:02}"'


def _wrong(
    text: str, message: str, fix: str, start: int = 0, part: str | None = None
) -> ScheduleError:
    length = len(text if part is None else part)
    return ScheduleError(message, fix=fix, start=start, length=max(length, 1))
