# SPDX-License-Identifier: Apache-2.0
"""What is done when a run has failed: its result noted, the unit freed, the channels told once."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from debvisor_timers.history.last import LastRun, read_last
from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.history.records import JournalRecord
from debvisor_timers.operations.runs.notify import FailureNotice, notify_failure
from debvisor_timers.operations.runs.stop import stop_job
from debvisor_timers.systemd.memory.journal import MemoryJournal
from debvisor_timers.systemd.memory.state import Outcome
from debvisor_timers.systemd.ports import ActiveState
from tests.box.wait import wait_until
from tests.unit.operations.last_runs import (
    SUCCEEDED_AT_TWO,
    fail_and_retry,
    note_last,
    set_start_limit,
)
from tests.unit.operations.past_runs import history
from tests.unit.operations.world import World

SERVICE = "debvisor-job-nightly.service"
TIMER = "debvisor-job-nightly.timer"
JOB = """\
jobs:
  nightly:
    name: Nightly backup
    owner: storage
    tags: {site: ams1}
    schedule: {on_calendar: "*-*-* 02:00:00 UTC"}
    command: [/bin/true]
    notify: {failure: [ops, mail]}
"""
QUIET = JOB.replace("    notify: {failure: [ops, mail]}\n", "")
CONFIG = """\
channels:
  ops: {{exec: [/bin/sh, -c, 'cat >>"$1"', sh, {folder}/ops]}}
  mail: {{exec: [/bin/sh, -c, 'cat >>"$1"; exit {status}', sh, {folder}/mail]}}
