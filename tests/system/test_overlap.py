# SPDX-License-Identifier: Apache-2.0
"""Elapses of a timer while its job runs, with real timers: skipped or queued, and always told."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from itertools import pairwise
from typing import Any

import pytest

from tests.box import Box, Layer
from tests.system import work
from tests.system.host import Host
from tests.system.work import WORK

EVERY_TWO_SECONDS = 'schedule: {on_calendar: "*-*-* *:*:00/2"}'
EVERY_SECOND = 'schedule: {on_calendar: "*-*-* *:*:*"}'
SLOW = f"command: [{WORK}, '4.5']"
JOBS = {
    "skips": f"{EVERY_TWO_SECONDS}, {SLOW}",
    "queues": f"{EVERY_TWO_SECONDS}, overlap: queue, {SLOW}",
    "retries": f"{EVERY_TWO_SECONDS}, command: [{WORK}, '0', '1'], "
    "retries: {max: 1, delay: 4500ms}",
    "quick": f"{EVERY_TWO_SECONDS}, command: [{WORK}, '0.2']",
    "alone": f"{EVERY_SECOND}, command: [{WORK}, '0.7']",
}
BY_HAND = f"""
for number in 1 2 3 4 5 6 7 8 9; do
    systemctl start {work.unit("alone")} &
    sleep 0.$number
    systemctl start --no-block {work.unit("retries")}
done
wait
"""


@pytest.fixture(scope="module")
def host(installed: Layer) -> Iterator[Host]:
    """A box in which the jobs have run for a while, at their times and by hand as well."""
    with Box.boot(installed) as box:
        host = Host(box)
        work.install(host)
        host.apply(work.yaml(JOBS))
        host.box.run(BY_HAND)
        for job in "skips", "queues", "retries":
            work.await_program(host, job, 3)
        box.run("systemctl stop debvisor-timers.target")
        work.await_ends(host, *JOBS)
        # Those above may all have come while a run of the timer was under way.
        host.box.run(f"for number in 1 2 3; do systemctl start {work.unit('alone')} & done; wait")
        yield host


def history(host: Host, job: str) -> tuple[Sequence[Any], Sequence[Any]]:
    """Return the runs of a job and the records of skipped elapses, oldest first."""
    found = host.json("history", job, "--limit=200")[::-1]
    real = [run for run in found if not run["overlapped"]]
    return real, [run for run in found if run["overlapped"]]


def second(run: Any, key: str) -> float:
    return datetime.fromisoformat(run[key]).timestamp()


def due(run: Any) -> int:
    """Return the second for which it was due; systemd notes when it has seen to the elapse."""
    return int(second(run, "scheduled_for"))


def test_elapses_during_a_run_are_skipped_counted_and_told(host: Host) -> None:
    runs, skips = history(host, "skips")
    for before, after in pairwise(runs):
        # The next one starts at a time of the calendar, not when the one before has ended.
        assert 0 <= second(after, "start") - second(after, "scheduled_for") < 1.5
        assert due(after) % 2 == 0
        assert due(after) - due(before) >= 6
    of_first = [skip for skip in skips if skip["overlapped"] == runs[0]["run"]]
    (skip,) = of_first
    assert (skip["outcome"], skip["reason"], skip["count"]) == ("skipped", "still running", 2)
    assert due(skip) == due(runs[0]) + 2
    assert second(skip, "last_scheduled_for") == due(runs[0]) + 4


def test_a_queued_elapse_starts_as_soon_as_the_run_has_ended(host: Host) -> None:
    runs, skips = history(host, "queues")
    for before, after in pairwise(runs):
        assert 0 <= second(after, "start") - second(before, "end") < 1
    # One of the two elapses waits its turn: it is no skip.
    of_first = [skip for skip in skips if skip["overlapped"] == runs[0]["run"]]
    assert [skip["count"] for skip in of_first] == [1]


def test_elapses_and_starts_by_hand_in_a_delay_make_no_run_of_their_own(host: Host) -> None:
    found = [attempt for attempt in work.attempts(host, "retries") if attempt.end]
    assert [attempt.number for attempt in found[:2]] == [1, 2]
    assert found[0].run == found[1].run
    assert found[1].begin - found[0].end >= 4.5
    skips = history(host, "retries")[1]
    assert skips[0]["overlapped"] == found[0].run
    assert skips[0]["count"] in {2, 3}


def test_where_no_elapse_comes_during_a_run_none_is_told(host: Host) -> None:
    runs, skips = history(host, "quick")
    assert len(runs) >= 4
    assert skips == []


def test_a_job_is_never_run_twice_at_once(host: Host) -> None:
    runs, _ = history(host, "alone")
    assert {run["trigger"] for run in runs} == {"timer", "manual"}
    assert len(runs) >= 4
    assert work.begun(host).count("alone") == len(runs)
    for job in JOBS:
        assert work.most_at_once(host, job) == 1
