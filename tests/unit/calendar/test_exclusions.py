# SPDX-License-Identifier: Apache-2.0
"""Days that are left out: what a text stands for, what is refused, and what a reader is told."""

from __future__ import annotations

from datetime import date, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from debvisor_timers.calendar.exclusions import (
    DateRange,
    Exclusions,
    YearlyRange,
    join_days,
    last_day,
    parse_days,
)
from debvisor_timers.errors import ScheduleError

DATES = st.dates(date(2024, 1, 1), date(2030, 12, 31))


@pytest.mark.parametrize(
    ("text", "held", "not_held"),
    [
        ("2026-12-25", ["2026-12-25"], ["2026-12-24", "2026-12-26", "2027-12-25"]),
        ("2026-12-24..2027-01-01", ["2026-12-24", "2026-12-31", "2027-01-01"], ["2027-01-02"]),
        ("*-12-25", ["2026-12-25", "2199-12-25"], ["2026-12-24"]),
        ("*-05-01..*-05-03", ["2026-05-01", "2031-05-03"], ["2026-04-30", "2026-05-04"]),
        ("*-12-24..*-01-06", ["2026-12-31", "2027-01-06", "2027-12-24"], ["2027-01-07"]),
        ("*-02-29", ["2028-02-29"], ["2027-02-28", "2027-03-01"]),
    ],
)
def test_a_text_stands_for_its_days(text: str, held: list[str], not_held: list[str]) -> None:
    days = parse_days(text)

    assert all(date.fromisoformat(day) in days for day in held)
    assert not any(date.fromisoformat(day) in days for day in not_held)
    assert str(days) == text


@pytest.mark.parametrize(
    ("text", "message", "fix", "place"),
    [
        (
            "2026-02-30",
            "day 30 is outside 1-28, the days of February 2026",
            "use a day from 01 to 28",
            (8, 2),
        ),
        (
            "*-02-30",
            "day 30 is outside 1-29, the days of February",
            "use a day from 01 to 29",
            (5, 2),
        ),
        ("2026-13-01", "month 13 is outside 1-12", "use a month from 01 to 12", (5, 2)),
        ("0026-12-25", "year 0026 is outside 1970-2199", "correct the year", (0, 4)),
        (
            "2027-01-01..2026-12-24",
            "'2027-01-01..2026-12-24' ends before it begins",
            "write 2026-12-24..2027-01-01",
            (0, 22),
        ),
        (
            "2026-12-24..*-01-06",
            "'2026-12-24..*-01-06' names a year on one side only",
            "write the year on both sides, or * on both",
            (0, 19),
        ),
        ("2026-12-5", "'2026-12-5' is no date", 'write "2026-12-05"', (0, 9)),
        ("12-25", "'12-25' is no date", 'write "*-12-25"', (0, 5)),
        ("25.12.2026", "'25.12.2026' is no date", 'write "2026-12-25"', (0, 10)),
        ("2026-12-24..", "'' is no date", None, (12, 1)),
        ("", "'' is no date", None, (0, 1)),
        ("2026-12-24 .. 2026-12-26", "'2026-12-24 ' is no date", None, (0, 11)),
        ("٢٠٢٦-12-25", "'٢٠٢٦-12-25' is no date", None, (0, 10)),
    ],
)
def test_what_is_no_day_is_refused_with_its_place(
    text: str, message: str, fix: str | None, place: tuple[int, int]
) -> None:
    with pytest.raises(ScheduleError) as raised:
        parse_days(text)

    assert raised.value.message == message
    assert (raised.value.start, raised.value.length) == place
    assert raised.value.fix == (
        fix or 'write a date such as 2026-12-25, "*-12-25" for each year, or 2026-12-24..2027-01-01'
    )


def test_days_in_a_row_are_joined_and_those_of_each_year_come_last() -> None:
    texts = ["*-12-25", "2026-12-26", "2026-05-05", "2026-12-24..2026-12-25", "*-01-01", "*-12-25"]

    assert join_days(texts) == ("2026-05-05", "2026-12-24..2026-12-26", "*-01-01", "*-12-25")


@given(st.lists(st.tuples(DATES, st.integers(0, 5))), DATES)
def test_joining_changes_no_day(spans: list[tuple[date, int]], day: date) -> None:
    texts = [str(DateRange(first, first + timedelta(days=more))) for first, more in spans]

    joined = join_days(texts)

    assert any(day in parse_days(text) for text in joined) == any(
        day in parse_days(text) for text in texts
    )
    assert join_days(reversed(texts)) == joined
    assert join_days(joined) == joined


@given(DATES, DATES)
def test_the_text_of_days_is_read_as_the_same_days(one: date, other: date) -> None:
    dates = DateRange(min(one, other), max(one, other))
    yearly = YearlyRange((one.month, one.day), (other.month, other.day))

    assert parse_days(str(dates)) == dates
    assert parse_days(str(yearly)) == yearly


def test_the_last_day_of_a_calendar() -> None:
    assert last_day(["2026-05-05", "2025-12-24..2026-01-02"]) == date(2026, 5, 5)
    assert last_day(["2026-05-05", "*-12-25"]) is None
    assert last_day([]) is None


CALENDARS = {"holidays": ("2026-12-25..2026-12-26", "*-01-01"), "audit": ("2026-12-26",)}


@pytest.mark.parametrize(
    ("exclude", "day", "reason"),
    [
        (["*-12-25"], "2026-12-25", "excluded: 2026-12-25"),
        (["holidays"], "2026-12-26", "excluded: holidays (2026-12-26)"),
        (["audit", "holidays"], "2026-12-26", "excluded: audit (2026-12-26)"),
        (["holidays", "2026-12-26"], "2026-12-26", "excluded: 2026-12-26"),
        (["holidays"], "2026-12-27", ""),
        ([], "2026-12-25", ""),
    ],
)
def test_a_reader_is_told_why_a_day_is_left_out(exclude: list[str], day: str, reason: str) -> None:
    assert Exclusions.of(exclude, CALENDARS).reason(date.fromisoformat(day)) == reason
