# SPDX-License-Identifier: Apache-2.0
"""Which ends of runs are told as what: after, repeat, recovery, several runs between two looks."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from debvisor_timers.operations.runs import notify
from debvisor_timers.operations.runs.notify import notify_failure
from debvisor_timers.systemd.memory.state import Outcome
from tests.unit.operations.last_runs import SUCCEEDED_AT_TWO, note_last
from tests.unit.operations.past_runs import history
from tests.unit.operations.world import World

SERVICE = "debvisor-job-nightly.service"
JOB = """\
jobs:
  nightly:
    command: [/bin/true]
    notify: {{{notify}}}
"""
CONFIG = """\
channels:
  ops: {{exec: [/bin/sh, -c, 'cat >>"$1"', sh, {folder}/ops]}}
  log: {{exec: [/bin/sh, -c, 'cat >>"$1"', sh, {folder}/log]}}
"""
HOUR = timedelta(hours=1)
FAILURE, SUCCESS = Outcome.failure(3), Outcome()


class Told:
    """A job, and what its channels were told."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder = world, folder

    def apply(self, notify: str) -> None:
        config = self.world.layout.config / "config.yaml"
        config.write_text(CONFIG.format(folder=self.folder), encoding="utf-8")
        self.world.apply(JOB.format(notify=notify))

    def run(self, *outcomes: Outcome, looks: bool = True) -> list[str]:
        """Let runs end so, an hour apart; return their ids. looks: somebody looks after each."""
        ids = []
        for outcome in outcomes:
            self.world.systemd.advance(HOUR)
            self.world.systemd.set_outcome(SERVICE, outcome)
            self.world.systemd.manager.start([SERVICE])
            ids.append(history(self.world.host, "nightly", limit=1)[0].id)
            if looks:
                self.look()
        return ids

    def look(self) -> None:
        assert notify_failure(self.world.host, "nightly", host_name="hv1").problems == ()

    def documents(self, channel: str = "ops") -> list[dict[str, Any]]:
        path = self.folder / channel
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def events(self, channel: str = "ops") -> list[tuple[str, str]]:
        # The twin's clock stands still while several are told.
        found = [(each["event"], each["run"]) for each in self.documents(channel)]
        return sorted(found, key=lambda each: each[1])


@pytest.fixture
def told(world: World, tmp_path: Path) -> Told:
    return Told(world, tmp_path)


def test_a_failure_is_told_from_the_third_in_a_row_on(told: Told) -> None:
    told.apply("failure: [ops], after: 3")
    runs = told.run(FAILURE, FAILURE, FAILURE, FAILURE)
    assert told.events() == [("failure", runs[2]), ("failure", runs[3])]
    assert [each["failures"] for each in told.documents()] == [3, 4]


def test_a_success_begins_the_count_anew_though_nobody_was_told_of_it(told: Told) -> None:
    told.apply("failure: [ops], after: 2")
    told.run(FAILURE)
    told.run(SUCCESS, looks=False)
    told.run(FAILURE)
    assert told.events() == []


def test_failures_before_the_first_look_count_and_are_not_told(told: Told) -> None:
    told.apply("failure: [ops], after: 3")
    told.run(FAILURE, FAILURE, looks=False)
    (third,) = told.run(FAILURE)
    assert told.events() == [("failure", third)]


def test_a_job_that_stays_broken_is_told_as_often_as_repeat_says(told: Told) -> None:
    told.apply("failure: [ops], repeat: 150min")
    runs = told.run(*[FAILURE] * 7)
    assert told.events() == [("failure", runs[0]), ("failure", runs[3]), ("failure", runs[6])]
    assert [each["failures"] for each in told.documents()] == [1, 4, 7]


def test_a_recovery_tells_for_how_long_the_job_was_broken(told: Told) -> None:
    told.apply("failure: [ops], recovery: [ops], after: 2")
    runs = told.run(SUCCESS, FAILURE, FAILURE, SUCCESS, SUCCESS)
    assert told.events() == [("failure", runs[2]), ("recovery", runs[3])]
    recovery = told.documents()[1]
    assert recovery["broken_for_seconds"] == 7200.0
    assert (recovery["failures"], recovery["outcome"]) == (2, "succeeded")
    assert recovery["since"].startswith("2026-11-23T14:00:07")


