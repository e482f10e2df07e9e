# SPDX-License-Identifier: Apache-2.0
"""A small reader of OnCalendar= expressions, for the twin: the forms that jobs are rendered to."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

_DAY = timedelta(days=1)
# systemd looks no further than this year.
_LAST_YEAR = 2199
_WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_SHORTHANDS = {
    "minutely": "*-*-* *:*:00",
    "hourly": "*-*-* *:00:00",
    "daily": "*-*-* 00:00:00",
    "weekly": "Mon *-*-* 00:00:00",
    "monthly": "*-*-01 00:00:00",
    "quarterly": "*-01,04,07,10-01 00:00:00",
    "semiannually": "*-01,07-01 00:00:00",
    "yearly": "*-01-01 00:00:00",
    "annually": "*-01-01 00:00:00",
}
_DATE = re.compile(
    r"(?:(?P<year>[^-~\s]+)-)?(?P<month>[^-~\s]+)(?P<from_end>[-~])(?P<day>[^-~\s]+)"
)
_PIECE = re.compile(r"(?P<low>\d+)(?:\.\.(?P<high>\d+))?(?:/(?P<step>\d+))?")


class CalendarError(ValueError):
    """An expression that systemd refuses, or that the twin cannot read."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendar:
    """An expression, each field as the set of its values; days count from the end if `from_end`."""

    weekdays: frozenset[int]
    years: frozenset[int]
    months: frozenset[int]
    days: frozenset[int]
    from_end: bool
    times: tuple[time, ...]
    zone: tzinfo | None
    normalized: str

    def next_elapse(self, after: datetime, local: tzinfo) -> datetime | None:
        """Return the first of `elapses`; None when there is none."""
        return next(self.elapses(after, local), None)

    def elapses(self, after: datetime, local: tzinfo) -> Iterator[datetime]:
        """Yield the elapses strictly after `after`, in UTC.

        local: the zone of an expression that names none. A time that a clock change skips does not
        elapse; one that comes twice elapses the first time (systemd 257).
        """
        zone = self.zone or local
        # Two days of margin: a zone is never further from UTC than that.
        for day in self._dates(after.astimezone(zone).date() - _DAY):
            for clock in self.times:
                wall = datetime.combine(day, clock, zone)
                elapse = wall.astimezone(UTC)
                if elapse > after and elapse.astimezone(zone).replace(tzinfo=None) == (
                    wall.replace(tzinfo=None)
                ):
                    after = elapse
                    yield elapse

    def _dates(self, start: date) -> Iterator[date]:
        for year in sorted(year for year in self.years if year >= start.year):
            for month in sorted(self.months):
                if (year, month) < (start.year, start.month):
                    continue
                for day in self._days(year, month):
                    if day >= start and day.weekday() in self.weekdays:
                        yield day

    def _days(self, year: int, month: int) -> Iterator[date]:
        following = date(year + month // 12, month % 12 + 1, 1)
        length = (following - _DAY).day
        numbers = {length + 1 - day for day in self.days} if self.from_end else self.days
        for number in sorted(numbers):
            if 1 <= number <= length:
                yield date(year, month, number)


def parse_calendar(spec: str) -> Calendar:
    """Return `spec` as a value. Raises CalendarError."""
    words = spec.split()
    zone, words = _split_zone(words)
    if len(words) == 1 and words[0].lower() in _SHORTHANDS:
        words = _SHORTHANDS[words[0].lower()].split()
    weekday_word = words.pop(0) if words and words[0][0].isalpha() else ""
    date_word = words.pop(0) if words and ":" not in words[0] else "*-*-*"
    time_word = words.pop(0) if words else "00:00:00"
    if words or not spec.strip():
        raise CalendarError(spec)
    match = _DATE.fullmatch(date_word)
    if match is None:
        raise CalendarError(spec)
    named = spec.split()[-1:] if zone is not None else []
    return Calendar(
        weekdays=_weekdays(weekday_word),
        years=_values(match["year"] or "*", 1970, _LAST_YEAR),
        months=_values(match["month"], 1, 12),
        days=_values(match["day"], 1, 31, from_end=match["from_end"] == "~"),
        from_end=match["from_end"] == "~",
        times=_times(time_word),
        zone=zone,
        normalized=" ".join([*_normal(weekday_word, match, time_word), *named]),
    )


def _normal(weekday_word: str, match: re.Match[str], time_word: str) -> Iterator[str]:
    if weekday_word:
        yield weekday_word
    yield f"{match['year'] or '*'}-{match['month']}{match['from_end']}{match['day']}"
    yield time_word if time_word.count(":") == 2 else f"{time_word}:00"


def _split_zone(words: list[str]) -> tuple[tzinfo | None, list[str]]:
    if len(words) > 1 and words[-1] == "UTC":
        return UTC, words[:-1]
    if len(words) > 1 and "/" in words[-1] and words[-1][0].isalpha():
        try:
            return ZoneInfo(words[-1]), words[:-1]
        except (ZoneInfoNotFoundError, ValueError) as error:
            raise CalendarError(words[-1]) from error
    return None, words


def _weekdays(word: str) -> frozenset[int]:
    if not word:
        return frozenset(range(7))
    days: set[int] = set()
    for piece in word.split(","):
        low, _, high = piece.partition("..")
        first, last = _weekday(low), _weekday(high or low)
        # systemd reads Sat..Mon across the end of the week as well.
        days.update((first + n) % 7 for n in range((last - first) % 7 + 1))
    return frozenset(days)


def _weekday(word: str) -> int:
    try:
        return _WEEKDAYS.index(word[:3].lower())
    except ValueError:
        raise CalendarError(word) from None


def _times(word: str) -> tuple[time, ...]:
    hour, minute, *second = word.split(":")
    if len(second) > 1:
        raise CalendarError(word)
    return tuple(
        time(h, m, s)
        for h in sorted(_values(hour, 0, 23))
        for m in sorted(_values(minute, 0, 59))
        for s in sorted(_values(second[0] if second else "0", 0, 59))
    )


def _values(word: str, low: int, high: int, *, from_end: bool = False) -> frozenset[int]:
    values: set[int] = set()
    for piece in word.split(","):
        every = piece == "*"
        values.update(range(low, high + 1) if every else _range(piece, low, high, from_end))
    return frozenset(values)


def _range(piece: str, low: int, high: int, from_end: bool) -> range:  # noqa: FBT001
    match = _PIECE.fullmatch(piece.replace("*", str(low)) if piece.startswith("*/") else piece)
    if match is None:
        raise CalendarError(piece)
    first, step = int(match["low"]), int(match["step"] or 1)
    open_end = low if from_end else high
    last = int(match["high"] or (open_end if match["step"] else first))
    early, late = (
        (last, first) if from_end and match["step"] and not match["high"] else (first, last)
    )
    if not low <= early <= late <= high or step == 0:
        raise CalendarError(piece)
    # Steps go forward in time: counted from the end of the month, that is downwards.
    return range(late, early - 1, -step) if from_end else range(early, late + 1, step)
