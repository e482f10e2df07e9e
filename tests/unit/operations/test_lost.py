# SPDX-License-Identifier: Apache-2.0
"""Runs that a crash has cut off: found at boot, recorded once, told once, whatever fails."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from debvisor_timers.errors import SystemdError
from debvisor_timers.history.last import LastRun, read_last
from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.history.records import MessageId
from debvisor_timers.operations.runs.lost import LostRuns, note_lost
from debvisor_timers.operations.runs.notify import notify_failure
from debvisor_timers.operations.runs.stop import stop_job
from debvisor_timers.systemd.memory.state import Outcome
from tests.unit.operations.last_runs import (
    FAILED_AT_TWO,
    SUCCEEDED_AT_TWO,
    UNDER_WAY,
    fail_and_retry,
    note_last,
    note_under_way,
)
from tests.unit.operations.past_runs import history
from tests.unit.operations.world import World

SERVICE = "debvisor-job-nightly.service"
HANDLER = "debvisor-timers-notify@nightly.service"
RUN = "20261123T120000Z-0d4c52"
INVOCATION = "ab" * 16
JOB = """\
jobs:
  nightly:
    schedule: {on_calendar: "*-*-* 02:00:00 UTC"}
    command: [/bin/true]
    notify: {failure: [ops]}
