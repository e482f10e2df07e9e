# SPDX-License-Identifier: Apache-2.0
"""report: what it gathers of a host."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from debvisor_timers.errors import PermissionRefusedError, UsageError
from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.history.trend import TrendKind
from debvisor_timers.operations.past.report import Report, report, report_template
from tests.unit.operations.ran import Ran, days, ran
from tests.unit.operations.world import NIGHTLY, World

NOW = datetime(2026, 11, 23, 12, 0, 7, tzinfo=UTC)
DAY, MINUTE = timedelta(days=1), timedelta(minutes=1)
THREE = """\
jobs:
  a: {name: The first, schedule: "0 2 * * *", command: [/bin/true]}
  b: {schedule: "0 2 * * *", command: [/bin/true]}
  c: {schedule: "5 2 * * *", command: [/bin/true]}
  off: {schedule: "0 2 * * *", enabled: false, command: [/bin/true]}
  asked: {command: [/bin/true]}
"""


def of(world: World, *, since: timedelta = 7 * DAY, until: datetime = NOW) -> Report:
    return report(world.host, since=until - since, until=until)


def back(number: int) -> datetime:
    """Return two in the morning, so many days ago."""
    return datetime(2026, 11, 23, 2, tzinfo=UTC) - number * DAY


def test_nothing_at_all_is_well(world: World) -> None:
    found = of(world)

    assert (found.jobs, found.sums.runs, found.is_well) == (0, 0, True)
    assert (found.failed, found.missed, found.never_ran, found.crowds) == ((), (), (), ())


def test_a_perfect_week_is_compared_with_the_one_before(world: World) -> None:
    world.write(NIGHTLY)
    days(world, "nightly", *["success"] * 7, start=back(6))
    days(world, "nightly", "success", "exit-code", start=back(9))

    found = of(world)

    assert found.is_well
    assert (found.sums.runs, found.sums.success_rate) == (7, 1)
    assert (found.before.runs, found.before.success_rate) == (2, 0.5)


def test_the_period_is_that_of_the_starts(world: World) -> None:
    world.write(NIGHTLY)
    days(world, "nightly", "exit-code", "success", "timeout", "success", start=back(3))

    found = report(world.host, since=back(2), until=back(1))
    later = report(world.host, since=back(1), until=NOW + 30 * DAY)

    assert found.sums.runs == 1
    assert found.failed == ()
    assert [run.outcome for one in later.failed for run in one.failures] == [RunOutcome.TIMED_OUT]


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [
        (NOW, NOW, "ends before it begins"),
        (NOW - DAY, NOW - 2 * DAY, "ends before it begins"),
        (NOW + DAY, NOW + 2 * DAY, "has not begun"),
    ],
)
def test_a_period_has_to_be_one(world: World, since: datetime, until: datetime, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        report(world.host, since=since, until=until)


def test_jobs_that_never_ran_are_enabled_and_have_no_run_at_all(world: World) -> None:
    world.write(THREE)
    ran(world, "a", Ran(start=back(300)))
    ran(world, "c", Ran(start=back(0), skipped="excluded: monday"))

    found = of(world).never_ran

    assert [(one.job, one.schedule, one.next_start) for one in found] == [
        ("asked", "", None),
        ("b", "every day at 02:00", back(-1)),
        ("c", "every day at 02:05", back(-1) + 5 * MINUTE),
    ]


def test_a_job_whose_first_run_goes_on_has_run(world: World) -> None:
    world.write(NIGHTLY)
    ran(world, "nightly", Ran(start=back(0), took=None))

    found = of(world)

    assert (found.never_ran, found.sums.under_way) == ((), 1)


def test_collisions_to_come_are_told_where_they_are_big(world: World) -> None:
    world.write(THREE)

    (crowd,) = of(world).crowds

    assert (crowd.quarter.start, crowd.quarter.load, crowd.more) == (back(-1), 3, 6)
    assert crowd.quarter.jobs == ("a", "b", "c")
    world.write(THREE.replace('"5 2 *', '"5 3 *'))
    assert of(world).crowds == ()


def test_names_are_those_that_users_gave(world: World) -> None:
    world.write(THREE)

    assert of(world).names == {"a": "The first"}


def test_a_job_that_takes_longer_each_week_is_told_before_its_time_is_up(world: World) -> None:
    world.write("jobs: {a: {timeout: 30min, command: [/bin/true]}}\n")
    for number in range(30):
        took = (20 - number / 4) * MINUTE
        ran(world, "a", Ran(start=back(number), took=took))

    (slow,) = of(world).slow

    assert slow.durations
    assert (slow.job, slow.durations.kind, slow.failures) == ("a", TrendKind.GROWING, None)
    assert slow.durations.limit_at is not None
    limit = datetime.fromtimestamp(slow.durations.limit_at, UTC)
    assert abs(limit - back(-40)) < DAY
    assert not of(world).is_well


def test_a_run_unlike_the_others_is_told_in_its_week(world: World) -> None:
    world.write(NIGHTLY)
    days(world, "nightly", *["success"] * 20, start=back(23))
    ran(world, "nightly", Ran(start=back(2), took=40 * MINUTE))

    (strange,) = of(world).strange

    assert [datetime.fromtimestamp(run.start, UTC) for run in strange.runs] == [back(2)]
    assert of(world, since=DAY).strange == ()


def test_files_that_are_wrong_hide_only_their_own_jobs(world: World) -> None:
    world.write(NIGHTLY)
    world.write("jobs: {bad: {schedule: '0 25 * * *', command: [/bin/true]}}\n", "b.yaml")
    days(world, "nightly", "exit-code", start=back(0))

    found = of(world)

    assert [one.job for one in found.failed] == ["nightly"]
    assert found.notes == (
        "the job files have errors (1), some jobs are missing: debvisor-timers check",
    )


def test_who_may_not_read_the_past_has_no_report(world: World) -> None:
    world.systemd.steps.fail_on("journal.records", PermissionRefusedError("no"))

    with pytest.raises(PermissionRefusedError):
        of(world)


def test_where_generations_cannot_be_read_it_is_told_what_is_missing(world: World) -> None:
    world.apply(NIGHTLY)
    folder = world.layout.state / "generations"
    folder.rename(folder.with_name("moved"))
    folder.write_text("no folder", encoding="utf-8")

    assert of(world).notes == (
        "elapses that have left no trace are not told: since when calendars hold cannot be read",
    )


def test_the_template_is_shipped() -> None:
    assert report_template().read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
