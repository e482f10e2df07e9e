# SPDX-License-Identifier: Apache-2.0
"""stats: which jobs and runs count, and what is told of them beside their runs."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from debvisor_timers.errors import NotFoundError, UsageError
from debvisor_timers.history.buckets import Period
from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.history.trend import TrendKind
from debvisor_timers.operations.past.stats import Window, job_statistics
from debvisor_timers.systemd.memory import Outcome
from tests.unit.operations.kept_runs import a_run, keep, nightly_runs
from tests.unit.operations.world import NIGHTLY, TWO, World


def test_a_job_with_its_runs_its_title_and_its_next_start(world: World) -> None:
    world.apply(NIGHTLY + "    name: Nightly backup\n    timeout: 30min\n")
    keep(world, nightly_runs([600.0, 900.0]))

    (job,) = job_statistics(world.host, ["nightly"]).jobs

    assert (job.job_id, job.title, job.timeout) == (
        "nightly", "Nightly backup", timedelta(minutes=30),
    )  # fmt: skip
    assert job.next_start == datetime(2026, 11, 24, 2, 0, tzinfo=UTC)
    assert job.statistics.total == 2
    assert job.statistics.durations
    assert job.statistics.durations.average == 750.0


def test_all_jobs_that_are_applied_or_have_runs(world: World) -> None:
    world.apply(TWO)
    keep(world, nightly_runs([600.0], job="gone"))

    found = job_statistics(world.host)

    assert [(job.job_id, job.statistics.total) for job in found.jobs] == [
        ("gone", 1), ("hourly", 0), ("nightly", 0),
    ]  # fmt: skip


def test_jobs_in_the_order_in_which_they_were_asked_for(world: World) -> None:
    world.apply(TWO)

    found = job_statistics(world.host, ["nightly", "hourly", "nightly"])

    assert [job.job_id for job in found.jobs] == ["nightly", "hourly"]


def test_a_job_that_was_removed_keeps_its_runs(world: World) -> None:
    world.apply(TWO)
    keep(world, nightly_runs([600.0]))
    world.apply("jobs: {}\n", allow_empty=True)

    (job,) = job_statistics(world.host, ["nightly"]).jobs

    assert (job.title, job.timeout, job.next_start) == ("nightly", None, None)
    assert job.statistics.total == 1


def test_a_job_that_is_only_defined_has_no_runs(world: World) -> None:
    world.write(NIGHTLY)

    (job,) = job_statistics(world.host, ["nightly"]).jobs

    assert (job.statistics.total, job.next_start) == (0, None)


def test_an_unknown_job(world: World) -> None:
    keep(world, nightly_runs([600.0], job="gone"))

    with pytest.raises(NotFoundError, match="there is no job 'gome'") as caught:
        job_statistics(world.host, ["gome"])

    assert caught.value.fix == "did you mean 'gone'?"


def test_only_the_runs_of_a_time(world: World) -> None:
    keep(world, nightly_runs([100.0, 200.0, 300.0, 400.0]))
    second, last = datetime(2026, 10, 2, 2, tzinfo=UTC), datetime(2026, 10, 4, 2, tzinfo=UTC)

    found = job_statistics(world.host, ["nightly"], Window(since=second, until=last))

    assert [run.duration for run in found.jobs[0].runs] == [200.0, 300.0]
    assert found.window == Window(since=second, until=last)


def test_a_time_that_ends_before_it_begins(world: World) -> None:
    at = datetime(2026, 10, 2, tzinfo=UTC)

    with pytest.raises(UsageError, match="--until is not later than --since"):
        job_statistics(world.host, window=Window(since=at, until=at))


def test_days_are_those_of_the_host(world: World) -> None:
    world.systemd.state.zone = "America/New_York"
    keep(world, nightly_runs([100.0, 200.0]))

    (job,) = job_statistics(world.host, ["nightly"], Window(by=Period.DAY)).jobs

    assert [bucket.start for bucket in job.buckets] == [
        datetime(2026, 9, 30, 4, tzinfo=UTC), datetime(2026, 10, 1, 4, tzinfo=UTC),
    ]  # fmt: skip


def test_the_time_out_is_that_of_the_applied_unit(world: World) -> None:
    world.apply(NIGHTLY + "    timeout: 30min\n")
    keep(world, nightly_runs([600.0 + 10 * day for day in range(50)]))
    world.write("jobs: [no yaml\n")

    (job,) = job_statistics(world.host, ["nightly"]).jobs
    trend = job.duration_trend()

    assert trend.kind is TrendKind.GROWING
    # 1,090 s on the last night, and 710 s to go at 10 s a night: 71 nights.
    assert trend.limit_at == pytest.approx(datetime(2027, 1, 29, 2, tzinfo=UTC).timestamp())


@pytest.mark.parametrize(
    ("then", "next_start"),
    [("", datetime(2026, 11, 25, 2, tzinfo=UTC)), ("    enabled: false\n", None)],
)
def test_while_a_job_runs_its_next_start_is_computed(
    world: World, then: str, next_start: datetime | None
) -> None:
    world.apply(NIGHTLY)
    world.systemd.set_outcome("debvisor-job-nightly.service", Outcome(duration=timedelta(hours=1)))
    world.systemd.advance_to(datetime(2026, 11, 24, 2, 30, tzinfo=UTC))
    if then:
        world.apply(NIGHTLY + then)

    (job,) = job_statistics(world.host, ["nightly"]).jobs

    assert job.next_start == next_start


def test_a_job_without_a_timer_has_no_next_start(world: World) -> None:
    world.apply(NIGHTLY + "    enabled: false\n")

    (job,) = job_statistics(world.host, ["nightly"]).jobs

    assert job.next_start is None


def test_unusual_runs_and_failures(world: World) -> None:
    runs = nightly_runs([300.0] * 30)
    runs.append(a_run(datetime(2026, 11, 1, 2, tzinfo=UTC), 3000.0))
    runs.append(a_run(datetime(2026, 11, 2, 2, tzinfo=UTC), 3.0, outcome=RunOutcome.FAILED))
    keep(world, runs)

    (job,) = job_statistics(world.host, ["nightly"]).jobs

    assert [one.run for one in job.unusual()] == ["20261101T020000Z-4f2a9c"]
    assert job.failure_trend().failed_after == 1
