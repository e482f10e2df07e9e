# SPDX-License-Identifier: Apache-2.0
"""Instants as people write them: what systemd reads from a text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from debvisor_timers.errors import UsageError
from tests.contract.rig import Rig

SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("@1795741200", "2026-11-27T01:00:00"),
        ("@1795741200.5", "2026-11-27T01:00:00.500000"),
        ("2026-11-27 02:00 UTC", "2026-11-27T02:00:00"),
        ("2026-11-27 02:00:30 UTC", "2026-11-27T02:00:30"),
        ("2026-11-27 UTC", "2026-11-27T00:00:00"),
        ("Fri 2026-11-27 UTC", "2026-11-27T00:00:00"),
        ("2026-11-27 02:00 Asia/Tokyo", "2026-11-26T17:00:00"),
        ("2026-11-27T02:00:00+01:00", "2026-11-27T01:00:00"),
        ("2026-11-27T02:00:00Z", "2026-11-27T02:00:00"),
        ("2026-11-27T02:00:00.250000Z", "2026-11-27T02:00:00.250000"),
        # A time that does not exist, as mktime(3) moves it.
        ("2026-03-29 02:30 Europe/Amsterdam", "2026-03-29T01:30:00"),
    ],
)
def test_a_time_of_its_own(rig: Rig, text: str, instant: str) -> None:
    read = rig.analyzer.timestamp(text)

    assert read == datetime.fromisoformat(f"{instant}+00:00")
    assert read.tzinfo is UTC


@pytest.mark.parametrize(
    ("text", "distance"),
    [
        ("now", timedelta()),
        ("+3h", timedelta(hours=3)),
        ("+1h 30min", timedelta(hours=1, minutes=30)),
        ("-5s", timedelta(seconds=-5)),
        ("2d ago", timedelta(days=-2)),
        ("10min left", timedelta(minutes=10)),
    ],
)
def test_a_time_seen_from_now(rig: Rig, text: str, distance: timedelta) -> None:
    read = rig.analyzer.timestamp(text)

    assert abs(read - distance - rig.clock.now()) < SECOND


@pytest.mark.parametrize(("text", "days"), [("yesterday", -1), ("today", 0), ("tomorrow", 1)])
def test_a_day_begins_at_midnight(rig: Rig, text: str, days: int) -> None:
    """In the zone of the host: UTC, here and in a fresh box."""
    today = rig.clock.now().date()

    read = rig.analyzer.timestamp(text)

    assert (read.date() - today, read.time().isoformat()) == (timedelta(days=days), "00:00:00")


def test_a_date_is_its_midnight_and_a_clock_is_that_of_today(rig: Rig) -> None:
    assert rig.analyzer.timestamp("2026-11-27") == datetime(2026, 11, 27, tzinfo=UTC)
    assert rig.analyzer.timestamp("2026-11-27 02:00") == datetime(2026, 11, 27, 2, tzinfo=UTC)
    noon = rig.analyzer.timestamp("12:00")
    assert (noon.date(), noon.hour, noon.minute) == (rig.clock.now().date(), 12, 0)


@pytest.mark.parametrize(
    "text",
    [
        *("", "bogus", "2026-13-01", "2026-11-27 25:00", "Mon 2026-11-27", "*-*-* 02:00"),
        *("--help", "+", "@", "x\nUNIX seconds: @5", "2026-11-27 02:00 Nowhere/Land"),
    ],
)
def test_what_is_no_time_is_refused_in_the_same_words(rig: Rig, text: str) -> None:
    with pytest.raises(UsageError, match="is no time that systemd can read") as caught:
        rig.analyzer.timestamp(text)

    assert "systemd.time(7)" in caught.value.fix
