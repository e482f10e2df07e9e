# SPDX-License-Identifier: Apache-2.0
"""Retries, with real seconds: how many attempts, after which delays, what stops them."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.box import Box, Layer
from tests.system import work
from tests.system.host import STARTING, Host

LATE = 0.95
"""So much later than its delay an attempt may begin, in seconds: systemd rounds up to a quarter,
and a host may be busy.
"""

HANGS = 'timeout: 1s, command: [/bin/sleep, "60"]'
KILLED = "command: [/bin/sh, -c, kill -KILL $$]"
JOBS = {
    "growing": "retries: {max: 3, delay: 1s, factor: 2, max_delay: 3s}",
    "constant": "retries: {max: 2, delay: 1500ms, factor: 1}",
    "at-once": "retries: {max: 2, delay: 0}",
    "once": "",
    "second-time": "retries: {max: 3, delay: 500ms}, "
    "command: [/bin/sh, -c, test $DEBVISOR_ATTEMPT = 2]",
    "told": "retries: {max: 1, delay: 0}, command: [/bin/sh, -c, env | grep ^DEBVISOR_; exit 1]",
    "never-on-5": "retries: {max: 1, delay: 0, never_on_exit: [4, 5]}, "
    "command: [/bin/sh, -c, exit 5]",
    "not-5": "retries: {max: 1, delay: 0, never_on_exit: [4, 5]}, command: [/bin/sh, -c, exit 6]",
    "on-time-out-fails": "retries: {max: 1, delay: 0, on: [timeout]}",
    "on-time-out-hangs": f"retries: {{max: 1, delay: 0, on: [timeout]}}, {HANGS}",
    "on-signal-killed": f"retries: {{max: 1, delay: 0, on: [signal]}}, {KILLED}",
    "on-failure-killed": f"retries: {{max: 1, delay: 0, on: [failure]}}, {KILLED}",
    "held": "retries: {max: 1, delay: 8s}",
    "stopped": "retries: {max: 2, delay: 4s}",
}
FALSE = "[/bin/false]"
MEASURED = ("growing", "constant", "at-once")
ALL_AT_ONCE = (
    *("once", "second-time", "told", "never-on-5", "not-5"),
    *("on-time-out-fails", "on-time-out-hangs", "on-signal-killed", "on-failure-killed"),
)


@pytest.fixture(scope="module")
def host(installed: Layer) -> Iterator[Host]:
    """A box in which the first jobs were started once, and have ended."""
    with Box.boot(installed) as box:
        host = Host(box)
        host.apply(work.yaml(JOBS, command=FALSE))
        host.watch()
        for jobs in MEASURED, ALL_AT_ONCE:
            work.begin(host, *jobs)
            work.await_ends(host, *jobs, seconds=40)
        yield host


def told_by(job: str) -> str:
    """Return the match for the unit that tells of a failed run of a job."""
    return f"UNIT=debvisor-timers-notify@{job}.service"


def results(host: Host, job: str) -> list[tuple[int, str]]:
    return [(attempt.number, attempt.result) for attempt in work.attempts(host, job)]


@pytest.mark.parametrize(
    ("job", "delays"), [("growing", [1, 2, 3]), ("constant", [1.5, 1.5]), ("at-once", [0, 0])]
)
def test_there_are_so_many_attempts_after_such_delays(
    host: Host, job: str, delays: list[float]
) -> None:
    found = work.attempts(host, job)
    assert [attempt.number for attempt in found] == [*range(1, len(delays) + 2)]
    assert len({attempt.run for attempt in found}) == 1
    assert [attempt.is_last for attempt in found] == [False] * len(delays) + [True]
    planned = [due - each.end for due, each in zip(work.retries(host, job), found, strict=False)]
    for gap, plan, delay in zip(work.gaps(found), planned, delays, strict=True):
        assert delay <= plan < delay + 0.5
        assert plan <= gap < delay + LATE


def test_show_tells_the_delays_that_are_kept(host: Host) -> None:
    shown = host.json("show", "growing")["attempts"]
    assert (shown["max"], shown["delays_seconds"]) == (4, [1, 2, 3])


@pytest.mark.parametrize("job", ["growing", "constant"])
def test_the_final_failure_is_announced_at_once(host: Host, job: str) -> None:
    end = work.attempts(host, job)[-1].end
    failed = host.records(f"MESSAGE_ID={work.FAILED}", f"UNIT={work.unit(job)}")[-1]
    assert int(failed["__REALTIME_TIMESTAMP"]) / 1e6 - end < 1
    (told,) = host.records(f"MESSAGE_ID={STARTING}", told_by(job))
    assert int(told["__REALTIME_TIMESTAMP"]) / 1e6 - end < 1
    assert host.show(work.unit(job), "ActiveState")["ActiveState"] == "failed"


def test_none_is_made_where_none_is_wanted(host: Host) -> None:
    assert results(host, "once") == [(1, "exit-code")]


def test_a_failure_and_then_a_success_are_one_run_that_succeeded(host: Host) -> None:
    assert results(host, "second-time") == [(1, "exit-code"), (2, "success")]
    (run,) = host.json("history", "second-time")
    assert (run["outcome"], run["attempts"]) == ("succeeded", 2)
    assert host.records(f"MESSAGE_ID={STARTING}", told_by("second-time")) == []


def test_an_attempt_is_told_which_one_it_is(host: Host) -> None:
    records = host.records("SYSLOG_IDENTIFIER=told", "_TRANSPORT=stdout")
    printed = [str(record["MESSAGE"]) for record in records]
    run = host.json("history", "told")[0]["run"]
    assert printed.count(f"DEBVISOR_RUN_ID={run}") == 2
    assert printed.count("DEBVISOR_JOB=told") == 2
    assert printed.count("DEBVISOR_TRIGGER=manual") == 2
    assert printed.count("DEBVISOR_MAX_ATTEMPTS=2") == 2
    assert [line for line in printed if "_ATTEMPT=" in line] == [
        "DEBVISOR_ATTEMPT=1",
        "DEBVISOR_ATTEMPT=2",
    ]
    assert not [line for line in printed if "SCHEDULED_FOR" in line]


@pytest.mark.parametrize(
    ("job", "expected"),
    [
        ("never-on-5", [(1, "exit-code")]),
        ("not-5", [(1, "exit-code"), (2, "exit-code")]),
        ("on-time-out-fails", [(1, "exit-code")]),
        ("on-time-out-hangs", [(1, "timeout"), (2, "timeout")]),
        ("on-signal-killed", [(1, "signal"), (2, "signal")]),
        ("on-failure-killed", [(1, "signal")]),
    ],
)
def test_what_is_tried_again(host: Host, job: str, expected: list[tuple[int, str]]) -> None:
    assert results(host, job) == expected
    assert work.attempts(host, job)[-1].is_last
    assert host.show(work.unit(job), "ActiveState")["ActiveState"] == "failed"


def test_a_reload_does_not_cut_a_delay_short(host: Host) -> None:
    host.watch()
    work.begin(host, "held")
    host.box.wait_until(lambda: "RETRY_USEC" in work.under_way(host, "held"), 10, "it failed once")
    host.box.run(["systemctl", "daemon-reload"])
    work.await_waiting(host, "held", "for attempt 2 of 2")
    host.apply(work.yaml(JOBS | {"once": "umask: '0077'"}, command=FALSE))
    assert host.reloads() >= 2
    assert work.under_way(host, "held")["WAITING"] == "for attempt 2 of 2", "it was too slow"
    work.await_ends(host, "held")
    (gap,) = work.gaps(work.attempts(host, "held"))
    assert 8 <= gap < 8 + LATE


def test_a_stop_in_a_delay_ends_the_run_without_another_attempt(host: Host) -> None:
    host.watch()
    work.begin(host, "stopped")
    host.box.wait_until(lambda: "RETRY_USEC" in work.under_way(host, "stopped"), 10, "it failed")
    host.cli("stop", "stopped")
    (run,) = host.json("history", "stopped")
    assert (run["outcome"], run["attempts"]) == ("stopped", 1)
    assert work.under_way(host, "stopped") == {}
    assert len(work.attempts(host, "stopped")) == 1


# --- no run is refused because of those before it -----------------------------------------------

CLOSE_TOGETHER = {
    "fails": "command: [/bin/false], retries: {max: 1, delay: 0}",
    "succeeds": "retries: {max: 1, delay: 0}",
    "no-user": "user: no-such-user",
    "no-user-again": "user: no-such-user, retries: {max: 1, delay: 0}, "
    'schedule: {on_calendar: "*-*-* *:*:00/3"}',
    "often": "command: [/bin/sh, -c, echo for $DEBVISOR_SCHEDULED_FOR; exit 1], "
    'retries: {max: 1, delay: 0}, schedule: {on_calendar: "*-*-* *:*:*"}',
}


@pytest.mark.parametrize("job", ["fails", "succeeds", "no-user"])
def test_many_runs_by_hand_close_together_all_take_place(host: Host, job: str) -> None:
    host.apply(work.yaml(CLOSE_TOGETHER, command="[/bin/true]"))
    starts = f"for i in 1 2 3 4 5 6 7; do systemctl start {work.unit(job)} || :; done"
    host.box.run(starts)
    assert len(host.json("history", job)) == 7
    assert "repeated too quickly" not in host.box.journal("--unit", work.unit(job))


def test_many_runs_of_a_timer_close_together_all_take_place(host: Host) -> None:
    host.await_run("often", "failed", 6)
    host.box.run(["systemctl", "stop", "debvisor-job-often.timer"])
    runs = host.history("often")
    assert all(run["trigger"] == "timer" for run in runs)
    printed = host.records("SYSLOG_IDENTIFIER=often", "_TRANSPORT=stdout")
    assert str(printed[0]["MESSAGE"]).startswith("for 20")
    assert "repeated too quickly" not in host.box.journal("--unit", work.unit("often"))


def test_runs_that_cannot_be_set_up_are_not_refused_later(host: Host) -> None:
    host.await_run("no-user-again", "failed", 3)
    host.box.run(["systemctl", "stop", "debvisor-job-no-user-again.timer"])
    runs = [run for run in host.history("no-user-again") if not run["overlapped"]]
    ended = [run for run in runs if run["end"]]
    assert {run["attempts"] for run in ended} == {2}
    host.box.wait_until("! systemctl is-active debvisor-job-no-user-again | grep -q activating", 20)
    host.box.run("useradd no-such-user")
    host.cli("run", "no-user-again", "--wait")
    assert host.json("history", "no-user-again")[0]["outcome"] == "succeeded"
