# SPDX-License-Identifier: Apache-2.0
"""The days of an iCalendar file: those that its events touch, recurrences expanded."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime, time, timedelta
from math import prod
from typing import Any
from zoneinfo import ZoneInfo

YEARS = range(2026, 2046)
"""In which recurrences are expanded. Fixed, so that the same file gives the same units for ever."""

LARGEST_TEXT = 2 * 1024 * 1024
MOST_EVENTS = 10_000
MOST_OCCURRENCES = 50_000
MOST_WORK = 1_000_000
"""What is read and what is refused: so much takes a slow host about three seconds, 200 MB.

MOST_WORK: for looking through the recurrences, in about microseconds, see `_WORK`.
"""

_FIRST, _LAST = date(YEARS[0], 1, 1), date(YEARS[-1], 12, 31)
# A day more on each side, for whatever zone an event is in.
_FROM, _TO = _FIRST - timedelta(days=2), _LAST + timedelta(days=2)
# Later occurrences are looked through where they are moved, with all that follow, to earlier days.
_FARTHEST_MOVE = timedelta(days=366)
_LOOKED_THROUGH = datetime.combine(_TO + _FARTHEST_MOVE, time())

_WORK = {"YEARLY": (365, 32), "MONTHLY": (30, 8), "WEEKLY": (7, 4), "DAILY": (1, 2)}
"""Days of a step, and what dateutil 2.9 takes for one, measured in about microseconds."""
_WORK_OF_A_RULE = 100

_OFTEN = {"BYHOUR", "BYMINUTE", "BYSECOND"}
_LONGEST_QUOTE = 150
_MOST_POSITIONS = 31
_MOST_MOVES = 100
_MOST_CHANGES = 1000
_SLOW_ZONE = 5
"""As how many occurrences one counts whose zone the file itself has."""
_CYCLE = 400
"""Years after which the calendar, its weekdays and weeks repeat."""
_FAR = 9600
"""From here on there is one more cycle until the last year that Python has."""

_WRONG_FILE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    LookupError,
    OSError,
    RuntimeError,
    TypeError,
    ValueError,
)
"""What the libraries raise for one; RecursionError for what is nested too deeply, OSError for the
name of a zone that is a folder or too long."""

_CORRECT = "export it again from the program that made it, or correct it"
_FEWER = "keep only the days that jobs leave out"


class IcsError(Exception):
    """A file that is no iCalendar, or an event in it that makes no sense.

    fix: how to mend it.
    """

    def __init__(self, message: str, *, fix: str = _CORRECT) -> None:
        """Take the message, which reads on from the path of the file."""
        super().__init__(message)
        self.fix = fix


def read_days(text: str) -> frozenset[date]:
    """Return the local days that the events in `text`, an iCalendar file, touch in `YEARS`.

    The end of a whole-day event is exclusive, as iCalendar has it. A timed event touches the days
    of its own zone. Cancelled events do not count. Raises IcsError, also for more events than are
    read in reasonable time.
    Source: RFC 5545, 3.6.1.
    """
    if len(text) > LARGEST_TEXT:
        raise IcsError(f"is larger than {LARGEST_TEXT // 2**20} MiB", fix=_FEWER)
    calendars = _parse(text)
    try:
        _check_all(calendars)
        return frozenset(_join(_spans(calendars)))
    except _WRONG_FILE as error:
        raise IcsError(f"has an event that makes no sense: {_first_line(error)}") from error


def _parse(text: str) -> list[Any]:
    # Only hosts that use such a file pay for it.
    import icalendar  # noqa: PLC0415
    from icalendar.timezone import tzp  # noqa: PLC0415
    from icalendar.timezone.zoneinfo import ZONEINFO  # noqa: PLC0415

    # This forgets the zones of other files, too, which may have the names of other ones of this.
    tzp.use(_own_zones(ZONEINFO))
    try:
        calendars = icalendar.Calendar.from_ical(text, multiple=True)
    except _WRONG_FILE as error:
        raise IcsError(f"is no iCalendar file: {_first_line(error)}") from error
    if not calendars or any(calendar.name != "VCALENDAR" for calendar in calendars):
        raise IcsError("is no iCalendar file: it has no whole VCALENDAR")
    return list(calendars)


def _first_line(error: Exception) -> str:
    return _shortened((str(error).splitlines() or [type(error).__name__])[0])


def _shortened(text: str) -> str:
    return text if len(text) <= _LONGEST_QUOTE else text[:_LONGEST_QUOTE] + "..."


def _check_all(calendars: Iterable[Any]) -> None:
    calendars = list(calendars)
    events = [event for calendar in calendars for event in calendar.walk("VEVENT")]
    if len(events) > MOST_EVENTS:
        raise IcsError(f"has more than {MOST_EVENTS:,} events", fix=_FEWER)
    for event in events:
        _check(event)
    # Each occurrence is compared with each of these.
    moves = sum("RANGE" in getattr(event.get("RECURRENCE-ID"), "params", ()) for event in events)
    if moves > _MOST_MOVES:
        raise IcsError(f"moves recurring events more than {_MOST_MOVES} times", fix=_FEWER)


def _own_zones(provider: Any) -> Any:
    """Return icalendar's `provider` of zones so that it looks at those that a file itself has.

    icalendar looks up offsets while it reads, thus they cannot be looked at afterwards.
    """

    class OwnZones(provider):  # type: ignore[misc]
        def create_timezone(self, tz: Any) -> Any:
            _check_zone(tz)
            return super().create_timezone(tz)

    return OwnZones()


def _check_zone(zone: Any) -> None:
    """Raise for a zone of the file itself whose offsets would take long to look up."""
    name = str(zone.get("TZID", ""))
    changes = 0
    for each in zone.walk()[1:]:
        begin = each["DTSTART"].dt.year if "DTSTART" in each else YEARS.stop
        rules = _rules(each)
        # dateutil 2.9 would look for the next change for ever with an INTERVAL of 0.
        often = any(
            [str(kind).upper() for kind in rule["FREQ"]] != ["YEARLY"]
            or any(int(every) < 1 for every in rule.get("INTERVAL", []))
            for rule in rules
        )
        changes += 1 + sum(_changes(rule, YEARS.stop - begin) for rule in rules)
        if often or changes > _MOST_CHANGES:
            fix = "name a zone of this host in its events, as in TZID=Europe/Berlin"
            raise IcsError(f"has a zone {_shortened(name)!r} that changes too often", fix=fix)


def _changes(rule: Any, years: int) -> int:
    # Without a month a weekday is each week's. Even a rule without any day takes its time.
    weeks = 52 if "BYDAY" in rule and "BYMONTH" not in rule else 1
    return 40 + max(0, years) * weeks * prod(len(values) for values in rule.values())


def _check(event: Any) -> None:
    """Raise for an event of which a reader would drop a part in silence."""
    name = _name(event)
    # icalendar keeps what it could not read here, and goes on without it.
    for key, wrong in event.errors:
        raise IcsError(f"the event {name!r} has a wrong {key or 'line'}: {_shortened(wrong)}")
    if "DTSTART" not in event:
        raise IcsError(f"the event {name!r} has no DTSTART")
    for rule in _rules(event):
        _check_rule(name, rule)


def _name(event: Any) -> str:
    return _shortened(str(event.get("SUMMARY") or event.get("UID") or "without a name"))


def _rules(event: Any) -> list[Any]:
    rules = event.get("RRULE", [])
    return rules if isinstance(rules, list) else [rules]


def _check_rule(name: str, rule: Any) -> None:
    for often in (str(each) for each in rule.get("FREQ", [])):
        if often.upper() not in _WORK:
            raise IcsError(f"the event {name!r} recurs {often.lower()}, which names no days")
        if len(rule.get("BYSETPOS", [])) > min(_WORK[often.upper()][0], _MOST_POSITIONS):
            raise IcsError(
                f"the event {name!r} has a wrong RRULE: its BYSETPOS has too many values"
            )
    for key in sorted(_OFTEN & {str(key).upper() for key in rule}):
        if len(rule[key]) > 1:
            message = f"the event {name!r} recurs several times a day: its RRULE has a {key} of"
            fix = f"leave {key} out of its RRULE: a day counts as a whole"
            raise IcsError(f"{message} {len(rule[key])} values", fix=fix)
    # dateutil 2.9 would look for its next day for ever.
    if any(int(each) < 1 for each in rule.get("INTERVAL", [])):
        raise IcsError(f"the event {name!r} has a wrong RRULE: its INTERVAL is less than 1")


def _spans(calendars: Iterable[Any]) -> Iterator[tuple[date, date]]:
    """Yield the first and the last day of each occurrence, which can lie outside of `YEARS`."""
    import recurring_ical_events  # noqa: PLC0415

    bare = _bare_event(recurring_ical_events.EventAdapter)
    work, occurrences = 0, 0
    for calendar in calendars:
        for series in recurring_ical_events.of(calendar, components=[bare]).series:
            for rule in getattr(series.recurrence, "rrules", [])[1:]:
                work += _work(rule, series.recurrence.start)
                if work > MOST_WORK:
                    raise IcsError("has too many recurring events", fix=_FEWER)
            for occurrence in series.between(_FROM, _TO):
                occurrences += 1 if _has_quick_zone(occurrence.start) else _SLOW_ZONE
                if occurrences > MOST_OCCURRENCES:
                    message = f"has more than {MOST_OCCURRENCES:,} occurrences of events"
                    raise IcsError(message, fix=_FEWER)
                yield from occurrence.as_component(keep_recurrence_attributes=False)


def _has_quick_zone(start: Any) -> bool:
    return not isinstance(start, datetime) or isinstance(start.tzinfo, ZoneInfo | None)


def _bare_event(adapter: Any) -> Any:
    """Return a kind of recurring_ical_events' `adapter` whose occurrences are spans of days.

    The copies of the event that it makes of itself take most of the time.
    """

    class Bare(adapter):  # type: ignore[misc]
        def __init__(self, component: Any) -> None:
            super().__init__(component)
            self.counts = str(component.get("STATUS", "")).upper() != "CANCELLED"
            if self.end < self.start:
                raise IcsError(f"the event {_name(component)!r} ends before it begins")

        @property
        def end(self) -> Any:
            return _clamped(self.start, super().end)

        @property
        def extend_query_span_by(self) -> tuple[timedelta, timedelta]:
            before, after = super().extend_query_span_by
            if after > _FARTHEST_MOVE:
                raise ValueError("occurrences are moved by more than a year")
            return before, after

        def as_component(self, start: Any, stop: Any, _: bool) -> Any:  # noqa: FBT001
            return [_days(start, stop)] if self.counts else []

    return Bare


def _work(rule: Any, start: datetime) -> int:
    """Return what it takes to look through a recurrence from `start` on, see MOST_WORK.

    dateutil looks for the next occurrence up to the year 9999, though there may be none, which can
    take it seconds. Thus this looks some cycles of the calendar later, where that is near.
    """
    parts = dict(part.split("=", 1) for part in rule.string.upper().split(";") if "=" in part)
    years = (_FAR - max(start.year, _LOOKED_THROUGH.year)) // _CYCLE * _CYCLE
    days, weight = _WORK[parts["FREQ"]]
    begin = start.replace(tzinfo=None, year=start.year + years)
    end = _LOOKED_THROUGH.replace(year=_LOOKED_THROUGH.year + years)
    if rule.until:
        end = end.replace(year=min(rule.until.year + 1 + years, end.year))
    interval, count = int(parts.get("INTERVAL", 1)), int(parts.get("COUNT", 0))
    same = rule.replace(dtstart=begin, count=None, until=None, cache=False)
    for number, found in enumerate(same, 1):
        if found > end or number in (count, MOST_WORK // 2):
            steps = int((found - begin).days // (days * interval)) + 1
            values = parts.get("BYSETPOS", "").count(",") + 1
            return int(_WORK_OF_A_RULE + steps * weight * values + number)
    raise ValueError(f"a recurrence names no days: {rule.string}")


def _clamped(start: Any, end: Any) -> Any:
    """Return an end for `end` that is after `YEARS`, too, and that can be reckoned with."""
    year = max(start.year + _CYCLE, YEARS.stop)
    return end if end.year <= year else end.replace(year=year, month=1, day=1)


def _days(first: Any, end: Any) -> tuple[date, date]:
    last = end - timedelta(microseconds=1) if isinstance(end, datetime) else end - timedelta(days=1)
    if isinstance(first, datetime):
        # A flight may end in another zone than it begins in.
        last = last.astimezone(first.tzinfo) if first.tzinfo and last.tzinfo else last
        first, last = first.date(), last.date()
    return first, max(first, last)


def _join(spans: Iterable[tuple[date, date]]) -> Iterator[date]:
    """Yield each day of `YEARS` in `spans`, once: spans can be long, and lie over each other."""
    day = _FIRST
    for first, last in sorted(set(spans)):
        day = max(day, first)
        while day <= min(last, _LAST):
            yield day
            day += timedelta(days=1)