"""
LOST = LostRuns(runs=(("nightly", RUN),))


@pytest.fixture
def cut(world: World, tmp_path: Path) -> World:
    """Return a host that has booted after a power cut in a run of which the journal has nothing."""
    config = f"channels:\n  ops: {{exec: [/bin/sh, -c, 'cat >>\"$1\"', sh, {tmp_path}/ops]}}\n"
    (world.layout.config / "config.yaml").write_text(config, encoding="utf-8")
    world.apply(JOB)
    world.systemd.ship(HANDLER, "[Service]\nType=oneshot\nExecStart=/bin/true\n")
    note_last(world, "nightly", SUCCEEDED_AT_TWO)
    let_in(world)
    world.systemd.reboot()
    world.systemd.steps.clear()
    return world


def let_in(world: World, text: str = UNDER_WAY) -> None:
    """Put the note that `begin` keeps on the disk."""
    world.layout.running.mkdir(parents=True, exist_ok=True)
    lines = text.format(job="nightly", invocation=INVOCATION)
    (world.layout.running / "nightly").write_text(lines, encoding="utf-8")


def last_of(world: World) -> LastRun:
    last = read_last(world.layout.last, "nightly")
    assert last is not None
    return last


def told(folder: Path) -> list[dict[str, Any]]:
    path = folder / "ops"
    lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
    return [json.loads(line) for line in lines]


def notes(world: World) -> list[str]:
    folders = world.layout.running, world.layout.lost
    return [path.name for folder in folders if folder.is_dir() for path in folder.iterdir()]


def handlers(world: World) -> int:
    return world.ran().count(HANDLER)


def notify(world: World) -> None:
    assert notify_failure(world.host, "nightly", host_name="hv1").problems == ()


def test_a_run_without_a_trace_is_lost_with_all_that_begin_has_noted(cut: World) -> None:
    assert note_lost(cut.host) == LOST
    (run,) = history(cut.host, "nightly", limit=5)
    assert (run.id, run.outcome, run.end, run.by) == (RUN, RunOutcome.LOST, None, "alice")
    assert (run.attempts, run.max_attempts, run.invocation_ids) == (1, 4, (INVOCATION,))
    assert run.start.isoformat() == "2026-11-23T12:00:00+00:00"
    last = last_of(cut)
    assert (last.id, last.outcome, last.duration) == (RUN, RunOutcome.LOST, None)
    assert last.success_id == "20261123T020000Z-4f2a9c"
    assert handlers(cut) == 1


def test_it_is_told_once_and_then_forgotten(cut: World, tmp_path: Path) -> None:
    note_lost(cut.host)
    notify(cut)
    notify(cut)
    assert [(each["run"], each["outcome"], each["end"]) for each in told(tmp_path)] == [
        (RUN, "lost", None)
    ]
    assert notes(cut) == []
    assert note_lost(cut.host) == LostRuns()


def test_it_is_told_whatever_has_run_since_the_boot(cut: World, tmp_path: Path) -> None:
    note_lost(cut.host)
    cut.systemd.manager.start([SERVICE])
    notify(cut)
    outcomes = [run.outcome for run in history(cut.host, "nightly", limit=5)]
    assert outcomes == [RunOutcome.SUCCEEDED, RunOutcome.LOST]
    assert [each["run"] for each in told(tmp_path)] == [RUN]


def test_a_run_that_goes_on_is_still_under_way_beside_a_lost_one(cut: World) -> None:
    cut.systemd.set_outcome(SERVICE, Outcome(duration=timedelta(hours=1)))
    cut.systemd.manager.start([SERVICE], wait=False)
    note_lost(cut.host)
    outcomes = [run.outcome for run in history(cut.host, "nightly", limit=5)]
    assert sorted(outcomes) == [RunOutcome.LOST, RunOutcome.RUNNING]


def test_it_is_told_if_the_journal_takes_no_record(
    cut: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    note_lost(cut.host)
    cut.systemd.state.records.clear()
    monkeypatch.setattr("debvisor_timers.operations.runs.notify._JOURNAL_WAIT", timedelta())
    notify(cut)
    notify(cut)
    assert [(each["run"], each["by"]) for each in told(tmp_path)] == [(RUN, "")]
    assert notes(cut) == []


def test_a_failure_at_any_step_is_made_up_for_by_the_next_boot(cut: World, tmp_path: Path) -> None:
    for step in "journal.send", "manager.start":
        cut.systemd.steps.fail_on(step)
        found = note_lost(cut.host)
        assert (found.runs, len(found.problems)) == ((), 1)
        cut.systemd.reboot()
    assert note_lost(cut.host) == LOST
    notify(cut)
    assert [run.id for run in history(cut.host, "nightly", limit=5)] == [RUN]
    assert [each["run"] for each in told(tmp_path)] == [RUN]


def test_a_note_that_cannot_be_moved_is_a_problem_that_names_it(cut: World) -> None:
    cut.layout.lost.write_text("in the way", encoding="utf-8")
    (problem,) = note_lost(cut.host).problems
    assert str(cut.layout.running / "nightly") in problem


def test_a_run_that_was_told_just_before_a_crash_is_not_told_again(
    cut: World, tmp_path: Path
) -> None:
    note_lost(cut.host)
    cut.layout.notified.mkdir()
    (cut.layout.notified / "nightly").write_text(f"{RUN}\n", encoding="utf-8")
    notify(cut)
    assert told(tmp_path) == []
    assert notes(cut) == []


@pytest.mark.parametrize("further", ["", "later"])
def test_a_note_that_end_had_no_time_to_remove_is_stale(cut: World, further: str) -> None:
    """`last/` has that run, or a later one."""
    ended = FAILED_AT_TWO.replace("20261123T020000Z-4f2a9c", further or RUN)
    note_last(cut, "nightly", ended.replace("START_USEC=1795399", "START_USEC=1795499"))
    assert note_lost(cut.host) == LostRuns()
    assert (notes(cut), last_of(cut).outcome, handlers(cut)) == ([], RunOutcome.FAILED, 0)


@pytest.mark.parametrize("text", ["", "rubbish", "DEBVISOR_JOB=nightly\n"])
def test_a_note_that_makes_no_sense_is_removed(cut: World, text: str) -> None:
    let_in(cut, text)
    assert note_lost(cut.host) == LostRuns()
    assert notes(cut) == []


def test_a_run_of_this_boot_is_left_alone(cut: World) -> None:
    note_under_way(cut, "nightly")
    assert note_lost(cut.host) == LostRuns()
    assert notes(cut) == ["nightly"]


def test_a_run_that_goes_on_without_a_note_in_memory_is_left_alone(cut: World) -> None:
    cut.systemd.set_outcome(SERVICE, Outcome(duration=timedelta(hours=1)))
    cut.systemd.manager.start([SERVICE], wait=False)
    let_in(
        cut, UNDER_WAY.replace("{invocation}", cut.systemd.manager.service(SERVICE).invocation_id)
    )
    assert note_lost(cut.host) == LostRuns()
    assert notes(cut) == ["nightly"]


def test_a_run_whose_end_the_journal_knows_is_not_lost(cut: World) -> None:
    """`end` was killed, and the power cut before the handler of failures could note it."""
    cut.systemd.set_outcome(SERVICE, Outcome.failure(3))
    cut.systemd.manager.start([SERVICE])
    let_in(
        cut, UNDER_WAY.replace("{invocation}", cut.systemd.manager.service(SERVICE).invocation_id)
    )
    cut.systemd.reboot()
    assert note_lost(cut.host) == LostRuns()
    assert (notes(cut), handlers(cut)) == ([], 1)
    assert [run.outcome for run in history(cut.host, "nightly", limit=5)] == [RunOutcome.FAILED]


def test_what_the_journal_of_the_older_boot_tells_is_the_same_run(cut: World) -> None:
    cut.systemd.set_outcome(SERVICE, Outcome(duration=timedelta(hours=1)))
    cut.systemd.manager.start([SERVICE], wait=False)
    let_in(
        cut, UNDER_WAY.replace("{invocation}", cut.systemd.manager.service(SERVICE).invocation_id)
    )
    cut.systemd.reboot()
    assert note_lost(cut.host) == LOST
    (run,) = history(cut.host, "nightly", limit=5)
    assert (run.id, run.outcome, run.by) == (RUN, RunOutcome.LOST, "alice")


def test_stopping_a_run_between_two_attempts_leaves_nothing_that_looks_lost(cut: World) -> None:
    fail_and_retry(cut, "nightly")
    let_in(cut)
    stop_job(cut.host, "nightly")
    assert notes(cut) == []


def test_the_record_has_no_end_that_nobody_knows(cut: World) -> None:
    note_lost(cut.host)
    records = [r for r in cut.systemd.state.records if r.get("MESSAGE_ID") == MessageId.RUN_END]
    assert [r.get("DEBVISOR_END_USEC") for r in records] == [""]
    assert records[0].get("DEBVISOR_FINAL") == "1"


def test_systemd_may_refuse_the_handler(cut: World) -> None:
    cut.systemd.steps.fail_on("manager.start", SystemdError("no such unit"))
    assert note_lost(cut.host).problems == ("no such unit",)
