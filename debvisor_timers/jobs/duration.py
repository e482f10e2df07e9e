# SPDX-License-Identifier: Apache-2.0
"""Durations in systemd's spelling: `90`, `30min`, `1h 30min`, `infinity`."""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction
from functools import lru_cache

from debvisor_timers.errors import ScheduleError
from debvisor_timers.jobs.faults import quoted

# systemd 257, parse_time(): a month is 30.44 days and a year 365.25.
_MICROSECONDS = {
    1: ("us", "usec", "µs", "μs"),
    1_000: ("ms", "msec"),
    1_000_000: ("s", "sec", "second", "seconds"),
    60_000_000: ("m", "min", "minute", "minutes"),
    3_600_000_000: ("h", "hr", "hour", "hours"),
    86_400_000_000: ("d", "day", "days"),
    604_800_000_000: ("w", "week", "weeks"),
    2_629_800_000_000: ("M", "month", "months"),
    31_557_600_000_000: ("y", "year", "years"),
}
_UNITS = {name: size for size, names in _MICROSECONDS.items() for name in names}
SPAN_PATTERN = (
    r"^[ \t]*(infinity[ \t]*|[0-9]+(\.[0-9]+)?[ \t]*"
    r"|([0-9]+(\.[0-9]+)?[ \t]*[A-Za-z\u00b5\u03bc]+[ \t]*)+)$"
)
"""How a duration looks, for editors."""
_PART = re.compile(r"[ \t]*([0-9]+(?:\.[0-9]+)?)[ \t]*([A-Za-zµμ]*)[ \t]*")
_LONGEST = timedelta(days=100 * 365.25)
_SPELLING = (
    ("w", 604_800_000_000),
    ("d", 86_400_000_000),
    ("h", 3_600_000_000),
    ("min", 60_000_000),
    ("s", 1_000_000),
    ("ms", 1_000),
    ("us", 1),
)
_FIX = "write a time such as 90, 45s, 30min or 1h 30min"


@lru_cache(maxsize=1024)
def parse_timespan(text: str) -> timedelta | None:
    """Return the duration that systemd reads from `text`; None for `infinity`.

    A number alone means seconds. What systemd would cut off (less than a microsecond) is cut off.
    Raises ScheduleError with the characters that are wrong.
    Source: systemd.time(7) PARSING TIME SPANS.
    """
    if text.strip() == "infinity":
        return None
    total, position = Fraction(0), 0
    while position < len(text) or position == 0:
        part = _PART.match(text, position)
        if part is None:
            raise _wrong(text, position, len(text) - position)
        total += _microseconds(part, text)
        position = part.end()
    return _bounded(total, text)


def _microseconds(part: re.Match[str], text: str) -> Fraction:
    number, unit = part.groups()
    if unit == "" and part.span() != (0, len(text)):
        raise _wrong(text, part.start(1), len(number), f"{number} has no unit")
    if unit and unit not in _UNITS:
        raise _wrong(text, part.start(2), len(unit), f"unknown unit {quoted(unit)}")
    return Fraction(number) * _UNITS[unit or "s"]


def _bounded(microseconds: Fraction, text: str) -> timedelta:
    if microseconds > _LONGEST // timedelta(microseconds=1):
        raise ScheduleError(
            "longer than 100 years", fix="write infinity where no limit is wanted", length=len(text)
        )
    return timedelta(microseconds=int(microseconds))


def _wrong(text: str, start: int, length: int, why: str = "") -> ScheduleError:
    message = f"{quoted(text)} is not a duration" + (f": {why}" if why else "")
    return ScheduleError(message, fix=_FIX, start=start, length=max(length, 1))


def format_timespan(duration: timedelta) -> str:
    """Return `duration` in systemd's spelling, `1h30min`; `0` for none. Exact to microseconds."""
    rest = duration // timedelta(microseconds=1)
    parts = []
    for unit, size in _SPELLING:
        count, rest = divmod(rest, size)
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0"
