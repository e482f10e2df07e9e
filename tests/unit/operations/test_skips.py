# SPDX-License-Identifier: Apache-2.0
"""What a change of exclusions and windows does to a host: services change, no timer is touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from debvisor_timers.errors import DefinitionError
from debvisor_timers.operations.plan import make_plan
from tests.unit.operations.world import World

JOB = "jobs:\n  a:\n    command: [/bin/true]\n    schedule: {cron: '@daily', exclude: holidays}\n"


def configure(world: World, text: str) -> None:
    (world.layout.config / "config.yaml").write_text(text, encoding="utf-8")


def changed(world: World) -> list[str]:
    return [entry.name for job in make_plan(world.host).jobs for entry in job.entries]


def test_a_change_of_a_calendar_or_window_changes_the_service_alone(world: World) -> None:
    configure(world, "calendars: {holidays: [2026-12-25]}\n")
    world.apply(JOB)
    assert make_plan(world.host).is_empty

    configure(world, "calendars: {holidays: [2026-12-26]}\n")
    assert changed(world) == ["debvisor-job-a.service"]

    configure(
        world,
        "calendars: {holidays: [2026-12-25]}\n"
        "maintenance_windows: [{cron: '@daily', duration: 1h}]\n",
    )
    assert changed(world) == ["debvisor-job-a.service"]


def test_the_same_days_in_another_order_change_nothing(world: World) -> None:
    configure(world, "calendars: {holidays: [2026-12-25, '*-01-01', 2026-12-26]}\n")
    world.apply(JOB)

    configure(world, "calendars: {holidays: ['*-01-01', 2026-12-25..2026-12-26]}\n")

    assert changed(world) == []


def test_a_calendar_file_that_is_gone_stops_the_apply(world: World, tmp_path: Path) -> None:
    configure(world, "calendars: {holidays: [2026-12-25]}\n")
    world.apply(JOB)
    before = world.picture()
    configure(world, f"calendars: {{holidays: {tmp_path}/gone.ics}}\n")

    with pytest.raises(DefinitionError, match=r"gone\.ics: does not exist"):
        world.apply()

    assert world.picture() == before
