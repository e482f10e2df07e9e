# SPDX-License-Identifier: Apache-2.0
"""next: the runs to come of one job, or of all together."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from debvisor_timers.errors import DefinitionError, NotFoundError
from debvisor_timers.operations.upcoming import upcoming_of
from tests.unit.operations.world import NIGHTLY, TWO, World

NOW = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)


def starts(
    world: World, job: str | None = None, *, after: datetime = NOW, count: int = 4
) -> list[str]:
    runs = upcoming_of(world.host, job, after=after, count=count)
    return [f"{run.at:%d %H:%M} {run.job_id}" for run in runs]


def test_runs_of_all_jobs_come_in_one_order_and_no_more_than_were_asked_for(world: World) -> None:
    world.write(TWO)

    assert starts(world) == [
        "24 00:00 hourly",
        "24 01:00 hourly",
        "24 02:00 hourly",
        "24 02:00 nightly",
    ]


def test_runs_of_one_job_leave_out_the_others(world: World) -> None:
    world.write(TWO)

    assert starts(world, "nightly", count=2) == ["24 02:00 nightly", "25 02:00 nightly"]


def test_a_run_at_the_given_moment_is_past(world: World) -> None:
    world.write(NIGHTLY)
    two = datetime(2026, 11, 24, 2, tzinfo=UTC)

    assert starts(world, after=two, count=1) == ["25 02:00 nightly"]


def test_lines_of_one_job_that_name_the_same_instant_are_one_run(world: World) -> None:
    """Day of month or day of week: a cron expression of two calendar lines."""
    world.write("jobs: {both: {schedule: '0 4 24 * tue', command: [/bin/true]}}\n")

    assert starts(world, count=2) == ["24 04:00 both", "01 04:00 both"]


def test_disabled_jobs_and_jobs_without_a_schedule_add_nothing(world: World) -> None:
    world.write(
        NIGHTLY
        + "    enabled: false\n"
        + "  boot: {triggers: [{boot: 1min}], command: [/bin/true]}\n"
        + "  hand: {command: [/bin/true]}\n"
    )

    assert starts(world) == []
    assert starts(world, "nightly") == []


def test_a_schedule_in_a_zone_of_its_own(world: World) -> None:
    world.write(NIGHTLY.replace("catch_up: once", "timezone: Europe/Amsterdam"))

    assert starts(world, count=1) == ["24 01:00 nightly"]


def test_an_unknown_job_is_told_with_the_nearest(world: World) -> None:
    world.write(NIGHTLY)

    with pytest.raises(NotFoundError, match="'nighty'") as caught:
        starts(world, "nighty")

    assert caught.value.fix == "did you mean 'nightly'?"


def test_wrong_files_give_no_half_answer(world: World) -> None:
    world.write(NIGHTLY)
    world.write("jobs: {other: {schedule: '0 25 * * *', command: [/bin/true]}}\n", "b.yaml")

    with pytest.raises(DefinitionError, match=r"b\.yaml:1:"):
        starts(world, "nightly")
