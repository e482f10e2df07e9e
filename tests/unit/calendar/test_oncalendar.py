# SPDX-License-Identifier: Apache-2.0
"""Printing OnCalendar= lines: the corner cases of cron, and sets of values."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from debvisor_timers.calendar.clock_changes import NO_CHANGES
from debvisor_timers.calendar.cron import parse_cron
from debvisor_timers.calendar.oncalendar import format_values, format_weekdays, to_oncalendar
from debvisor_timers.errors import ScheduleError

CASES = Path(__file__).parents[2] / "cases" / "calendar" / "corner_cases.yaml"
CORNER_CASES = yaml.safe_load(CASES.read_text(encoding="utf-8"))


@pytest.mark.parametrize("case", CORNER_CASES, ids=lambda case: case["cron"])
def test_corner_cases(case: dict[str, Any]) -> None:
    if "refused" in case:
        with pytest.raises(ScheduleError, match=case["refused"]):
            parse_cron(case["cron"])
    else:
        assert to_oncalendar(parse_cron(case["cron"]), NO_CHANGES) == (case["lines"], [])


@pytest.mark.parametrize(
    ("cron", "lines"),
    [
        # A Sunday the 28th moves forward only where the month goes on.
        (
            "0 0 28W * *",
            [
                "Mon..Fri *-*-28 00:00:00",
                "Fri *-*-27 00:00:00",
                "Fri 2025..2197/4,2026..2198/4,2027..2199/4,2100-02-26 00:00:00",
                "Mon *-*-29 00:00:00",
            ],
        ),
        ("0 0 */2 * 5L", ["Fri *-01,03..12-25,27,29,31 00:00:00", "Fri *-02-23,25,27,29 00:00:00"]),
        # systemd refuses "~01,26": further items of such a list have lower limits.
        ("0 0 L,L-24 * *", ["*-*~01,25 00:00:00"]),
        ("0 0 L,L-25 * *", ["*-*~01 00:00:00", "*-*~26 00:00:00"]),
        ("0 0 31 2,3 *", ["*-03-31 00:00:00"]),
        ("0 0 * * 1#1,1#3,5#3", ["Mon *-*-01..07,15..21 00:00:00", "Fri *-*-15..21 00:00:00"]),
    ],
)
def test_lines_beyond_the_corner_cases(cron: str, lines: list[str]) -> None:
    assert to_oncalendar(parse_cron(cron), NO_CHANGES) == (lines, [])


@pytest.mark.parametrize(
    ("values", "text"),
    [
        (range(60), "*"),
        ([7], "07"),
        ([7, 8], "07,08"),
        ([7, 8, 9], "07..09"),
        ([0, 15, 30, 45], "00,15,30,45"),
        (range(0, 60, 12), "00..59/12"),
        (range(2, 20, 3), "02..17/3"),
        ([0, 1, 2, 10, 11, 13, 14, 15, 16], "00..02,10,11,13..16"),
    ],
)
def test_values_of_minutes(values: list[int], text: str) -> None:
    assert format_values(frozenset(values), 0, 59) == text


@settings(database=None, derandomize=True)
@given(st.frozensets(st.integers(0, 59), min_size=1))
def test_printed_values_read_back_and_have_no_open_step(values: frozenset[int]) -> None:
    text = format_values(values, 0, 59)
    assert _read(text) == values
    assert re.fullmatch(r"\*|(?:\d\d(?:\.\.\d\d(?:/\d+)?)?,?)+(?<!,)", text)


def _read(text: str) -> set[int]:
    if text == "*":
        return set(range(60))
    found: set[int] = set()
    for item in text.split(","):
        body, _, step = item.partition("/")
        first, _, last = body.partition("..")
        found.update(range(int(first), int(last or first) + 1, int(step or 1)))
    return found


@pytest.mark.parametrize(
    ("weekdays", "text"),
    [({1, 2, 3, 4, 7}, "Mon..Thu,Sun"), ({6, 7}, "Sat,Sun"), ({5, 6, 7}, "Fri..Sun"), ({3}, "Wed")],
)
def test_weekdays_run_from_monday_to_sunday(weekdays: set[int], text: str) -> None:
    assert format_weekdays(frozenset(weekdays)) == text
