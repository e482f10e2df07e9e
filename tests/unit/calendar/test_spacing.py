# SPDX-License-Identifier: Apache-2.0
"""The shortest time between two runs."""

from __future__ import annotations

from datetime import timedelta

import pytest

from debvisor_timers.calendar.clock_changes import NO_CHANGES
from debvisor_timers.calendar.cron import parse_cron
from debvisor_timers.calendar.spacing import shortest_distance
from debvisor_timers.calendar.zones import zone_changes


@pytest.mark.parametrize(
    ("cron", "minutes"),
    [("0 2 * * *", 1440), ("*/5 * * * *", 5), ("0 1,23 * * *", 120), ("7,50 * * * *", 17)],
)
def test_runs_are_so_far_apart(cron: str, minutes: int) -> None:
    assert shortest_distance(parse_cron(cron), NO_CHANGES) == timedelta(minutes=minutes)


@pytest.mark.parametrize(
    ("cron", "minutes"),
    [
        ("30 2,3 * * *", 30),  # 02:30 is put off to 03:00
        ("30 2 * * *", 1410),  # from 02:30 to 03:00, which is 02:00 otherwise
        ("0 1,4 * * *", 120),  # with the gap between them
        ("30 */3 * * *", 120),
        ("30 */2 * * *", 60),  # 02:30 comes twice
        ("30 1,3 * * *", 60),
        ("*,30 2,3 * * *", 1),
    ],
)
def test_clock_changes_bring_runs_together(cron: str, minutes: int) -> None:
    berlin = zone_changes("Europe/Berlin")
    assert shortest_distance(parse_cron(cron), berlin) == timedelta(minutes=minutes)
