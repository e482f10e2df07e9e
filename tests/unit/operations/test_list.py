# SPDX-License-Identifier: Apache-2.0
"""list: the state of every job, and when it starts next."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.layout import TARGET
from debvisor_timers.operations.list import JobRow, JobState, list_jobs
from debvisor_timers.systemd.memory.state import Outcome
from debvisor_timers.systemd.ports import FileEntry
from tests.unit.operations.last_runs import FAILED_AT_TWO, note_last
from tests.unit.operations.world import NIGHTLY, TWO, World

SERVICE = "debvisor-job-nightly.service"
TIMER = "debvisor-job-nightly.timer"
OTHERS = """\
jobs:
  at-start: {triggers: [{boot: 5min}], command: [/bin/true]}
  by-hand: {command: [/bin/true]}
  held: {schedule: '@daily', enabled: false, command: [/bin/true]}
"""


def rows(world: World) -> dict[str, JobRow]:
    return {row.job_id: row for row in list_jobs(world.host).rows}


def states(world: World) -> dict[str, JobState]:
    return {row.job_id: row.state for row in list_jobs(world.host).rows}


def run_for_an_hour(world: World) -> None:
    """Let nightly be in the tenth second of a run that takes an hour."""
    world.systemd.set_outcome(SERVICE, Outcome(duration=timedelta(hours=1)))
    world.systemd.advance_to(datetime(2026, 11, 24, 2, 0, 10, tzinfo=UTC))


def test_no_files_and_no_units_are_an_empty_list(world: World) -> None:
    listed = list_jobs(world.host)

    assert (listed.rows, listed.problems) == ((), ())


def test_an_applied_job_is_scheduled_with_the_start_that_systemd_has_armed(world: World) -> None:
    world.apply(NIGHTLY)

    row = rows(world)["nightly"]

    assert (row.state, row.next_start) == (
        JobState.SCHEDULED,
        datetime(2026, 11, 24, 2, tzinfo=UTC),
    )


def test_jobs_without_a_schedule_say_what_starts_them(world: World) -> None:
    world.apply(OTHERS)

    assert states(world) == {
        "at-start": JobState.AT_BOOT,
        "by-hand": JobState.ON_DEMAND,
        "held": JobState.DISABLED,
    }
    assert [row.next_start for row in rows(world).values()] == [None, None, None]


def test_a_job_that_others_start_by_their_ends_says_so(world: World) -> None:
    world.apply(NIGHTLY + "  alarm: {command: [/bin/true], triggers: [{failure_of: [nightly]}]}\n")

    assert states(world)["alarm"] is JobState.LINKED


def test_a_running_job_shows_the_start_after_this_one(world: World) -> None:
    """systemd says nothing of the next elapse of a timer whose service runs."""
    world.apply(NIGHTLY)
    run_for_an_hour(world)

    row = rows(world)["nightly"]

    assert (row.state, row.next_start) == (JobState.RUNNING, datetime(2026, 11, 25, 2, tzinfo=UTC))


def test_a_running_job_that_was_disabled_meanwhile_has_no_next_start(world: World) -> None:
    world.apply(NIGHTLY)
    run_for_an_hour(world)
    world.apply(NIGHTLY + "    enabled: false\n")

    row = rows(world)["nightly"]

    assert (row.state, row.next_start) == (JobState.RUNNING, None)


def test_a_running_job_that_was_removed_meanwhile_is_still_shown(world: World) -> None:
    world.apply(TWO)
    run_for_an_hour(world)
    world.apply("jobs:\n" + TWO.removeprefix(NIGHTLY))

    row = rows(world)["nightly"]

    assert (row.state, row.job, row.next_start) == (JobState.RUNNING, None, None)


def test_a_timer_that_was_stopped_by_hand(world: World) -> None:
    world.apply(TWO)
    world.systemd.manager.stop([TIMER])

    assert states(world) == {"hourly": JobState.SCHEDULED, "nightly": JobState.STOPPED}
    assert rows(world)["nightly"].next_start is None


def test_the_emergency_brake_stops_all(world: World) -> None:
    world.apply(TWO)
    world.systemd.manager.stop([TARGET])

    assert states(world) == {"hourly": JobState.STOPPED, "nightly": JobState.STOPPED}


def test_a_job_that_is_written_and_not_applied(world: World) -> None:
    world.apply(NIGHTLY)
    world.write(TWO)

    row = rows(world)["hourly"]

    assert (row.state, row.next_start) == (JobState.NOT_APPLIED, None)


def test_a_job_whose_yaml_is_gone_is_orphaned_until_the_next_apply(world: World) -> None:
    world.apply(TWO)
    world.write(NIGHTLY)

    assert states(world) == {"hourly": JobState.ORPHANED, "nightly": JobState.SCHEDULED}
    assert rows(world)["hourly"].job is None

    world.apply()
    assert states(world) == {"nightly": JobState.SCHEDULED}


def test_a_job_whose_file_is_wrong_is_unreadable_and_not_orphaned(world: World) -> None:
    world.write("jobs:\n  other: {schedule: '@daily', command: [/bin/true]}\n", "b.yaml")
    world.apply(NIGHTLY)
    world.write("jobs:\n  other: {shedule: '@daily', command: [/bin/true]}\n", "b.yaml")

    assert states(world) == {"nightly": JobState.SCHEDULED, "other": JobState.UNREADABLE}
    (problem,) = list_jobs(world.host).problems
    assert (problem.span.file.name, problem.span.line) == ("b.yaml", 2)


def test_a_file_that_is_no_yaml_hides_no_job_of_the_others(world: World) -> None:
    world.apply(NIGHTLY)
    world.write("jobs: [\n", "b.yaml")

    assert states(world) == {"nightly": JobState.SCHEDULED}
    assert len(list_jobs(world.host).problems) == 1


def test_a_unit_of_our_name_that_others_wrote_is_no_job(world: World) -> None:
    foreign = FileEntry("[Service]\nExecStart=/bin/true\n")
    world.systemd.units.write({"debvisor-job-other.service": foreign})

    assert states(world) == {}


def test_the_last_run_comes_from_the_file_of_the_job(world: World) -> None:
    world.apply(TWO)
    note_last(world, "nightly", FAILED_AT_TWO)

    last = rows(world)["nightly"].last

    assert last is not None
    assert last.start == datetime(2026, 11, 23, 2, tzinfo=UTC)
    assert last.outcome is RunOutcome.FAILED
    assert rows(world)["hourly"].last is None


def test_jobs_of_several_files_stand_in_the_order_of_their_ids(world: World) -> None:
    world.write("jobs:\n  zz: {command: [/bin/true]}\n  b: {command: [/bin/true]}\n", "1.yaml")
    world.write("jobs:\n  a: {command: [/bin/true]}\n", "2.yaml")

    assert list(states(world)) == ["a", "b", "zz"]


def test_a_run_that_is_going_to_be_skipped_is_told(world: World) -> None:
    (world.layout.config / "config.yaml").write_text(
        "maintenance_windows: [{cron: '30 3 * * *', duration: 1h, reason: move, jobs: [held]}]\n",
        encoding="utf-8",
    )
    world.apply(
        "jobs:\n"
        "  held: {schedule: '0 4 * * *', command: [/bin/true]}\n"
        "  plain: {schedule: '0 4 * * *', command: [/bin/true]}\n"
        "  later: {schedule: {cron: '0 4 * * *', exclude: [2026-11-25]}, command: [/bin/true]}\n"
        "  out: {schedule: {cron: '0 4 * * *', exclude: [2026-11-24]}, command: [/bin/true]}\n"
    )

    assert {job_id: row.skipped for job_id, row in rows(world).items()} == {
        "held": "maintenance: move",
        "later": "",
        "out": "excluded: 2026-11-24",
        "plain": "",
    }


def test_the_excluded_day_is_that_of_the_calendar_not_of_the_delay(world: World) -> None:
    """The delay leads past midnight."""
    world.apply(
        "jobs: {late: {schedule: {cron: '50 23 * * *', jitter: 30min, exclude: [2026-11-23]},"
        " command: [/bin/true]}}\n"
    )

    row = rows(world)["late"]

    assert row.next_start is not None
    assert row.next_start.day == 24
    assert row.skipped == "excluded: 2026-11-23"