def test_a_recovery_from_what_was_never_told_is_not_told(told: Told) -> None:
    told.apply("failure: [ops], recovery: [ops], after: 2")
    told.run(FAILURE, SUCCESS)
    assert told.events() == []


def test_all_that_happened_between_two_looks_is_told_in_its_order(told: Told) -> None:
    told.apply("failure: [ops], recovery: [ops]")
    told.run(SUCCESS)
    runs = told.run(FAILURE, SUCCESS, FAILURE, FAILURE, SUCCESS, looks=False)
    told.look()
    told.look()
    kinds = ["failure", "recovery", "failure", "failure", "recovery"]
    assert told.events() == list(zip(kinds, runs, strict=True))


def test_each_success_is_told_but_for_one_that_is_a_recovery(told: Told) -> None:
    told.apply("failure: [ops], recovery: [ops], success: [ops, log]")
    runs = told.run(SUCCESS, FAILURE, SUCCESS)
    assert told.events("log") == [("success", runs[0]), ("success", runs[2])]
    kinds = ["success", "failure", "recovery"]
    assert told.events() == list(zip(kinds, runs, strict=True))


def test_skips_for_one_reason_are_told_once_until_the_job_runs(told: Told) -> None:
    told.apply("skipped: [ops]")
    skip = Outcome(skipped=True)
    runs = told.run(skip, skip, skip, SUCCESS, skip)
    assert told.events() == [("skipped", runs[0]), ("skipped", runs[4])]


def test_skips_are_told_again_as_often_as_repeat_says(told: Told) -> None:
    told.apply("skipped: [ops], repeat: 150min")
    skip = Outcome(skipped=True)
    runs = told.run(skip, SUCCESS, skip, skip, SUCCESS, skip)
    assert told.events() == [("skipped", runs[0]), ("skipped", runs[3])]


def test_a_stop_neither_mends_nor_counts(told: Told) -> None:
    told.apply("failure: [ops], recovery: [ops], after: 2")
    told.run(FAILURE)
    told.world.systemd.set_outcome(SERVICE, Outcome(duration=timedelta(hours=3)))
    told.world.systemd.manager.start([SERVICE], wait=False)
    told.world.systemd.manager.stop([SERVICE])
    told.look()
    (second,) = told.run(FAILURE)
    assert told.events() == [("failure", second)]


def test_what_an_older_version_has_told_is_not_told_again(told: Told) -> None:
    told.apply("failure: [ops], recovery: [ops]")
    (first,) = told.run(FAILURE, looks=False)
    told.world.layout.notified.mkdir(parents=True)
    (told.world.layout.notified / "nightly").write_text(f"{first}\n", encoding="utf-8")
    told.look()
    assert told.events() == []
    (second,) = told.run(SUCCESS)
    assert told.events() == [("recovery", second)]


def test_a_channel_of_any_event_has_to_exist(world: World) -> None:
    world.write(JOB.format(notify="recovery: [nobody], long_running: {after: 1h, channels: [no]}"))
    from debvisor_timers.operations.check import check  # noqa: PLC0415

    problems = [str(problem) for problem in check(world.host, ()).problems]
    assert len(problems) == 2
    assert "config.yaml has no channel 'nobody'" in problems[0]
    assert "config.yaml has no channel 'no'" in problems[1]


def test_a_recovery_of_which_the_journal_does_not_tell_is_told(
    told: Told, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notify, "_JOURNAL_WAIT", timedelta())
    told.apply("failure: [ops], recovery: [ops]")
    told.run(FAILURE)
    told.world.systemd.manager.reset_failed(SERVICE)
    told.world.systemd.advance(HOUR)
    now = told.world.host.clock.now().timestamp()
    lines = SUCCEEDED_AT_TWO.replace("1795399290500000", f"{now * 1e6:.0f}")
    note_last(told.world, "nightly", lines)
    told.look()
    assert told.events()[0] == ("recovery", "20261123T020000Z-4f2a9c")
