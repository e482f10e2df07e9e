# SPDX-License-Identifier: Apache-2.0
"""pause, resume, maintenance and skip-next: what begin reads, and what is told of it before."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

import pytest

from debvisor_timers.errors import (
    DefinitionError,
    LockedError,
    NotFoundError,
    RefusedError,
    UsageError,
)
from debvisor_timers.history.caller import Caller
from debvisor_timers.operations.coming.elapses import Interval
from debvisor_timers.operations.coming.upcoming import upcoming_of
from debvisor_timers.operations.holding.maintenance import begin_maintenance, end_maintenance
from debvisor_timers.operations.holding.marks import Held
from debvisor_timers.operations.holding.pause import Paused, Resumed, Wish, pause_jobs, resume_jobs
from debvisor_timers.operations.holding.selecting import Choice
from debvisor_timers.operations.holding.skip_next import Skipping, skip_next
from debvisor_timers.operations.list import JobRow, list_jobs
from debvisor_timers.operations.lock import exclusive
from debvisor_timers.operations.past.maintain import maintain
from debvisor_timers.operations.safety.status import status
from debvisor_timers.systemd.memory import Outcome
from tests.unit.operations.world import NIGHTLY, TWO, World

ANNA = Caller(uid=0, user="root", login_uid=1000, sudo_uid=1000, sudo_user="anna")
NOW = datetime(2026, 11, 23, 12, 0, 7, tzinfo=UTC)
TOMORROW = datetime(2026, 11, 24, 6, 0, tzinfo=UTC)
TAGGED = """\
jobs:
  a: {schedule: "0 2 * * *", command: [/bin/true], tags: {environment: production}}
  b: {schedule: "0 2 * * *", command: [/bin/true], tags: {environment: test}}
  c: {schedule: "0 2 * * *", command: [/bin/true], tags: {environment: production}}
