# SPDX-License-Identifier: Apache-2.0
"""Conflicts and pools, with real runs: who waits for whom, for how long, and in which order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.box import Box, Layer
from tests.system import work
from tests.system.host import Host
from tests.system.work import WORK

POOLS = "pools: {default: 2, two: 2, one: 1}\n"
NO_POOL = "pool: none"
GO = "/run/go-on"
"""What the programs of some jobs wait for."""
JOBS = {
    "holder": f"command: [{WORK}, {GO}], {NO_POOL}",
    "long": f"command: [{WORK}, '600'], {NO_POOL}",
    # Conflicts.
    "skips": f"conflicts_with: [{{job: holder, policy: skip}}], command: [{WORK}, {GO}], {NO_POOL}",
    "waits": f"conflicts_with: [holder], {NO_POOL}",
    "limited": f"conflicts_with: [{{job: long, wait: 1s}}], {NO_POOL}",
    "mutual": "conflicts_with: [{job: mutual-too, policy: skip}], "
    f"command: [{WORK}, {GO}], {NO_POOL}",
    "mutual-too": "conflicts_with: [{job: mutual, policy: skip}], "
    f"command: [{WORK}, {GO}], {NO_POOL}",
    "left": f"conflicts_with: [{{job: right, wait: 1s}}], command: [{WORK}, '600'], {NO_POOL}",
    "right": f"conflicts_with: [{{job: left, wait: 1s}}], command: [{WORK}, '600'], {NO_POOL}",
    "retried": f"command: [{WORK}, '0', '1'], retries: {{max: 1, delay: 10s}}, {NO_POOL}",
    "after-retried": f"conflicts_with: [retried], {NO_POOL}",
    "after-long": f"conflicts_with: [{{job: long, wait: 1h}}], {NO_POOL}",
    # A pool.
    "single": f"pool: two, command: [{WORK}, '600']",
    "double": f"pool: {{name: two, slots: 2}}, command: [{WORK}, '1']",
    "impatient": "pool: {name: two, slots: 2, wait: 1s}",
    "several": "pool: {name: two, slots: 1}, conflicts_with: [holder]",
    # Order.
    "turn-holder": f"pool: one, command: [{WORK}, {GO}]",
    "turn-low": "pool: one, priority: low",
    "turn-normal-1": "pool: one",
    "turn-normal-2": "pool: one",
    "turn-high": "pool: one, priority: high",
    "turn-critical": "pool: one, priority: critical",
    # The pool of those that name none.
    **{f"default-{number}": f"command: [{WORK}, '0.5']" for number in range(5)},
    "outside": NO_POOL,
    # Its own next elapse limits the wait.
    "often": f'schedule: {{on_calendar: "*-*-* *:*:00/5"}}, conflicts_with: [long], {NO_POOL}',
}


@pytest.fixture(scope="module")
def host(installed: Layer) -> Iterator[Host]:
    with Box.boot(installed) as box:
        host = Host(box)
        work.install(host)
        box.write(work.CONFIG, POOLS, 0o640)
        host.apply(work.yaml(JOBS, command=f"[{WORK}]"))
        box.run("systemctl stop debvisor-timers.target")
        yield host


@pytest.fixture(autouse=True)
def _anew(host: Host) -> None:
    host.watch()
    work.forget(host)
    host.box.run(["rm", "-f", GO])


def go_on(host: Host) -> None:
    host.box.run(["touch", GO])


def hold(host: Host, job: str) -> None:
    work.begin(host, job)
    work.await_program(host, job)


# --- conflicts ----------------------------------------------------------------------------------


def test_a_conflict_skips_or_waits_as_the_job_says(host: Host) -> None:
    hold(host, "holder")
    work.begin(host, "waits")
    assert work.start(host, "skips")["SKIPPED"] == "conflict: holder is running"
    work.await_waiting(host, "waits", "for holder (running)")
    go_on(host)
    assert work.await_ends(host, "waits")[0]["RESULT"] == "success"
    assert work.order(host) == ["holder begin", "holder end", "waits begin", "waits end"]
    run = host.json("history", "skips")[0]
    assert (run["outcome"], run["reason"]) == ("skipped", "conflict: holder is running")


def test_the_other_side_of_a_conflict_waits(host: Host) -> None:
    hold(host, "skips")
    work.begin(host, "holder")
    work.await_waiting(host, "holder", "for skips (running)")
    go_on(host)
    work.await_ends(host, "holder")
    assert work.order(host) == ["skips begin", "skips end", "holder begin", "holder end"]


@pytest.mark.parametrize(("first", "second"), [("mutual", "mutual-too"), ("mutual-too", "mutual")])
def test_both_sides_of_a_conflict_can_skip(host: Host, first: str, second: str) -> None:
    hold(host, first)
    assert work.start(host, second)["SKIPPED"] == f"conflict: {first} is running"
    go_on(host)
    work.await_ends(host, first)


def test_a_wait_that_takes_too_long_is_a_skip_with_the_reason(host: Host) -> None:
    hold(host, "long")
    note = work.start(host, "limited")
    assert note["SKIPPED"] == "no turn after 1 s for long (running)"
    assert note["RESULT"] == "success"
    host.cli("stop", "long")


@pytest.mark.parametrize(("first", "second"), [("left", "right"), ("right", "left")])
def test_both_sides_of_a_conflict_can_limit_their_wait(host: Host, first: str, second: str) -> None:
    hold(host, first)
    note = work.start(host, second)
    assert note["SKIPPED"] == f"no turn after 1 s for {first} (running)"
    host.box.run(["systemctl", "stop", work.unit(first)])
    assert work.begun(host) == [first]


def test_a_wait_without_a_limit_ends_before_the_next_elapse(host: Host) -> None:
    hold(host, "long")
    host.box.run("systemctl start debvisor-job-often.timer")
    host.box.wait_until(lambda: "SKIPPED" in work.ended(host, "often"), 20, "it gave up")
    first = work.ended(host, "often")
    reason = first["SKIPPED"]
    assert reason.startswith("no turn after ")
    assert reason.endswith(" s for long (running)")
    host.cli("stop", "long")
    work.await_program(host, "often")
    host.box.run("systemctl stop debvisor-job-often.timer")
    # That elapse was not swallowed.
    runs = [run for run in host.history("often") if run["trigger"] == "timer"]
    due = [int(run["scheduled_for"][17:19]) for run in runs][::-1]
    told = [(run["scheduled_for"], run["start"], run["end"], run["reason"]) for run in runs]
    # systemd notes when it has seen to the elapse.
    assert (due[1] // 5 - due[0] // 5) % 12 == 1, told
    assert [run for run in host.history("often") if run["overlapped"]] == []


# --- pools --------------------------------------------------------------------------------------


def test_a_run_takes_as_many_slots_as_it_says(host: Host) -> None:
    hold(host, "single")
    work.begin(host, "double")
    work.await_waiting(host, "double", "for pool two (1 of 2 taken)")
    (row,) = [row for row in host.json("list") if row["job"] == "double"]
    assert row["state"] == "waiting"
    assert row["under_way"]["waiting_for"] == "pool two (1 of 2 taken)"
    assert "waiting for pool two (1 of 2 taken)" in host.cli("list").stdout
    assert work.begun(host) == ["single"]
    host.box.run(["systemctl", "stop", work.unit("single")])
    assert work.await_ends(host, "double")[0]["RESULT"] == "success"


def test_a_pool_whose_slots_stay_taken_is_a_skip_with_the_reason(host: Host) -> None:
    hold(host, "single")
    reason = work.start(host, "impatient")["SKIPPED"]
    assert reason == "no turn after 1 s for pool two (1 of 2 taken)"
    host.box.run(["systemctl", "stop", work.unit("single")])


def test_jobs_that_name_no_pool_share_the_default_one(host: Host) -> None:
    jobs = [f"default-{number}" for number in range(5)]
    work.begin(host, *jobs)
    assert work.start(host, "outside")["RESULT"] == "success"
    notes = work.await_ends(host, *jobs)
    assert [note["RESULT"] for note in notes] == ["success"] * 5
    assert sorted(set(work.begun(host))) == [*jobs, "outside"]
    assert work.most_at_once(host, *jobs) == 2


def test_who_is_first(host: Host) -> None:
    hold(host, "turn-holder")
    for turn in "low", "normal-1", "normal-2", "high", "critical":
        work.begin(host, f"turn-{turn}")
        work.await_waiting(host, f"turn-{turn}", "for pool one (running)")
    go_on(host)
    work.await_ends(host, "turn-low")
    turns = ["critical", "high", "normal-1", "normal-2", "low"]
    assert work.begun(host) == ["turn-holder", *(f"turn-{turn}" for turn in turns)]


# --- all locks together, and for the whole run --------------------------------------------------


def test_nothing_is_held_while_something_else_is_waited_for(host: Host) -> None:
    hold(host, "holder")
    work.begin(host, "several")
    work.await_waiting(host, "several", "for holder (running)")
    assert work.start(host, "double")["RESULT"] == "success", "both slots are free"
    assert "holder end" not in work.order(host)
    go_on(host)
    assert work.await_ends(host, "several")[0]["RESULT"] == "success"


def test_a_lock_is_held_through_retries(host: Host) -> None:
    work.begin(host, "retried")
    host.box.wait_until(lambda: "RETRY_USEC" in work.under_way(host, "retried"), 10, "it failed")
    work.begin(host, "after-retried")
    work.await_waiting(host, "after-retried", "for retried (running)")
    work.await_ends(host, "after-retried")
    assert work.begun(host) == ["retried", "retried", "after-retried"]


@pytest.mark.parametrize("whom", ["main", "all"])
def test_a_lock_is_free_when_the_run_is_killed(host: Host, whom: str) -> None:
    hold(host, "long")
    work.begin(host, "after-long")
    work.await_waiting(host, "after-long", "for long (running)")
    host.box.run(["systemctl", "kill", "--signal=KILL", f"--kill-whom={whom}", work.unit("long")])
    assert work.await_ends(host, "after-long", seconds=20)[0]["RESULT"] == "success"


def test_a_lock_is_free_when_the_run_that_waits_for_it_was_killed(host: Host) -> None:
    hold(host, "long")
    work.begin(host, "after-long", "limited")
    work.await_waiting(host, "after-long", "for long (running)")
    # Its `begin` alone: systemd 257 kills the rest a moment later, which may be `end` by then.
    kill = ["systemctl", "kill", "--signal=KILL", "--kill-whom=control"]
    host.box.run([*kill, work.unit("after-long")])
    work.await_ends(host, "after-long", "limited")
    assert work.ended(host, "after-long")["RESULT"] == "signal"
    host.cli("stop", "long")
    assert work.start(host, "after-long")["RESULT"] == "success"
