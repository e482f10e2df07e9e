# SPDX-License-Identifier: Apache-2.0
"""show: one job with its calendar, its next runs and its unit files."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from debvisor_timers.errors import NotFoundError
from debvisor_timers.operations.list import JobState
from debvisor_timers.operations.show import show_job
from tests.unit.operations.world import NIGHTLY, TWO, World


def test_an_applied_job_shows_its_calendar_its_next_runs_and_its_units(world: World) -> None:
    world.apply(TWO)

    details = show_job(world.host, "nightly")

    assert details.row.state is JobState.SCHEDULED
    assert details.on_calendar == ("*-*-* 02:00:00",)
    assert details.next_starts == tuple(
        datetime(2026, 11, day, 2, tzinfo=UTC) for day in (24, 25, 26, 27, 28)
    )
    assert list(details.units) == ["debvisor-job-nightly.service", "debvisor-job-nightly.timer"]
    assert "ExecStart=" in details.units["debvisor-job-nightly.service"]
    assert "OnCalendar=*-*-* 02:00:00\n" in details.units["debvisor-job-nightly.timer"]


def test_the_exposure_of_a_sandboxed_job_is_less(world: World) -> None:
    world.apply(TWO.replace("  nightly:", "  nightly:\n    sandbox: strict", 1))

    exposures = [show_job(world.host, job).exposure for job in ("nightly", "hourly")]

    assert exposures[0] is not None
    assert exposures[1] is not None
    assert exposures[0].score < exposures[1].score


def test_a_job_is_shown_where_nothing_can_be_analyzed(world: World) -> None:
    world.apply(NIGHTLY)
    world.systemd.steps.fail_on("analyzer.exposure")

    details = show_job(world.host, "nightly")

    assert details.exposure is None
    assert details.row.state is JobState.SCHEDULED


def test_a_job_that_is_not_applied_has_next_runs_and_no_units(world: World) -> None:
    world.write(NIGHTLY)

    details = show_job(world.host, "nightly")

    assert details.row.state is JobState.NOT_APPLIED
    assert details.next_starts[0] == datetime(2026, 11, 24, 2, tzinfo=UTC)
    assert details.units == {}


def test_a_disabled_job_has_a_calendar_and_no_next_runs(world: World) -> None:
    world.apply(NIGHTLY + "    enabled: false\n")

    details = show_job(world.host, "nightly")

    assert (details.on_calendar, details.next_starts) == (("*-*-* 02:00:00",), ())


def test_an_orphaned_job_has_its_units_alone(world: World) -> None:
    world.apply(TWO)
    world.write(NIGHTLY)

    details = show_job(world.host, "hourly")

    assert (details.row.state, details.on_calendar, details.next_starts) == (
        JobState.ORPHANED,
        (),
        (),
    )
    assert list(details.units) == ["debvisor-job-hourly.service", "debvisor-job-hourly.timer"]


def test_the_unit_of_a_boot_trigger_is_shown_too(world: World) -> None:
    world.apply("jobs:\n  ceph: {triggers: [{boot: 5min}], command: [/bin/true]}\n")

    assert list(show_job(world.host, "ceph").units) == [
        "debvisor-boot-ceph.timer",
        "debvisor-job-ceph.service",
    ]


def test_an_unknown_job_is_told_with_the_nearest(world: World) -> None:
    world.apply(TWO)

    with pytest.raises(NotFoundError, match="there is no job 'nihgtly'") as caught:
        show_job(world.host, "nihgtly")

    assert caught.value.fix == "did you mean 'nightly'?"