"""


def pause(
    world: World, *jobs: str, until: datetime | None = None, reason: str = "", is_all: bool = False
) -> Paused:
    wish = Wish(until=until, reason=reason)
    return pause_jobs(world.host, Choice(jobs=jobs, all=is_all), wish, ANNA)


def resume(world: World, *jobs: str, is_all: bool = False) -> Resumed:
    return resume_jobs(world.host, Choice(jobs=jobs, all=is_all))


def skip(world: World, count: int, job: str = "nightly") -> Skipping:
    return skip_next(world.host, job, count, ANNA)


def marks(world: World, folder: str = "paused") -> list[str]:
    path = world.layout.state / folder
    return sorted(each.name for each in path.iterdir()) if path.is_dir() else []


def coming(world: World, count: int = 3) -> list[str]:
    """Return why the next runs of nightly, at 02:00 of the next days, are skipped."""
    return [run.skipped for run in upcoming_of(world.host, ["nightly"], Interval(count=count))]


def row(world: World, job: str = "nightly") -> JobRow:
    return next(row for row in list_jobs(world.host).rows if row.job_id == job)


def notes(world: World) -> Iterable[str]:
    return status(world.host).notes


# --- pause and resume ----------------------------------------------------------------------------


def test_a_pause_is_a_file_that_says_since_when_until_when_who_and_why(world: World) -> None:
    world.apply(TWO)

    pause(world, "nightly", until=TOMORROW, reason=" disk\n is  replaced ")

    path = world.layout.state / "paused" / "nightly"
    assert json.loads(path.read_text()) == {
        "since": "2026-11-23T12:00:07+00:00",
        "until": "2026-11-24T06:00:00+00:00",
        "by": "anna",
        "reason": "disk is replaced",
    }
    assert path.stat().st_mode & 0o777 == 0o644
    assert marks(world) == ["nightly"]


def test_runs_to_come_are_told_as_skipped_up_to_its_end(world: World) -> None:
    world.apply(TWO)
    pause(world, "nightly", until=TOMORROW, reason="new disk")
    assert coming(world) == ["paused by anna: new disk", "", ""]
    assert row(world).skipped == "paused by anna: new disk"
    assert row(world, "hourly").skipped == ""

    pause(world, "nightly")

    assert coming(world) == ["paused by anna"] * 3


def test_a_run_at_the_very_end_takes_place(world: World) -> None:
    world.apply(TWO)
    pause(world, "nightly", until=datetime(2026, 11, 24, 2, tzinfo=UTC))
    assert coming(world, 1) == [""]


def test_no_timer_is_stopped_and_nothing_starts_by_either(world: World) -> None:
    world.apply(TWO)
    before = world.picture()

    pause(world, is_all=True)
    assert world.picture() == before
    world.systemd.advance(timedelta(days=2))
    ran = world.ran()
    resumed = resume(world, is_all=True)

    assert resumed.jobs == ("hourly", "nightly")
    assert world.ran() == ran
    assert marks(world) == []
    assert coming(world) == ["", "", ""]


def test_a_mark_that_cannot_be_read_is_one_and_can_be_taken_away(world: World) -> None:
    world.apply(TWO)
    world.layout.paused.mkdir(parents=True)
    (world.layout.paused / "nightly").symlink_to("nightly")

    held = Held.read(world.layout, world.host.clock.now())

    assert held.pauses["nightly"].as_pause == "paused: its file cannot be read"
    assert resume_jobs(world.host, Choice(jobs=("nightly",))).jobs == ("nightly",)


def test_another_pause_changes_end_and_reason_and_keeps_the_beginning(world: World) -> None:
    world.apply(TWO)
    pause(world, "nightly", reason="first")
    world.systemd.advance(timedelta(hours=1))

    (again,) = pause(world, "nightly", until=TOMORROW, reason="second").jobs

    assert again.before is not None
    assert again.before.reason == "first"
    assert again.mark.since == NOW
    assert (again.mark.until, again.mark.reason) == (TOMORROW, "second")


@pytest.mark.parametrize(
    ("tags", "expected"),
    [({"environment": "production"}, ["a", "c"]), ({"environment": ""}, ["a", "b", "c"])],
)
def test_jobs_by_their_tags(world: World, tags: dict[str, str], expected: list[str]) -> None:
    world.apply(TAGGED)
    pause_jobs(world.host, Choice(tags=tags), Wish(), ANNA)
    assert marks(world) == expected


def test_a_tag_that_no_job_has(world: World) -> None:
    world.apply(TAGGED)
    with pytest.raises(NotFoundError, match="no job has the tag environment=live"):
        pause_jobs(world.host, Choice(tags={"environment": "live"}), Wish(), ANNA)


def test_a_tag_asks_for_files_that_can_be_read_and_all_does_not(world: World) -> None:
    world.apply(TAGGED)
    world.write("jobs: {d: {schedule: '0 25 * * *', command: [/bin/true]}}\n", "wrong.yaml")
    with pytest.raises(DefinitionError):
        pause_jobs(world.host, Choice(tags={"environment": "production"}), Wish(), ANNA)
    pause(world, is_all=True)
    assert marks(world) == ["a", "b", "c"]


@pytest.mark.parametrize("choice", [Choice(), Choice(jobs=("nightly",), all=True)])
def test_jobs_are_named_in_one_way(world: World, choice: Choice) -> None:
    world.apply(TWO)
    with pytest.raises(UsageError, match=r"no job is named|more than one way"):
        pause_jobs(world.host, choice, Wish(), ANNA)


def test_bad_input_changes_nothing(world: World) -> None:
    world.apply(TWO)
    with pytest.raises(NotFoundError, match="there is no job 'nihgtly'"):
        pause(world, "hourly", "nihgtly")
    with pytest.raises(UsageError, match="a time that has passed"):
        pause(world, "nightly", until=NOW)
    with pytest.raises(NotFoundError):
        resume(world, "nihgtly")
    assert marks(world) == []


def test_who_changes_jobs_right_now_is_waited_for(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.apply(TWO)
    monkeypatch.setattr("debvisor_timers.operations.holding.pause.LOCK_WAIT", timedelta())
    with exclusive(world.layout.runtime, purpose="apply", wait=timedelta()):  # noqa: SIM117
        with pytest.raises(LockedError, match="apply"):
            pause(world, "nightly")


def test_a_job_that_was_not_paused_is_named(world: World) -> None:
    world.apply(TWO)
    pause(world, "nightly")
    resumed = resume(world, "nightly", "hourly")
    assert (resumed.jobs, resumed.not_paused) == (("nightly",), ("hourly",))


def test_a_stopped_timer_catches_up_nothing_of_the_pause(world: World) -> None:
    """The brake is on meanwhile: systemd would make up for it when the timer is started."""
    world.apply(NIGHTLY)
    pause(world, "nightly")
    world.systemd.manager.stop(["debvisor-job-nightly.timer"])
    world.systemd.advance(timedelta(days=2))

    resume(world, "nightly")
    world.systemd.manager.start(["debvisor-job-nightly.timer"])
    world.systemd.advance(timedelta(minutes=1))

    assert world.ran() == []


def test_a_path_that_is_there_is_left_unwatched(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its unit would start the job as soon as the skip of it has ended."""
    world.apply(
        "jobs: {a: {triggers: [{path_exists: /srv/in}], command: [/bin/true]},"
        " b: {triggers: [{path_exists: /srv/none}], command: [/bin/true]}}\n"
    )
    pause(world, is_all=True)
    monkeypatch.setattr("debvisor_timers.operations.holding.arming._SKIP", timedelta())
    skipped = Outcome(duration=timedelta(seconds=3))
    world.systemd.set_outcome("debvisor-job-a.service", skipped)
    world.systemd.touch("/srv/in")
    (held,) = resume(world, is_all=True).unarmed
    ran = world.ran()
    world.systemd.advance(timedelta(hours=1))

    assert (held.unit, held.path) == ("debvisor-path-a.path", "/srv/in")
    assert world.running() == {"debvisor-path-b.path"}
    assert world.ran() == ran