"""


@pytest.fixture
def told(world: World, tmp_path: Path) -> Path:
    """Return the folder where the channels put what they are told; the job is applied."""
    channels(world, tmp_path)
    world.apply(JOB)
    return tmp_path


def channels(world: World, folder: Path, status: int = 0) -> None:
    text = CONFIG.format(folder=folder, status=status)
    (world.layout.config / "config.yaml").write_text(text, encoding="utf-8")


def documents(folder: Path, channel: str = "ops") -> list[dict[str, Any]]:
    path = folder / channel
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    found = [json.loads(line) for line in lines]
    for document in found:
        del document["message"]  # each has an id of its own
    return found


def fail(world: World, outcome: Outcome | None = None) -> str:
    """Let a run of the job fail, and return its id."""
    world.systemd.advance(timedelta(seconds=10))
    world.systemd.set_outcome(SERVICE, outcome or Outcome.failure(217))
    world.systemd.manager.start([SERVICE])
    return history(world.host, "nightly", limit=1)[0].id


def notify(world: World) -> FailureNotice:
    return notify_failure(world.host, "nightly", host_name="hv1")


def last_of(world: World) -> LastRun:
    last = read_last(world.layout.last, "nightly")
    assert last is not None
    return last


def test_each_channel_is_told_of_a_failed_run_with_all_that_is_known(
    world: World, told: Path
) -> None:
    run = fail(world, Outcome.failure(3, duration=timedelta(seconds=90)))

    notice = notify(world)

    assert notice.told == ((run, "ops"), (run, "mail"))
    assert notice.problems == ()
    (document,) = documents(told)
    assert documents(told, "mail") == [document]
    expected = {
        "event": "failure",
        "run": run,
        "job": "nightly",
        "name": "Nightly backup",
        "owner": "storage",
        "tags": {"site": "ams1"},
        "host": "hv1",
        "outcome": "failed",
        "reason": "exit status 3",
        "exit_status": 3,
        "duration_seconds": 90.0,
        "attempts": 1,
        "log": [],
    }
    assert {key: document[key] for key in expected} == expected


def test_the_last_lines_that_the_run_printed_are_told(world: World, told: Path) -> None:
    fail(world)
    invocation = world.systemd.manager.service(SERVICE).invocation_id
    for number in range(55):
        world.host.journal.send(
            {
                "MESSAGE": f"line {number}",
                "_TRANSPORT": "stdout",
                "_SYSTEMD_UNIT": SERVICE,
                "_SYSTEMD_INVOCATION_ID": invocation,
            }
        )
    notify(world)
    (document,) = documents(told)
    assert document["log"] == [f"line {number}" for number in range(5, 55)]


def test_a_run_is_told_once_however_often_we_are_called(world: World, told: Path) -> None:
    run = fail(world)
    notify(world)
    assert notify(world).told == ()
    assert [document["run"] for document in documents(told)] == [run]
    note = world.layout.notified / "nightly"
    assert f"SEEN={run}\n" in note.read_text(encoding="utf-8")


def test_two_runs_that_failed_before_we_came_are_both_told(world: World, told: Path) -> None:
    first = fail(world)
    notify(world)
    second, third = fail(world), fail(world)
    notify(world)
    assert [document["run"] for document in documents(told)] == [first, second, third]


def test_a_run_that_fails_while_another_is_being_told_is_told_too(
    world: World, tmp_path: Path
) -> None:
    told, go_on = tmp_path / "ops", tmp_path / "go-on"
    program = f"cat >>{told}; until [ -e {go_on} ]; do sleep 0.01; done"
    config = f"channels: {{ops: {{exec: [/bin/sh, -c, '{program}']}}}}\n"
    (world.layout.config / "config.yaml").write_text(config, encoding="utf-8")
    world.apply(JOB.replace("[ops, mail]", "[ops]"))
    first = fail(world)

    with ThreadPoolExecutor() as pool:
        handler = pool.submit(notify, world)
        wait_until(told.exists, deadline_seconds=20, what="the channel is being told")
        second = fail(world)
        go_on.touch()
        notice = handler.result()

    assert [document["run"] for document in documents(tmp_path)] == [first, second]
    assert (notice.told, notice.problems) == (((first, "ops"), (second, "ops")), ())
    assert notify(world).told == ()


def test_failures_of_the_time_before_we_were_there_are_not_told(world: World, told: Path) -> None:
    fail(world)
    newest = fail(world)
    notify(world)
    assert [document["run"] for document in documents(told)] == [newest]


def test_failures_of_the_time_without_channels_are_not_told_later(
    world: World, tmp_path: Path
) -> None:
    channels(world, tmp_path)
    world.apply(QUIET)
    fail(world)
    notify(world)
    world.apply(JOB)
    run = fail(world)
    notify(world)
    assert [document["run"] for document in documents(tmp_path)] == [run]


def test_a_stop_by_hand_is_not_told(world: World, told: Path) -> None:
    world.systemd.set_outcome(SERVICE, Outcome(duration=timedelta(hours=1)))
    world.systemd.manager.start([SERVICE], wait=False)
    stop_job(world.host, "nightly")
    assert notify(world) == FailureNotice()
    assert documents(told) == []
    assert read_last(world.layout.last, "nightly") is None


def test_a_stop_by_hand_after_a_failure_tells_nothing_again(world: World, told: Path) -> None:
    run = fail(world)
    notify(world)
    world.systemd.advance(timedelta(minutes=1))
    world.systemd.set_outcome(SERVICE, Outcome(duration=timedelta(hours=1)))
    world.systemd.manager.start([SERVICE], wait=False)
    stop_job(world.host, "nightly")
    notify(world)
    assert [document["run"] for document in documents(told)] == [run]


def test_a_failed_dependency_is_not_told(world: World, tmp_path: Path) -> None:
    channels(world, tmp_path)
    world.systemd.ship("need.service", "[Service]\nType=oneshot\nExecStart=/bin/false\n")
    world.systemd.set_outcome("need.service", Outcome.failure(1))
    world.apply(JOB + "    depends_on: [{unit: need.service}]\n")
    world.systemd.manager.start([SERVICE])
    assert history(world.host, "nightly", limit=1)[0].outcome is RunOutcome.SKIPPED
    assert notify(world) == FailureNotice()
    assert documents(tmp_path) == []


def test_what_is_being_edited_does_not_count(world: World, told: Path) -> None:
    world.write(QUIET)
    (world.layout.config / "config.yaml").unlink()
    fail(world)
    notify(world)
    assert len(documents(told)) == 1


def test_a_channel_that_fails_is_told_of_and_keeps_no_other_from_being_told(
    world: World, tmp_path: Path
) -> None:
    channels(world, tmp_path, status=7)
    world.apply(JOB.replace("[ops, mail]", "[mail, ops]"))
    run = fail(world)
    notice = notify(world)
    assert notice.told == ((run, "mail"), (run, "ops"))
    assert notice.problems == ("the channel mail was not told: /bin/sh ended with exit status 7",)
    assert [document["run"] for document in documents(tmp_path)] == [run]
    (timer,) = world.systemd.manager.units("debvisor-timers-watch.timer")
    assert timer.active_state is ActiveState.ACTIVE  # which sends it again
    assert notify(world) == FailureNotice()


def test_the_result_that_end_could_not_note_is_noted(world: World, told: Path) -> None:
    """A missing user ends a run before any program of ours."""
    note_last(world, "nightly", SUCCEEDED_AT_TWO)
    run = fail(world)

    assert notify(world).noted == run

    last = last_of(world)
    assert (last.id, last.outcome) == (run, RunOutcome.FAILED)
    assert last.outcome_words == "failed (exit status 217: its user)"
    assert last.end == datetime(2026, 11, 23, 12, 0, 17, tzinfo=UTC)
    assert last.success_id == "20261123T020000Z-4f2a9c"
    assert last.invocation_id == world.systemd.manager.service(SERVICE).invocation_id
    ended = (world.layout.ended / "nightly").read_text(encoding="utf-8")
    assert "DEBVISOR_RESULT=exit-code\n" in ended


def test_the_result_that_end_has_noted_stays(world: World, told: Path) -> None:
    run = fail(world)
    invocation = world.systemd.manager.service(SERVICE).invocation_id
    text = (
        f"DEBVISOR_RUN_ID={run}\nDEBVISOR_INVOCATION_ID={invocation}\nDEBVISOR_RESULT=exit-code\n"
        "DEBVISOR_EXIT_CODE=exited\nDEBVISOR_EXIT_STATUS=217\nDEBVISOR_END_USEC=1795435217000000\n"
    )
    note_last(world, "nightly", text)
    assert notify(world).noted == ""
    assert (world.layout.last / "nightly").read_text(encoding="utf-8") == text


def test_why_a_run_failed_is_noted_where_end_could_not_see_it(world: World, told: Path) -> None:
    """A step before the program failed: `end` knows neither which nor how."""
    run = fail(world)
    invocation = world.systemd.manager.service(SERVICE).invocation_id
    text = (
        f"DEBVISOR_RUN_ID={run}\nDEBVISOR_INVOCATION_ID={invocation}\nDEBVISOR_RESULT=exit-code\n"
        "DEBVISOR_END_USEC=1795435217000000\n"
    )
    note_last(world, "nightly", text)
    notify(world)
    assert last_of(world).outcome_words == "failed (exit status 217: its user)"
    assert text in (world.layout.last / "nightly").read_text(encoding="utf-8")


def test_a_unit_whose_next_attempt_never_comes_is_ended(world: World, told: Path) -> None:
    fail_and_retry(world, "nightly", has_job=False)

    notice = notify(world)

    assert notice.unstuck
    assert last_of(world).outcome is RunOutcome.FAILED
    states = {unit.active_state for unit in world.systemd.manager.units(SERVICE)}
    assert states == {ActiveState.INACTIVE}
    assert len(documents(told)) == 1


def test_a_unit_between_two_attempts_is_left_alone(world: World, told: Path) -> None:
    fail_and_retry(world, "nightly")
    assert not notify(world).unstuck
    states = {unit.active_state for unit in world.systemd.manager.units(SERVICE)}
    assert states == {ActiveState.ACTIVATING}


@pytest.mark.parametrize(("limit_at", "refused"), [("01:30", False), ("03:30", True)])
def test_a_start_limit_is_lifted_if_the_next_run_comes_within_it(
    world: World, told: Path, *, limit_at: str, refused: bool
) -> None:
    """The window is an hour; the next run is at 02:00."""
    set_start_limit(world, "nightly", burst=1)
    hour, minute = map(int, limit_at.split(":"))
    world.systemd.advance_to(datetime(2026, 11, 24, hour, minute, tzinfo=UTC))
    fail(world)
    world.systemd.state.loaded[SERVICE].restarts = 1
    notify(world)
    states = [unit.active_state for unit in world.systemd.manager.units(SERVICE)]
    assert states == [ActiveState.FAILED if refused else ActiveState.INACTIVE]


class SlowJournal(MemoryJournal):
    """The twin's journal, beside whose first answer something happens."""

    meanwhile: Callable[[], None] | None = None

    def records(self, *args: Any, **options: Any) -> Iterator[JournalRecord]:
        happens, self.meanwhile = self.meanwhile, None
        if happens:
            happens()
        return super().records(*args, **options)


