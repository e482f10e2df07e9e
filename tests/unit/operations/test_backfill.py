# SPDX-License-Identifier: Apache-2.0
"""backfill: which times are made up for, in which order, and how it goes on after a stop."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta

import pytest

from debvisor_timers.errors import LockedError, NotFoundError, RefusedError, UsageError
from debvisor_timers.history.caller import Caller
from debvisor_timers.operations.holding.backfill import Backfill, Manner, run_backfill
from debvisor_timers.operations.holding.slots import BackfillPlan, Times, plan_backfill
from debvisor_timers.operations.lock import exclusive
from debvisor_timers.systemd.memory.state import Outcome
from debvisor_timers.systemd.ports import JobResult
from tests.unit.operations.ran import Ran, days, ran
from tests.unit.operations.world import NIGHTLY, TWO, World

ANNA = Caller(uid=0, user="anna")
FROM = datetime(2026, 11, 20, tzinfo=UTC)


def at(day: int, hour: int = 2) -> datetime:
    return datetime(2026, 11, day, hour, tzinfo=UTC)


def plan(
    world: World,
    *jobs: str,
    since: datetime = FROM,
    until: datetime | None = None,
    only_missed: bool = False,
    again: bool = False,
) -> BackfillPlan:
    times = Times(since=since, until=until, only_missed=only_missed, again=again)
    return plan_backfill(world.host, jobs or ["nightly"], times)


def slots(plan: BackfillPlan) -> list[int]:
    """Return the days of the times of the only job."""
    (job,) = plan.jobs
    return [slot.day for slot in job.slots]


class Runs:
    """What begin and end leave of each run: the twin runs no programs of ours.

    results: by the day of the time that a run is for; success where there is none.
    """

    def __init__(self, world: World, patch: pytest.MonkeyPatch) -> None:
        self.world = world
        self.begun: list[tuple[str, datetime]] = []
        self.results: dict[int, str] = {}
        self.skips: dict[int, str] = {}
        self.before: Callable[[str], None] = lambda _job: None
        self._start = world.systemd.manager.start
        patch.setattr(world.systemd.manager, "start", self.start)

    def start(
        self, units: Sequence[str], *, wait: bool = True, timeout: timedelta | None = None
    ) -> Mapping[str, JobResult]:
        for unit in units:
            job = unit.removeprefix("debvisor-job-").removesuffix(".service")
            self.before(job)
            request = self.world.layout.runtime / "requests" / f"{job}.json"
            said = json.loads(request.read_text())
            request.unlink()
            slot = datetime.fromtimestamp(int(said["scheduled_usec"]) / 1e6, UTC)
            self.begun.append((job, slot))
            self._note(job, slot, said["scheduled_usec"])
        return self._start(units, wait=wait, timeout=timeout)

    def _note(self, job: str, slot: datetime, usec: str) -> None:
        folder = self.world.layout.ended
        folder.mkdir(parents=True, exist_ok=True)
        result = self.results.get(slot.day, "success")
        now = round(self.world.systemd.state.now.timestamp() * 1e6)
        lines = {
            "RUN_ID": f"run-{slot.day}",
            "TRIGGER": "backfill",
            "SCHEDULED_USEC": usec,
            "START_USEC": str(now),
            "RESULT": result,
            "END_USEC": str(now),
            "EXIT_CODE": "exited",
            "EXIT_STATUS": "3",
        }
        if slot.day in self.skips:
            lines["SKIPPED"] = self.skips[slot.day]
        text = "".join(f"DEBVISOR_{name}={value}\n" for name, value in lines.items())
        (folder / job).write_text(text, encoding="utf-8")


@pytest.fixture
def runs(world: World, monkeypatch: pytest.MonkeyPatch) -> Runs:
    world.apply(TWO)
    return Runs(world, monkeypatch)


def fill(world: World, plan: BackfillPlan, *, keep_going: bool = False) -> Backfill:
    return run_backfill(world.host, plan, Manner(keep_going=keep_going), ANNA)


def days_of(backfill: Backfill) -> list[tuple[int, str]]:
    return [(each.slot.day, each.ending.words) for each in backfill.slots]


# --- which times ---------------------------------------------------------------------------------


def test_all_times_of_the_calendar_from_one_time_on_and_before_another(world: World) -> None:
    world.apply(TWO)
    assert slots(plan(world, since=at(20), until=at(23))) == [20, 21, 22]
    assert slots(plan(world)) == [20, 21, 22, 23]
    hourly = plan(world, "hourly", since=at(23, 9)).jobs[0]
    assert [slot.hour for slot in hourly.slots] == [9, 10, 11, 12]


def test_what_is_to_come_is_not_missed_yet(world: World) -> None:
    world.apply(TWO)
    assert slots(plan(world, since=at(22), until=at(30))) == [22, 23]


@pytest.mark.parametrize(
    ("since", "until", "words"),
    [(at(24), None, ", lies in the future"), (at(22), at(21), ", is not before --to")],
)
def test_times_that_make_no_sense(
    world: World, since: datetime, until: datetime | None, words: str
) -> None:
    world.apply(TWO)
    with pytest.raises(UsageError, match=words):
        plan(world, since=since, until=until)


def test_days_that_the_schedule_leaves_out_are_not_made_up_for(world: World) -> None:
    world.apply(NIGHTLY.replace("catch_up: once", 'exclude: [2026-11-21, "*-11-23"]'))
    found = plan(world)
    assert slots(found) == [20, 22]
    assert found.jobs[0].excluded == 2


def test_only_times_without_a_run_that_succeeded(world: World) -> None:
    world.apply(NIGHTLY)
    days(world, "nightly", "success", "exit-code", "success", start=at(20))
    found = plan(world, only_missed=True)
    assert slots(found) == [21, 23]
    assert found.jobs[0].completed == 2


def test_a_run_counts_for_the_time_that_it_was_for(world: World) -> None:
    """A retry for that of the run that it repeats; a timer fires later by its jitter."""
    world.apply(NIGHTLY.replace("catch_up: once", "jitter: 30min"))
    ran(
        world,
        "nightly",
        Ran(start=at(20, 3), scheduled=at(20) + timedelta(minutes=29)),
        Ran(start=at(23, 11), scheduled=at(21), trigger="backfill"),
        Ran(start=at(23, 11), scheduled=at(22), trigger="backfill", result="exit-code"),
        Ran(start=at(23, 10), trigger="manual"),
    )
    assert slots(plan(world, only_missed=True)) == [22, 23]


def test_jobs_that_have_no_times(world: World) -> None:
    world.apply("jobs: {a: {command: [/bin/true]}}\n")
    with pytest.raises(RefusedError, match="'a' has no schedule"):
        plan(world, "a")
    with pytest.raises(NotFoundError, match="no job 'b'"):
        plan(world, "b")
    with pytest.raises(UsageError, match="no job is named"):
        plan_backfill(world.host, [], Times(since=FROM))
    world.write(NIGHTLY)
    with pytest.raises(RefusedError, match="not applied yet"):
        plan(world, "nightly")


def test_too_many_times_are_refused(world: World) -> None:
    world.apply("jobs: {a: {schedule: '* * * * *', command: [/bin/true]}}\n")
    with pytest.raises(UsageError, match="more than 10000 runs"):
        plan(world, "a", since=at(1))


# --- running them --------------------------------------------------------------------------------


def test_each_time_is_run_the_oldest_first(world: World, runs: Runs) -> None:
    done = fill(world, plan(world))
    assert runs.begun == [("nightly", at(day)) for day in (20, 21, 22, 23)]
    assert (done.left, done.is_good, done.words) == (0, True, "4 succeeded, 0 failed, 0 left")
    assert not (world.layout.backfills / "nightly").exists()


def test_the_first_that_fails_stops_it_and_the_same_command_goes_on(
    world: World, runs: Runs
) -> None:
    runs.results[21] = "exit-code"
    done = fill(world, plan(world))
    assert days_of(done) == [(20, "succeeded"), (21, "failed (exit status 3)")]
    assert (done.left, done.is_good) == (3, False)

    runs.results.clear()
    again = plan(world)
    assert (slots(again), again.jobs[0].done) == ([21, 22, 23], 1)
    assert again.jobs[0].stopped == datetime(2026, 11, 23, 12, 0, 7, tzinfo=UTC)
    assert fill(world, again).is_good
    assert slots(plan(world)) == [20, 21, 22, 23]


def test_it_can_keep_going(world: World, runs: Runs) -> None:
    runs.results[20] = "exit-code"
    runs.skips[22] = "conflict: other is running"
    done = fill(world, plan(world), keep_going=True)
    assert days_of(done) == [
        (20, "failed (exit status 3)"),
        (21, "succeeded"),
        (22, "skipped (conflict: other is running)"),
        (23, "succeeded"),
    ]
    assert done.left == 2
    assert slots(plan(world)) == [20, 22]


def test_what_was_stopped_can_be_begun_anew(world: World, runs: Runs) -> None:
    runs.results[21] = "exit-code"
    fill(world, plan(world))
    anew = plan(world, again=True)
    assert slots(anew) == [20, 21, 22, 23]
    runs.results.clear()
    runs.begun.clear()
    assert fill(world, anew).is_good
    assert [slot.day for _, slot in runs.begun] == [20, 21, 22, 23]


def test_a_run_that_went_on_when_it_was_stopped_counts(world: World, runs: Runs) -> None:
    """Ctrl-C ends our waiting, not the run: the next command finds how it ended."""

    def interrupt(_job: str) -> None:
        if len(runs.begun) == 2:
            runs.before = lambda _job: None
            raise KeyboardInterrupt

    runs.before = interrupt
    with pytest.raises(KeyboardInterrupt):
        fill(world, plan(world))
    runs.start(["debvisor-job-nightly.service"])  # what systemd had been asked for

    again = plan(world)
    assert slots(again) == [22, 23]
    done = fill(world, again)

    assert days_of(done) == [(22, "succeeded"), (23, "succeeded")]
    assert [slot.day for _, slot in runs.begun] == [20, 21, 22, 23]


def test_a_run_that_failed_after_it_was_stopped_is_made_again(world: World, runs: Runs) -> None:
    def interrupt(_job: str) -> None:
        runs.before = lambda _job: None
        raise KeyboardInterrupt

    runs.before = interrupt
    with pytest.raises(KeyboardInterrupt):
        fill(world, plan(world))
    runs.results[20] = "exit-code"
    runs.start(["debvisor-job-nightly.service"])
    runs.results.clear()

    assert fill(world, plan(world)).is_good
    assert [slot.day for _, slot in runs.begun] == [20, 20, 21, 22, 23]


def test_another_run_that_takes_the_start_is_not_taken_for_it(world: World, runs: Runs) -> None:
    """The schedule starts the job at the same moment: systemd has one run for both."""
    note = runs._note

    def by_timer(job: str, slot: datetime, usec: str) -> None:
        note(job, slot, usec)
        if len(runs.begun) == 1:
            path = world.layout.ended / job
            path.write_text(path.read_text().replace("=backfill", "=timer"))

    runs._note = by_timer  # type: ignore[method-assign]
    done = fill(world, plan(world, since=at(22)))
    assert done.is_good
    assert [slot.day for _, slot in runs.begun] == [22, 22, 23]


def test_a_run_in_which_nothing_of_ours_began(world: World) -> None:
    world.apply(NIGHTLY)
    world.systemd.set_outcome("debvisor-job-nightly.service", Outcome.failure(217))
    done = fill(world, plan(world))
    assert days_of(done) == [(20, "failed (it could not be started)")]


def test_jobs_are_filled_one_after_the_other(world: World, runs: Runs) -> None:
    done = fill(world, plan(world, "hourly", "nightly", since=at(23, 11)))
    assert [job for job, _ in runs.begun] == ["hourly", "hourly"]
    assert done.is_good


def test_there_is_one_backfill_of_a_job_at_a_time(world: World, runs: Runs) -> None:
    folder = world.layout.runtime / "backfills" / "nightly"
    with exclusive(folder, purpose="debvisor-timers backfill nightly", wait=timedelta()):  # noqa: SIM117
        with pytest.raises(LockedError, match="another backfill of nightly is under way"):
            fill(world, plan(world))
    assert runs.begun == []


def test_a_line_that_a_power_cut_left_half_is_left_out(world: World, runs: Runs) -> None:
    runs.results[22] = "exit-code"
    fill(world, plan(world))
    path = world.layout.backfills / "nightly"
    path.write_text(path.read_text() + "done 17")
    assert slots(plan(world)) == [22, 23]
