# SPDX-License-Identifier: Apache-2.0
"""The twin's calendars; that they agree with systemd is in tests/contract/test_analyzer.py."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from debvisor_timers.systemd.memory.calendar import CalendarError, parse_calendar

AFTER = datetime(2026, 11, 23, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("spec", "elapse"),
    [
        ("*:0/20", "2026-11-23T12:20"),
        ("Sat,Sun 02:00", "2026-11-28T02:00"),
        ("Sat..Mon *-*-* 02:00", "2026-11-28T02:00"),
        ("12-24 18:00:00", "2026-12-24T18:00"),
        ("Mon *-*~07/1 03:00:00", "2026-11-30T03:00"),
        ("2025..2197/4,2100-02-28 00:00:00", "2029-02-28T00:00"),
        ("*-*-01..31/2 00:00:00", "2026-11-25T00:00"),
        ("yearly", "2027-01-01T00:00"),
    ],
)
def test_the_next_elapse(spec: str, elapse: str) -> None:
    expected = datetime.fromisoformat(f"{elapse}+00:00")
    assert parse_calendar(spec).next_elapse(AFTER, UTC) == expected


def test_a_calendar_without_a_zone_is_of_the_host() -> None:
    calendar = parse_calendar("*-*-* 02:00:00")
    elapse = calendar.next_elapse(AFTER, ZoneInfo("Europe/Amsterdam"))
    assert elapse == datetime(2026, 11, 24, 1, tzinfo=UTC)


@pytest.mark.parametrize(
    "spec",
    ["", "25:00", "*-13-01", "Foo 02:00", "02:00 Europe/Nowhere", "*:*:0/0", "5..3:00", "a b c d"],
)
def test_what_systemd_refuses_is_refused(spec: str) -> None:
    with pytest.raises(CalendarError):
        parse_calendar(spec)
