# SPDX-License-Identifier: Apache-2.0
"""Runs to come that `begin` is going to skip are told before, in its words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from debvisor_timers.operations.coming.elapses import Interval
from debvisor_timers.operations.coming.upcoming import upcoming_of
from tests.unit.operations.world import World

JOB = """\
jobs:
  a:
    schedule: {cron: "0 2 * * *", %s}
    command: [/bin/true]
"""


def told(world: World, keys: str, config: str = "", *, count: int = 4) -> dict[int, str]:
    """Return, for the runs to come from 24 November on, why each is skipped, by its day."""
    world.write(JOB % keys)
    (world.layout.config / "config.yaml").write_text(config, encoding="utf-8")
    runs = upcoming_of(world.host, ["a"], Interval(count=count))
    return {run.scheduled.day: run.skipped for run in runs}


def test_days_that_a_job_leaves_out(world: World) -> None:
    assert told(world, 'exclude: [2026-11-25, "*-11-27"]') == {
        24: "",
        25: "excluded: 2026-11-25",
        26: "",
        27: "excluded: 2026-11-27",
    }


def test_days_of_a_calendar(world: World) -> None:
    config = "calendars: {holidays: [2026-11-24..2026-11-25]}\n"
    assert told(world, "exclude: [holidays]", config, count=3) == {
        24: "excluded: holidays (2026-11-24)",
        25: "excluded: holidays (2026-11-25)",
        26: "",
    }


def test_the_day_is_that_of_the_schedules_own_zone(world: World) -> None:
    """02:00 in Tokyo is the evening before in UTC."""
    found = told(world, "timezone: Asia/Tokyo, exclude: [2026-11-25]", count=2)
    assert found == {23: "", 24: "excluded: 2026-11-25"}


def test_maintenance_windows(world: World) -> None:
    config = """\
maintenance_windows:
  - {cron: "30 1 * * wed", duration: 1h, reason: kernel updates}
  - {from: "2026-11-26 02:00", until: "2026-11-26 02:01"}
  - {from: "2026-11-27 00:00", until: "2026-11-27 02:00", reason: over by then}
"""
    assert told(world, "catch_up: skip", config) == {
        24: "",
        25: "maintenance: kernel updates",
        26: "maintenance",
        27: "",
    }


@pytest.mark.parametrize(
    ("schedule", "window", "skipped", "may_be"),
    [
        ("30 2", "cron: '0 3 * * *', duration: 1h", "", "maintenance"),
        ("30 3", "cron: '0 3 * * *', duration: 1h", "", "maintenance"),
        ("30 3", "cron: '0 3 * * *', duration: 90min", "maintenance", ""),
        ("30 3", "cron: '0 * * * *', duration: 1h", "maintenance", ""),
        ("0 2", "cron: '0 3 * * *', duration: 1h", "", ""),
        ("0 4", "cron: '0 3 * * *', duration: 1h", "", ""),
    ],
)
def test_a_delay_that_is_not_known_may_lead_into_a_window(
    world: World, schedule: str, window: str, skipped: str, may_be: str
) -> None:
    world.write(
        f"jobs: {{a: {{schedule: {{cron: '{schedule} * * *', jitter: 1h}}, command: [/bin/true]}}}}"
    )
    config = f"maintenance_windows: [{{{window}}}]\n"
    (world.layout.config / "config.yaml").write_text(config, encoding="utf-8")

    (run,) = upcoming_of(world.host, ["a"], Interval(count=1))

    assert (run.skipped, run.may_be_skipped) == (skipped, may_be)


def test_an_excluded_day_is_certain_whatever_the_delay(world: World) -> None:
    world.write(JOB % "jitter: 2h, exclude: [2026-11-24]")
    config = 'maintenance_windows: [{cron: "0 3 * * *", duration: 1h}]\n'
    (world.layout.config / "config.yaml").write_text(config, encoding="utf-8")

    (run,) = upcoming_of(world.host, ["a"], Interval(count=1))

    assert run.skip_words == "skipped: excluded: 2026-11-24"


def test_windows_of_other_jobs_do_not_count(world: World) -> None:
    config = 'maintenance_windows: [{cron: "0 0 * * *", duration: 1d, except: [a]}]\n'
    assert set(told(world, "catch_up: skip", config).values()) == {""}


def test_nothing_to_come_is_nothing_to_skip(world: World) -> None:
    world.write("jobs: {a: {command: [/bin/true]}}\n")
    until = datetime(2026, 11, 30, tzinfo=UTC)
    assert upcoming_of(world.host, [], Interval(until=until)) == []
