# SPDX-License-Identifier: Apache-2.0
"""The times that clocks leave out, zone by zone; dates from the zones' laws, not from the code."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from debvisor_timers.calendar.gaps import gaps

AFTER = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    ("zone", "first"),
    [
        ("Europe/Amsterdam", "2027-03-28 02:00 03:00"),
        ("Europe/London", "2027-03-28 01:00 02:00"),
        ("Europe/Dublin", "2027-03-28 01:00 02:00"),
        ("America/New_York", "2027-03-14 02:00 03:00"),
        ("Australia/Lord_Howe", "2027-10-03 02:00 02:30"),
        ("Pacific/Chatham", "2027-09-26 02:45 03:45"),
        ("America/Santiago", "2027-09-05 00:00 01:00"),
        ("Africa/Cairo", "2027-04-30 00:00 01:00"),
        ("Africa/Casablanca", "2027-03-14 02:00 03:00"),
        ("Antarctica/Troll", "2027-03-28 01:00 03:00"),
    ],
)
def test_the_first_gap_of_a_zone(zone: str, first: str) -> None:
    gap = gaps(zone, after=AFTER)[0]

    assert f"{gap.start:%Y-%m-%d %H:%M} {gap.end:%H:%M}" == first


def test_a_zone_with_summer_time_has_one_each_year() -> None:
    assert [gap.start.year for gap in gaps("Europe/Amsterdam", after=AFTER)] == list(
        range(2027, 2055)
    )


@pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo", "Asia/Kolkata", "Etc/GMT+5"])
def test_a_zone_without_summer_time_has_none(zone: str) -> None:
    assert gaps(zone, after=AFTER) == ()
