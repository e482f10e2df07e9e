# SPDX-License-Identifier: Apache-2.0
"""Which days an iCalendar file names, and what is no calendar of days."""

from __future__ import annotations

import subprocess
import sys

import pytest

from debvisor_timers.jobs.ics import IcsError, read_days

FIRST = "DTSTART;VALUE=DATE:20260101"
TIMED = "DTSTART:20260101T100000Z\nDURATION:PT1H"


def calendar(*events: str, head: str = "") -> str:
    """Return a calendar with these events, each with its properties on lines."""
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//x//y//EN", *head.splitlines()]
    for number, event in enumerate(events):
        lines += ["BEGIN:VEVENT", f"UID:{number}", "DTSTAMP:20260101T000000Z"]
        lines += [*event.splitlines(), "END:VEVENT"]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


def own_zone(frequency: str, offset: str = "+0100") -> str:
    """Return a zone named Own that has one offset."""
    return (
        "BEGIN:VTIMEZONE\nTZID:Own\nBEGIN:STANDARD\nDTSTART:19701025T030000\n"
        f"RRULE:FREQ={frequency}\nTZOFFSETFROM:{offset}\nTZOFFSETTO:{offset}\n"
        "END:STANDARD\nEND:VTIMEZONE"
    )


def days(text: str) -> list[str]:
    return [f"{day}" for day in sorted(read_days(text))]


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        # The end of a whole-day event is exclusive; without one it is a day.
        (
            "DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261227",
            ["2026-12-25", "2026-12-26"],
        ),
        ("DTSTART;VALUE=DATE:20261225", ["2026-12-25"]),
        ("DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261225", ["2026-12-25"]),
        # The day is that of the event's own zone, though it is another one in UTC.
        (
            (
                "DTSTART;TZID=America/New_York:20261225T220000\n"
                "DTEND;TZID=America/New_York:20261226T000000"
            ),
            ["2026-12-25"],
        ),
        (
            "DTSTART;TZID=America/New_York:20261225T220000\nDURATION:PT3H",
            ["2026-12-25", "2026-12-26"],
        ),
        ("DTSTART:20261225T220000\nDTEND:20261225T230000", ["2026-12-25"]),
        # It ends in another zone than it begins in: at 20:00 of the 25th, where it began.
        (
            "DTSTART;TZID=America/New_York:20261225T100000\nDTEND;TZID=Asia/Tokyo:20261226T100000",
            ["2026-12-25"],
        ),
        # Some days are taken out of a recurrence, one is put in.
        (
            (
                "DTSTART;VALUE=DATE:20261201\nRRULE:FREQ=DAILY;COUNT=4\n"
                "EXDATE;VALUE=DATE:20261202\nRDATE;VALUE=DATE:20270101"
            ),
            ["2026-12-01", "2026-12-03", "2026-12-04", "2027-01-01"],
        ),
        ("DTSTART;VALUE=DATE:20261225\nSTATUS:CANCELLED", []),
        ("DTSTART;VALUE=DATE:20200101\nDTEND;VALUE=DATE:20200103", []),
    ],
)
def test_the_days_that_an_event_touches(event: str, expected: list[str]) -> None:
    assert days(calendar(event)) == expected


def test_a_recurrence_is_expanded_for_fixed_years() -> None:
    found = days(calendar("DTSTART;VALUE=DATE:19701225\nRRULE:FREQ=YEARLY"))

    assert (found[0], found[-1], len(found)) == ("2026-12-25", "2045-12-25", 20)


def test_a_moved_occurrence_counts_where_it_was_moved_to() -> None:
    text = calendar(
        "DTSTART;VALUE=DATE:20261201\nRRULE:FREQ=DAILY;COUNT=2",
        "RECURRENCE-ID;VALUE=DATE:20261202\nDTSTART;VALUE=DATE:20261210",
    ).replace("UID:1", "UID:0")

    assert days(text) == ["2026-12-01", "2026-12-10"]


