# SPDX-License-Identifier: Apache-2.0
"""The days of an iCalendar file: those that its events touch, recurrences expanded."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from typing import Any

YEARS = range(2026, 2046)
"""In which recurrences are expanded. Fixed, so that the same file gives the same units for ever."""

_TOO_OFTEN = {"SECONDLY", "MINUTELY", "HOURLY"}


class IcsError(Exception):
    """A file that is no iCalendar, or an event in it that makes no sense."""


def read_days(text: str) -> frozenset[date]:
    """Return the local days that the events in `text`, an iCalendar file, touch in `YEARS`.

    The end of a whole-day event is exclusive, as iCalendar has it. A timed event touches the days
    of its own zone. Cancelled events do not count. Raises IcsError.
    Source: RFC 5545, 3.6.1.
    """
    # Only hosts that use such a file pay for these.
    import icalendar  # noqa: PLC0415
    import recurring_ical_events  # noqa: PLC0415

    try:
        calendars = icalendar.Calendar.from_ical(text, multiple=True)
    except ValueError as error:
        raise IcsError(f"is no iCalendar file: {_first_line(error)}") from error
    if not calendars or any(calendar.name != "VCALENDAR" for calendar in calendars):
        raise IcsError("is no iCalendar file: it has no whole VCALENDAR")
    found: set[date] = set()
    for calendar in calendars:
        for event in calendar.walk("VEVENT"):
            _check(event)
        try:
            query = recurring_ical_events.of(calendar)
            events = query.between(date(YEARS[0] - 1, 12, 30), date(YEARS[-1] + 1, 1, 2))
        except (ValueError, TypeError, LookupError, AttributeError, OverflowError) as error:
            raise IcsError(f"has an event that makes no sense: {_first_line(error)}") from error
        for event in events:
            found.update(_days(event))
    return frozenset(found)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]


def _check(event: Any) -> None:
    """Raise for an event of which a reader would drop a part in silence."""
    name = str(event.get("SUMMARY") or event.get("UID") or "without a name")
    # icalendar keeps what it could not read here, and goes on without it.
    for key, wrong in event.errors:
        raise IcsError(f"the event {name!r} has a wrong {key}: {wrong}")
    if "DTSTART" not in event:
        raise IcsError(f"the event {name!r} has no DTSTART")
    rules = event.get("RRULE", [])
    for rule in rules if isinstance(rules, list) else [rules]:
        often = _TOO_OFTEN & {str(each).upper() for each in rule.get("FREQ", [])}
        if often:
            raise IcsError(f"the event {name!r} recurs {often.pop().lower()}, which names no days")
        # dateutil 2.9 would look for its next day for ever.
        if any(int(each) < 1 for each in rule.get("INTERVAL", [])):
            raise IcsError(f"the event {name!r} has a wrong RRULE: its INTERVAL is less than 1")


def _days(event: Any) -> Iterator[date]:
    if str(event.get("STATUS", "")).upper() == "CANCELLED":
        return
    first, end = event["DTSTART"].dt, event["DTEND"].dt
    last = end - timedelta(microseconds=1) if isinstance(end, datetime) else end - timedelta(days=1)
    if isinstance(first, datetime):
        # A flight may end in another zone than it begins in.
        last = last.astimezone(first.tzinfo) if first.tzinfo and last.tzinfo else last
        first, last = first.date(), last.date()
    day, last = max(first, date(YEARS[0], 1, 1)), min(max(first, last), date(YEARS[-1], 12, 31))
    while day <= last:
        yield day
        day += timedelta(days=1)
