# SPDX-License-Identifier: Apache-2.0
"""Runs by days and weeks, over changes of clocks."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from itertools import pairwise
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from debvisor_timers.history.buckets import Bucket, Period, buckets_of
from debvisor_timers.history.figures import RunFigures
from tests.unit.history.figured import run

AMSTERDAM = ZoneInfo("Europe/Amsterdam")


def at(text: str) -> RunFigures:
    """Return a run that began at `text`, in UTC."""
    return run(start=datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp())


def told(buckets: list[Bucket]) -> list[tuple[str, int]]:
    return [(f"{each.start:%m-%d %H:%M}", each.statistics.total) for each in buckets]


def test_a_day_begins_at_midnight_of_the_zone() -> None:
    runs = [at("2026-11-22 22:59"), at("2026-11-22 23:00"), at("2026-11-23 22:59")]

    found = buckets_of(runs, period=Period.DAY, zone=AMSTERDAM)

    assert told(found) == [("11-21 23:00", 1), ("11-22 23:00", 2)]


def test_days_without_runs_are_told() -> None:
    runs = [at("2026-11-20 12:00"), at("2026-11-22 12:00")]

    found = buckets_of(runs, period=Period.DAY, zone=UTC)

    assert told(found) == [("11-20 00:00", 1), ("11-21 00:00", 0), ("11-22 00:00", 1)]


def test_a_day_on_which_clocks_change_is_longer_or_shorter() -> None:
    runs = [at("2026-10-25 22:59"), at("2027-03-28 12:00")]

    found = buckets_of(runs, period=Period.DAY, zone=AMSTERDAM)

    assert found[0].end - found[0].start == timedelta(hours=25)
    assert found[-1].end - found[-1].start == timedelta(hours=23)
    assert all(first.end == second.start for first, second in pairwise(found))


def test_a_week_begins_on_monday() -> None:
    runs = [at("2026-11-22 22:59"), at("2026-11-22 23:00"), at("2026-11-29 22:59")]

    found = buckets_of(runs, period=Period.WEEK, zone=AMSTERDAM)

    assert told(found) == [("11-15 23:00", 1), ("11-22 23:00", 2)]


def test_of_an_era_only_days_with_runs_are_told() -> None:
    """A clock that stood in 1970 for a while makes no table of 20,000 lines."""
    runs = [at("1970-01-01 00:10"), at("2026-11-22 12:00")]

    found = buckets_of(runs, period=Period.DAY, zone=UTC)

    assert told(found) == [("01-01 00:00", 1), ("11-22 00:00", 1)]


def test_no_runs_no_days() -> None:
    assert buckets_of([], period=Period.WEEK, zone=UTC) == []


@given(
    st.lists(st.integers(1_700_000_000, 1_800_000_000), max_size=30),
    st.sampled_from(Period),
    st.sampled_from(["Europe/Amsterdam", "America/Havana", "Australia/Lord_Howe", "UTC"]),
)
def test_each_run_is_in_one_bucket_and_in_the_right_one(
    starts: list[int], period: Period, zone: str
) -> None:
    runs = [run(start=float(start)) for start in starts]

    found = buckets_of(runs, period=period, zone=ZoneInfo(zone))

    assert sum(each.statistics.total for each in found) == len(runs)
    for each in found:
        inside = [start for start in starts if each.start.timestamp() <= start]
        inside = [start for start in inside if start < each.end.timestamp()]
        assert each.statistics.total == len(inside)