@pytest.mark.parametrize("where", ["arming._await_skips", "pause.remove_marks"])
def test_a_path_is_watched_again_where_a_resume_is_cut_off(
    world: World, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    world.apply("jobs: {a: {triggers: [{path_exists: /srv/in}], command: [/bin/true]}}\n")
    pause(world, is_all=True)
    skipped = Outcome(duration=timedelta(seconds=3))
    world.systemd.set_outcome("debvisor-job-a.service", skipped)
    world.systemd.touch("/srv/in")

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(f"debvisor_timers.operations.holding.{where}", interrupted)
    monkeypatch.setattr("debvisor_timers.operations.holding.arming._SKIP", timedelta())
    with pytest.raises(KeyboardInterrupt):
        resume(world, is_all=True)

    assert world.running() == {"debvisor-path-a.path"}
    assert (world.layout.paused / "a").exists()


# --- what apply and maintain do with marks -------------------------------------------------------


def test_an_apply_keeps_marks_of_jobs_that_stay_and_drops_the_others(world: World) -> None:
    world.apply(TWO)
    pause(world, is_all=True)
    skip(world, 2)
    skip(world, 2, "hourly")

    world.apply(NIGHTLY.replace("/bin/true", "/bin/false"))

    assert marks(world) == ["nightly"]
    assert marks(world, "skip_next") == ["nightly"]
    world.write(TWO)
    pause(world, "hourly")  # not applied yet
    world.apply()
    assert marks(world) == ["hourly", "nightly"]
    world.apply(NIGHTLY)
    world.apply(TWO)
    assert row(world, "hourly").pause is None


def test_what_is_over_holds_nothing_and_is_tidied_away(world: World) -> None:
    world.apply(TWO)
    pause(world, "nightly", until=TOMORROW)
    begin_maintenance(world.host, Wish(until=TOMORROW), ANNA)
    world.systemd.advance_to(TOMORROW)
    assert row(world).pause is None
    assert list_jobs(world.host).maintenance is None
    assert coming(world) == ["", "", ""]
    assert marks(world) == ["nightly"]

    maintain(world.host)

    assert marks(world) == []
    assert not world.layout.maintenance.exists()


def test_what_is_not_over_is_left(world: World) -> None:
    world.apply(TWO)
    pause(world, "nightly", until=TOMORROW)
    pause(world, "hourly")
    begin_maintenance(world.host, Wish(), ANNA)
    maintain(world.host)
    assert marks(world) == ["hourly", "nightly"]
    assert world.layout.maintenance.exists()


# --- maintenance ---------------------------------------------------------------------------------


def test_maintenance_holds_the_schedules_of_all_jobs(world: World) -> None:
    world.apply(TWO)

    begin_maintenance(world.host, Wish(until=TOMORROW, reason="kernel"), ANNA)

    assert coming(world) == ["maintenance: kernel", "", ""]
    assert row(world, "hourly").skipped == "maintenance: kernel"
    (note,) = notes(world)
    assert note == (
        "the host is in maintenance since 2026-11-23 12:00, until 2026-11-24 06:00, by anna"
        " (kernel): its schedules start nothing"
    )
    assert status(world.host).is_healthy
    ended = end_maintenance(world.host)
    assert ended is not None
    assert ended.reason == "kernel"
    assert end_maintenance(world.host) is None
    assert coming(world) == ["", "", ""]


def test_maintenance_that_is_on_gets_another_end(world: World) -> None:
    world.apply(TWO)
    begin_maintenance(world.host, Wish(), ANNA)
    world.systemd.advance(timedelta(hours=1))
    begun = begin_maintenance(world.host, Wish(until=TOMORROW), ANNA)
    assert begun.before is not None
    assert (begun.mark.since, begun.mark.until) == (NOW, TOMORROW)


# --- skip-next -----------------------------------------------------------------------------------


def test_the_next_runs_are_skipped(world: World) -> None:
    world.apply(TWO)

    skipping = skip(world, 2)

    assert [run.scheduled.day for run in skipping.runs] == [24, 25]
    assert coming(world) == ["on request, 1 of 2", "on request, 2 of 2", ""]
    assert row(world).skipped == "on request, 1 of 2"
    path = world.layout.skip_next / "nightly"
    assert json.loads(path.read_text()) == {
        "left": 2,
        "of": 2,
        "since": "2026-11-23T12:00:07+00:00",
        "by": "anna",
    }
    path.write_text(json.dumps({"left": 1, "of": 2}))
    assert coming(world) == ["on request, 2 of 2", "", ""]


def test_runs_that_are_skipped_anyway_do_not_count(world: World) -> None:
    world.apply(TWO)
    pause(world, "nightly", until=TOMORROW)
    skip(world, 1)
    assert coming(world) == ["paused by anna", "on request, 1 of 1", ""]


def test_none_takes_it_back(world: World) -> None:
    world.apply(TWO)
    skip(world, 3)
    skipping = skip(world, 0)
    assert skipping.before is not None
    assert (skipping.before.left, skipping.now) == (3, None)
    assert coming(world) == ["", "", ""]
    assert skip(world, 0).before is None


def test_a_job_that_no_schedule_starts_has_no_next_run(world: World) -> None:
    world.apply(
        "jobs: {a: {command: [/bin/true]},"
        " b: {schedule: '@daily', command: [/bin/true], enabled: false}}\n"
    )
    with pytest.raises(RefusedError, match="'a' has no schedule"):
        skip(world, 1, "a")
    with pytest.raises(RefusedError, match="'b' is disabled"):
        skip(world, 1, "b")
    with pytest.raises(UsageError, match="1001 runs"):
        skip(world, 1001, "a")
    assert marks(world, "skip_next") == []


# --- notes ---------------------------------------------------------------------------------------


def test_pauses_are_notes_and_one_without_an_end_is_remembered(world: World) -> None:
    world.apply(TWO)
    pause(world, "nightly", reason="new disk")
    pause(world, "hourly", until=datetime(2027, 12, 1, tzinfo=UTC))
    skip(world, 1)
    assert list(notes(world)) == [
        "2 jobs are paused: hourly, nightly",
        "the next runs are skipped on request of: nightly",
    ]

    world.systemd.advance(timedelta(days=31))

    assert list(notes(world))[1] == (
        "nightly is paused since 2026-11-23 12:00, without an end, by anna (new disk):"
        " debvisor-timers resume nightly"
    )