def test_the_zone_that_a_whole_calendar_names_counts_for_its_times_in_utc() -> None:
    event = "DTSTART:20261225T220000Z\nDTEND:20261225T230000Z"

    assert days(calendar(event, head="X-WR-TIMEZONE:Asia/Tokyo")) == ["2026-12-26"]


def test_all_events_of_all_calendars_of_a_file_count() -> None:
    one, other = "DTSTART;VALUE=DATE:20261225", "DTSTART;VALUE=DATE:20261231"

    assert days(calendar(one) + calendar(other, one)) == ["2026-12-25", "2026-12-31"]
    assert days(calendar()) == []


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "is no iCalendar file: it has no whole VCALENDAR"),
        ("hello\n", "is no iCalendar file: Content line could not be parsed"),
        ("BEGIN:VCALENDAR\nVERSION:2.0\n", "is no iCalendar file: it has no whole VCALENDAR"),
        (calendar("SUMMARY:Easter"), "the event 'Easter' has no DTSTART"),
        (calendar("DTSTART;VALUE=DATE:20269925"), "the event '0' has a wrong DTSTART"),
        (
            calendar("DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=NEVERLY"),
            "the event '0' has a wrong RRULE",
        ),
        (
            calendar("DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=DAILY;INTERVAL=0"),
            "the event '0' has a wrong RRULE: its INTERVAL is less than 1",
        ),
        (
            calendar("DTSTART;VALUE=DATE:20261225\nRRULE:FREQ=HOURLY"),
            "the event '0' recurs hourly, which names no days",
        ),
        (
            calendar("DTSTART;VALUE=DATE:20261225\nDTEND;VALUE=DATE:20261220"),
            "the event '0' ends before it begins",
        ),
        (
            calendar("DTSTART:20270101T000000Z\nDURATION:-PT1H"),
            "the event '0' ends before it begins",
        ),
        (
            calendar("DTSTART:20270101T000000Z\nDURATION:P999999999W"),
            "is no iCalendar file: Python int too large",
        ),
        ("BEGIN:VCALENDAR\n" * 3000 + "END:VCALENDAR\n" * 3000, "has an event that makes no sense"),
        (
            calendar(f"{FIRST}\n" + "BEGIN:VALARM\n" * 3000 + "END:VALARM\n" * 3000),
            "has an event that makes no sense: maximum recursion depth exceeded",
        ),
        (calendar("DTSTART;TZID=Europe:20270101T000000"), "is no iCalendar file: "),
        (
            calendar("DTSTART;VALUE=DATE:20261225\nDTEND:20261226T000000Z"),
            "has an event that makes no sense",
        ),
    ],
)
def test_what_is_no_calendar_of_days_is_refused(text: str, message: str) -> None:
    with pytest.raises(IcsError) as raised:
        read_days(text)

    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("\n" * (2 * 1024 * 1024 + 1), "is larger than 2 MiB"),
        (calendar(*[FIRST] * 10_001), "has more than 10,000 events"),
        (
            calendar(*[f"{TIMED}\nRRULE:FREQ=DAILY"] * 200),
            "has more than 50,000 occurrences of events",
        ),
        (
            calendar("DTSTART;VALUE=DATE:00010101\nRRULE:FREQ=DAILY"),
            "has too many recurring events",
        ),
        (
            calendar(f"{TIMED}\nRRULE:FREQ=DAILY;BYHOUR=0,12;BYMINUTE=0,5;BYSECOND=0"),
            "the event '0' recurs several times a day: its RRULE has a BYHOUR of 2 values",
        ),
        (
            calendar(f"{FIRST}\nRRULE:FREQ=DAILY;BYSETPOS=2,3"),
            "the event '0' has a wrong RRULE: its BYSETPOS has too many values",
        ),
        (
            calendar(f"{FIRST}\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=30"),
            "has an event that makes no sense: a recurrence names no days: FREQ=DAILY",
        ),
        (
            calendar(
                f"{FIRST}\nRRULE:FREQ=DAILY", f"{FIRST}\nRECURRENCE-ID;RANGE=THISANDFUTURE:90000101"
            ).replace("UID:1", "UID:0"),
            "has an event that makes no sense: occurrences are moved by more than a year",
        ),
        (
            calendar(*[f"{FIRST}\nRECURRENCE-ID;RANGE=THISANDFUTURE:20260101"] * 101),
            "moves recurring events more than 100 times",
        ),
        (
            calendar("DTSTART;TZID=Own:20260101T100000", head=own_zone("SECONDLY")),
            "has a zone 'Own' that changes too often",
        ),
        (
            calendar("DTSTART;TZID=Own:20260101T100000", head=own_zone("YEARLY;INTERVAL=0")),
            "has a zone 'Own' that changes too often",
        ),
    ],
    ids=lambda text: "" if len(text) > 100 else text,
)
def test_what_would_take_too_long_is_refused(text: str, message: str) -> None:
    with pytest.raises(IcsError) as raised:
        read_days(text)

    assert str(raised.value).startswith(message)