def test_a_start_limit_is_not_lifted_for_a_run_that_has_begun_meanwhile(
    world: World, told: Path
) -> None:
    """It would have more attempts than it may."""
    set_start_limit(world, "nightly", burst=1)
    world.systemd.advance_to(datetime(2026, 11, 24, 1, 30, tzinfo=UTC))
    fail(world)
    world.systemd.state.loaded[SERVICE].restarts = 1
    journal = SlowJournal(world.systemd.state)
    journal.meanwhile = lambda: world.systemd.set_between_attempts(SERVICE)

    notify_failure(replace(world.host, journal=journal), "nightly", host_name="hv1")

    assert f"manager.reset_failed {SERVICE}" not in world.systemd.state.steps.done


def test_a_run_that_a_start_limit_refused_keeps_no_other_from_starting(
    world: World, told: Path
) -> None:
    """The window is an hour, and the next run far away."""
    set_start_limit(world, "nightly", burst=1)
    world.systemd.advance_to(datetime(2026, 11, 24, 3, 30, tzinfo=UTC))
    fail(world)
    fail(world)
    assert history(world.host, "nightly", limit=1)[0].outcome_words == "failed (started too often)"
    notify(world)
    states = [unit.active_state for unit in world.systemd.manager.units(SERVICE)]
    assert states == [ActiveState.INACTIVE]


def test_a_job_that_was_removed_tells_nobody(world: World, told: Path) -> None:
    fail(world)
    world.apply("jobs: {}\n", allow_empty=True)
    assert notify(world).problems == ()
    assert documents(told) == []


def test_what_cannot_be_noted_keeps_nobody_from_being_told(
    world: World, told: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.layout.last.parent.mkdir(parents=True, exist_ok=True)
    world.layout.last.write_text("no folder", encoding="utf-8")
    fail(world)
    notice = notify(world)
    assert len(documents(told)) == 1
    assert any("cannot write" in problem for problem in notice.problems)
