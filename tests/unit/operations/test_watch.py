# SPDX-License-Identifier: Apache-2.0
"""What no run's end announces: seen by a look each minute, and told once."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from debvisor_timers.layout import TARGET, WATCH_TIMER
from debvisor_timers.operations.notifying.queue import enqueue
from debvisor_timers.operations.notifying.watch import Watch, watch
from debvisor_timers.operations.runs.notify import notify_failure
from debvisor_timers.systemd.memory.state import Outcome
from debvisor_timers.systemd.ports import ActiveState
from tests.unit.operations.last_runs import note_under_way
from tests.unit.operations.world import World

MINUTE = timedelta(minutes=1)
CONFIG = """\
channels:
  ops: {{exec: [/bin/sh, -c, 'cat >>"$1"', sh, {folder}/ops]}}
"""
HOURLY = """\
jobs:
  hourly:
    name: Each hour
    owner: storage
    schedule: "0 * * * *"
    command: [/bin/true]
    notify: {{{notify}}}
"""
TIMER, SERVICE = "debvisor-job-hourly.timer", "debvisor-job-hourly.service"


class Looker:
    """A job, the looks at it, and what its channel was told."""

    def __init__(self, world: World, folder: Path) -> None:
        self.world, self.folder = world, folder

    def apply(self, notify: str, jobs: str = HOURLY) -> None:
        config = self.world.layout.config / "config.yaml"
        config.write_text(CONFIG.format(folder=self.folder), encoding="utf-8")
        self.world.apply(jobs.format(notify=notify))

    def look(self) -> Watch:
        found = watch(self.world.host, host_name="hv1")
        assert found.problems == ()
        return found

    def minutes(self, count: int) -> None:
        """Let minutes pass, with a look after each."""
        for _ in range(count):
            self.world.systemd.advance(MINUTE)
            self.look()

    def be_off(self, downtime: timedelta) -> None:
        """Let the host be off for a time, and boot with stamps as `stamps` touches them."""
        system = self.world.systemd
        system.state.stamps[TIMER] = system.clock.now() + downtime - timedelta(microseconds=1)
        system.reboot(downtime=downtime)

    def documents(self) -> list[dict[str, Any]]:
        path = self.folder / "ops"
        lines = path.read_text(encoding="utf-8").splitlines() if path.exists() else []
        return [json.loads(line) for line in lines]

    def texts(self) -> list[str]:
        return [f"{each['event']} {each['job']}: {each['text']}" for each in self.documents()]

    @property
    def is_on(self) -> bool:
        units = self.world.systemd.manager.units(WATCH_TIMER)
        return [unit.active_state for unit in units] == [ActiveState.ACTIVE]


@pytest.fixture
def looker(world: World, tmp_path: Path) -> Looker:
    return Looker(world, tmp_path)


def test_a_host_with_nothing_to_watch_is_not_watched(looker: Looker) -> None:
    looker.apply("failure: [ops]")
    assert not looker.is_on
    looker.world.systemd.manager.start([WATCH_TIMER])  # as a boot does
    assert not looker.look().goes_on
    assert not looker.is_on


def test_an_apply_with_jobs_to_watch_lets_them_be_watched(looker: Looker) -> None:
    looker.apply("missed: [ops]")
    assert looker.is_on
    assert looker.look().goes_on
    looker.apply("failure: [ops]")
    looker.look()
    assert not looker.is_on


def test_a_run_that_takes_long_is_told_once(looker: Looker) -> None:
    looker.apply("failure: [ops], long_running: {after: 30min}")
    looker.world.systemd.set_outcome(SERVICE, Outcome(duration=timedelta(hours=3)))
    looker.world.systemd.manager.start([SERVICE], wait=False)
    note_under_way(looker.world, "hourly")
    looker.minutes(29)
    assert looker.documents() == []
    looker.minutes(30)
    (document,) = looker.documents()
    assert (document["event"], document["job"]) == ("long_running", "hourly")
    assert document["run"] == "20261123T120000Z-0d4c52"
    assert document["running_for_seconds"] == 1807
    assert (document["name"], document["owner"]) == ("Each hour", "storage")


def test_a_run_that_takes_long_is_told_again_as_often_as_repeat_says(looker: Looker) -> None:
    looker.apply("long_running: {after: 30min, channels: [ops]}, repeat: 10min")
    looker.world.systemd.set_outcome(SERVICE, Outcome(duration=timedelta(hours=3)))
    looker.world.systemd.manager.start([SERVICE], wait=False)
    note_under_way(looker.world, "hourly")
    looker.minutes(51)
    assert len(looker.documents()) == 3


def test_a_run_that_waits_to_begin_does_not_take_long(looker: Looker) -> None:
    looker.apply("long_running: {after: 30min, channels: [ops]}")
    looker.world.systemd.set_outcome(SERVICE, Outcome(duration=timedelta(hours=3)))
    looker.world.systemd.manager.start([SERVICE], wait=False)
    note_under_way(looker.world, "hourly", "DEBVISOR_WAITING=for pool backup (5 of 5 taken)\n")
    looker.minutes(40)
    assert looker.documents() == []


def test_a_note_of_a_run_that_is_gone_is_none_of_one_that_takes_long(looker: Looker) -> None:
    looker.apply("long_running: {after: 30min, channels: [ops]}")
    note_under_way(looker.world, "hourly")
    looker.world.systemd.manager.start([SERVICE])
    looker.minutes(40)
    assert looker.documents() == []


def test_runs_that_come_when_they_are_due_are_not_missed(looker: Looker) -> None:
    looker.apply("missed: [ops]")
    looker.minutes(150)
    assert looker.documents() == []
    assert len(looker.world.ran()) == 2


def test_what_came_while_the_host_was_off_is_told_as_one(looker: Looker) -> None:
    looker.apply("missed: [ops]")
    looker.minutes(10)
    looker.be_off(timedelta(hours=5))
    looker.minutes(1)
    assert looker.documents() == []  # what makes up for it might still come
    ended = looker.world.layout.ended / "hourly"
    ended.parent.mkdir(parents=True)
    ended.touch()  # a run since the boot makes up for nothing
    looker.minutes(10)
    (text,) = looker.texts()
    assert text.startswith("missed hourly: It was due 5 times from 2026-11-23T13:00:00")
    assert looker.documents()[0]["count"] == 5


def test_times_of_a_calendar_that_is_new_are_not_missed(looker: Looker) -> None:
    looker.apply("missed: [ops]")
    looker.look()
    looker.world.systemd.advance(timedelta(minutes=30))
    looker.apply("missed: [ops]", HOURLY.replace("0 * * * *", "45 3 * * *"))
    looker.minutes(90)
    assert looker.documents() == []


def test_a_timer_that_somebody_stopped_is_told_once(looker: Looker) -> None:
    looker.apply("disabled: [ops]")
    looker.minutes(2)
    looker.world.systemd.manager.stop([TIMER])
    looker.minutes(1)
    assert looker.documents() == []  # an apply stops timers for a moment
    looker.minutes(5)
    assert looker.texts() == [
        f"disabled hourly: {TIMER} is inactive. To start it again: systemctl start {TIMER}"
    ]
    looker.world.systemd.manager.start([TIMER])
    looker.minutes(2)
    looker.world.systemd.manager.stop([TIMER])
    looker.minutes(2)
    assert len(looker.documents()) == 2


def test_a_job_that_is_not_enabled_any_more_is_told_once(looker: Looker) -> None:
    looker.apply("disabled: [ops]")
    looker.minutes(1)
    looker.apply("disabled: [ops]", HOURLY + "    enabled: false\n")
    looker.minutes(3)
    assert looker.texts() == ["disabled hourly: It is not enabled any more: generation 2."]


def test_a_job_that_never_was_enabled_is_not_told(looker: Looker) -> None:
    looker.apply("disabled: [ops]", HOURLY + "    enabled: false\n")
    looker.minutes(3)
    assert looker.documents() == []


def test_the_emergency_brake_is_one_message_and_nothing_is_missed(looker: Looker) -> None:
    second = HOURLY.partition("jobs:\n")[2].replace("hourly:", "other:")
    looker.apply("disabled: [ops], missed: [ops]", HOURLY + second)
    looker.minutes(2)
    looker.world.systemd.manager.stop([TIMER, "debvisor-job-other.timer", TARGET])
    looker.minutes(130)
    looker.world.systemd.manager.start([TARGET, TIMER, "debvisor-job-other.timer"])
    looker.minutes(70)
    (text,) = looker.texts()
    assert text.startswith(f"disabled : Nothing starts any job: {TARGET} is not active.")


def test_a_message_that_waits_is_sent_by_the_next_look(looker: Looker) -> None:
    looker.apply("failure: [ops]")
    enqueue(looker.world.host, "ops", {"event": "failure", "job": "hourly", "text": "x"})
    assert not looker.look().goes_on
    assert len(looker.documents()) == 1


def test_nothing_is_remembered_of_jobs_that_are_gone(looker: Looker) -> None:
    looker.apply("missed: [ops], disabled: [ops]")
    looker.minutes(1)
    seen = looker.world.layout.watch / "seen.json"
    assert json.loads(seen.read_text(encoding="utf-8")).keys() == {"", "hourly"}
    looker.apply("missed: [ops]", HOURLY.replace("hourly:", "other:"))
    looker.minutes(1)
    assert json.loads(seen.read_text(encoding="utf-8")).keys() == {"", "other"}


def test_a_crash_before_it_is_noted_tells_twice_rather_than_never(looker: Looker) -> None:
    looker.apply("disabled: [ops]")
    looker.minutes(2)
    looker.world.systemd.manager.stop([TIMER])
    looker.minutes(1)
    seen = looker.world.layout.watch / "seen.json"
    before = seen.read_bytes()
    looker.minutes(1)
    seen.write_bytes(before)
    looker.minutes(1)
    assert len(looker.documents()) == 2


def test_what_cannot_be_looked_at_is_a_problem_and_is_looked_at_again(looker: Looker) -> None:
    looker.apply("disabled: [ops]")
    looker.world.systemd.steps.fail_on("manager.units")
    found = watch(looker.world.host, host_name="hv1")
    assert found.goes_on
    assert found.problems == ("the twin was told to fail at manager.units",)


def test_a_run_that_systemd_itself_skips_is_seen(looker: Looker) -> None:
    handler = "debvisor-timers-notify@hourly.service"
    text = "[Unit]\nDescription=Tell\n[Service]\nType=oneshot\nExecStart=/bin/true\n"
    looker.world.systemd.ship(handler, text)
    jobs = HOURLY + "    conditions: {{path_exists: /none}}\n"
    looker.apply("skipped: [ops]", jobs)
    looker.world.systemd.set_outcome(SERVICE, Outcome(skipped=True))
    looker.minutes(50)
    assert looker.world.ran() == []
    looker.minutes(10)
    assert looker.world.ran() == [handler]
    notify_failure(looker.world.host, "hourly", host_name="hv1")
    looker.minutes(10)
    assert looker.world.ran() == [handler]
    assert [each["event"] for each in looker.documents()] == ["skipped"]


def test_the_handler_of_a_lost_run_that_failed_is_started_again(looker: Looker) -> None:
    handler = "debvisor-timers-notify@hourly.service"
    text = "[Unit]\nDescription=Tell\n[Service]\nType=oneshot\nExecStart=/bin/true\n"
    looker.world.systemd.ship(handler, text)
    looker.apply("failure: [ops]")
    looker.world.layout.lost.mkdir(parents=True)
    note = looker.world.layout.lost / "hourly:20261123T020000Z-4f2a9c"
    note.write_text("DEBVISOR_RUN_ID=20261123T020000Z-4f2a9c\n", encoding="utf-8")
    assert not looker.look().goes_on  # nobody has recorded it as lost
    note.write_text(f"{note.read_text(encoding='utf-8')}DEBVISOR_RESULT=lost\n", encoding="utf-8")
    assert looker.look().goes_on
    assert looker.world.ran() == [handler]