@pytest.mark.parametrize(
    ("event", "expected"),
    [
        # Six such fit; one time of the day may be said.
        (f"{TIMED}\nRRULE:FREQ=DAILY;BYHOUR=9;BYMINUTE=30", 7305),
        ("DTSTART;VALUE=DATE:19700101\nRRULE:FREQ=DAILY", 7305),
        ("DTSTART;VALUE=DATE:00011225\nRRULE:FREQ=YEARLY", 20),
        ("DTSTART;VALUE=DATE:20240229\nRRULE:FREQ=YEARLY", 5),
        ("DTSTART;VALUE=DATE:19900101\nRRULE:FREQ=WEEKLY;UNTIL=19950101", 0),
        # Ends that are far away.
        ("DTSTART:20260101T000000Z\nDURATION:P10000D\nRRULE:FREQ=DAILY", 7305),
        ("DTSTART;VALUE=DATE:20450101\nDTEND;VALUE=DATE:99991231", 365),
        ("DTSTART:20450101T000000Z\nDTEND:99991231T235959Z", 365),
        ("DTSTART;VALUE=DATE:15000101\nDTEND;VALUE=DATE:20260103", 2),
        ("DTSTART;VALUE=DATE:15000101\nDTEND;VALUE=DATE:20000103", 0),
        ("DTSTART;VALUE=DATE:15000101\nDTEND;VALUE=DATE:99991231", 7305),
        ("DTSTART;VALUE=DATE:98000101\nDTEND;VALUE=DATE:99991230", 0),
    ],
)
def test_events_that_are_long_or_recur_often_have_all_their_days(event: str, expected: int) -> None:
    assert len(days(calendar(event))) == expected


def test_a_message_quotes_no_more_than_can_be_read() -> None:
    with pytest.raises(IcsError) as raised:
        read_days(calendar(f"SUMMARY:{'x' * 9999}\nDTSTART:{'9' * 9999}"))

    assert len(str(raised.value)) < 400


def test_a_zone_of_a_file_counts_in_that_file_alone() -> None:
    event = "DTSTART;TZID=Own:20261225T010000\nDTEND:20261225T000000Z"
    east, west = own_zone("YEARLY", "+1000"), own_zone("YEARLY", "-1000")

    assert days(calendar(event, head=east)) == ["2026-12-25"]
    with pytest.raises(IcsError, match="ends before it begins"):
        read_days(calendar(event, head=west))


def test_the_libraries_are_imported_only_when_a_file_is_read() -> None:
    code = "import sys, debvisor_timers.jobs.load; sys.exit('icalendar' in sys.modules)"

    subprocess.run([sys.executable, "-c", code], check=True)
