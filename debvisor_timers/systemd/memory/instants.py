# SPDX-License-Identifier: Apache-2.0
"""A small reader of systemd's timestamps, for the twin: the forms that people write most."""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from debvisor_timers.errors import ScheduleError
from debvisor_timers.jobs.duration import parse_timespan

_DAYS = {"yesterday": -1, "today": 0, "tomorrow": 1}
_CLOCK = r"(?P<clock>\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)"
_CALENDAR = re.compile(
    rf"(?:(?P<weekday>[A-Z][a-z]{{2}}) )?(?:(?P<date>\d{{4}}-\d\d-\d\d)(?: {_CLOCK})?"
    rf"|{_CLOCK.replace('clock', 'alone')})(?: (?P<zone>[A-Z][\w/+-]*))?"
)
_RFC3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:[Zz]|[+-]\d\d:\d\d)")


def parse_instant(text: str, *, now: datetime, local: tzinfo) -> datetime | None:
    """Return the instant that `text` names, in UTC; None when it names none."""
    try:
        if text == "now":
            return now
        if text in _DAYS:
            return _midnight(now.astimezone(local).date() + timedelta(days=_DAYS[text]), local)
        if text.startswith("@"):
            return datetime.fromtimestamp(float(text[1:]), UTC)
        if _RFC3339.fullmatch(text):
            return datetime.fromisoformat(text.upper()).astimezone(UTC)
        return _relative(text, now) or _calendar(text, now, local)
    except (ValueError, OverflowError, ZoneInfoNotFoundError, ScheduleError):
        return None


def _midnight(day: date, local: tzinfo) -> datetime:
    return datetime.combine(day, time(), local).astimezone(UTC)


def _relative(text: str, now: datetime) -> datetime | None:
    if text.startswith(("+", "-")):
        span = parse_timespan(text[1:])
        return None if span is None else now + span if text[0] == "+" else now - span
    for ending, sign in ((" ago", -1), (" left", 1)):
        if text.endswith(ending):
            span = parse_timespan(text.removesuffix(ending))
            return None if span is None else now + sign * span
    return None


def _calendar(text: str, now: datetime, local: tzinfo) -> datetime | None:
    match = _CALENDAR.fullmatch(text)
    if match is None:
        return None
    zone = local
    if match["zone"]:
        zone = UTC if match["zone"] == "UTC" else ZoneInfo(match["zone"])
    day = date.fromisoformat(match["date"]) if match["date"] else now.astimezone(zone).date()
    clock = time.fromisoformat(match["clock"] or match["alone"] or "00:00")
    if match["weekday"] and f"{day:%a}" != match["weekday"]:
        return None
    return datetime.combine(day, clock, zone).astimezone(UTC)
