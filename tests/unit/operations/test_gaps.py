# SPDX-License-Identifier: Apache-2.0
"""check: lines of on_calendar that lie where clocks are put forward."""

from __future__ import annotations

import pytest

from debvisor_timers.operations.check import check
from debvisor_timers.source import Problem
from tests.unit.operations.world import World


def warnings(world: World, schedule: str) -> list[Problem]:
    world.write(f"jobs:\n  a: {{schedule: {schedule}, command: [/bin/true]}}\n")
    return list(check(world.host).problems)


@pytest.mark.parametrize(
    ("schedule", "lost"),
    [
        (
            "{on_calendar: '02:30', timezone: Europe/Amsterdam}",
            "02:30 does not exist on 2027-03-28",
        ),
        ("{on_calendar: '02:30 Europe/Amsterdam'}", "02:30 does not exist on 2027-03-28"),
        (
            "{on_calendar: '*-03-29 02:15:30', timezone: Europe/Amsterdam}",
            "02:15:30 does not exist on 2037-03-29",
        ),
        (
            "{on_calendar: ['05:00', 'Sun 02:00'], timezone: Europe/Amsterdam}",
            "02:00 does not exist on 2027-03-28",
        ),
        (
            "{on_calendar: 'daily', timezone: America/Santiago}",
            "00:00 does not exist on 2027-09-05",
        ),
        # It has no run in the hour after.
        (
            "{on_calendar: '*-*-* 01,02:00', timezone: Europe/Amsterdam}",
            "02:00 does not exist on 2027-03-28",
        ),
    ],
)
def test_the_first_time_that_does_not_exist_is_named(
    world: World, schedule: str, lost: str
) -> None:
    (problem,) = warnings(world, schedule)

    assert problem.message.startswith(f"{lost} in ")
    assert problem.message.endswith(": systemd leaves that run out")
    assert (problem.key, problem.is_error) == ("schedule.on_calendar", False)
    assert problem.fix == (
        "write it as cron, which runs it right after the gap, or take another time,"
        " or timezone: UTC"
    )


@pytest.mark.parametrize(
    "schedule",
    [
        "{on_calendar: '03:30', timezone: Europe/Amsterdam}",
        "{on_calendar: '02:30 UTC'}",
        "{on_calendar: '02:30', timezone: Asia/Tokyo}",
        # In the gap on a Sunday alone.
        "{on_calendar: 'Mon..Sat 02:30', timezone: Europe/Amsterdam}",
        # These follow the clock on the wall.
        "{on_calendar: hourly, timezone: Europe/Amsterdam}",
        "{on_calendar: '*-*-* *:00/15', timezone: Europe/Amsterdam}",
        "{cron: '30 2 * * *', timezone: Europe/Amsterdam}",
    ],
)
def test_what_loses_nothing_is_not_told(world: World, schedule: str) -> None:
    assert warnings(world, schedule) == []


def test_the_zone_of_the_host_counts_where_none_is_named(world: World) -> None:
    world.systemd.state.zone = "Europe/Amsterdam"

    (problem,) = warnings(world, "{on_calendar: '02:30'}")

    assert problem.message.startswith("02:30 does not exist on 2027-03-28 in Europe/Amsterdam")


def test_plan_and_apply_say_nothing_of_it(world: World) -> None:
    schedule = "{on_calendar: '02:30', timezone: Europe/Amsterdam}"

    result = world.apply(f"jobs:\n  a: {{schedule: {schedule}, command: [/bin/true]}}\n")

    assert result.plan is not None
    assert result.plan.warnings == ()
