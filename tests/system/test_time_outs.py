# SPDX-License-Identifier: Apache-2.0
"""Time-outs and stops, with real seconds: of an attempt, of a run, and of what does not yield."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.box import Box, Layer
from tests.system import work
from tests.system.host import Host
from tests.system.work import WORK

TREE = "/usr/local/bin/tree"
STUBBORN = """\
#!/usr/bin/python3 -IS
# A program with a child and a grandchild; each notes SIGTERM, and goes on.
import os, signal, time
signal.signal(signal.SIGTERM, lambda *_: log("term"))
def log(what):
    with open("/var/log/work", "a") as file:
        file.write(f"{os.environ['DEBVISOR_JOB']} {what} {time.time_ns()}\\n")
os.fork() or os.fork()
log("begin")
time.sleep(600)
"""
JOBS = {
    # Waits for nothing: systemd watches the time. The others have more time for their waits than
    # for an attempt: `run` watches it.
    "plain": f"timeout: 1s, command: [{WORK}, '60']",
    "retried": f"timeout: 1s, command: [{WORK}, '60'], retries: {{max: 1, delay: 0}}",
    "held": f"command: [{WORK}, '60']",
    "first": f"command: [{WORK}, '3']",
    "waits-for-job": f"timeout: 2s, command: [{WORK}, '1'], depends_on: [first]",
    "waits-for-lock": f"timeout: 2s, command: [{WORK}, '1'], conflicts_with: [first]",
    "waits-in-vain": f"timeout: 1s, command: [{WORK}, '60'], conflicts_with: [first]",
    "blocked": f"command: [{WORK}], conflicts_with: [held]",
    "dependent": f"command: [{WORK}], depends_on: [held]",
    "total": f"total_timeout: 3s, command: [{WORK}, '60'], retries: {{max: 5, delay: 1s}}",
    "total-between": f"total_timeout: 3s, command: [{WORK}, '0', '1'], "
    "retries: {max: 9, delay: 1s, factor: 1}",
    "total-just-over": f"total_timeout: 1s, command: [{WORK}, '0', '1'], "
    "retries: {max: 9, delay: 800ms, factor: 1}",
    "total-enough": f"total_timeout: 30s, command: [{WORK}, '1', '3'], "
    "retries: {max: 1, delay: 0}",
    "stubborn": f"timeout: 1s, stop_timeout: 2s, command: [{TREE}]",
    "stubborn-watched": f"timeout: 1s, stop_timeout: 2s, command: [{TREE}], total_timeout: 1h",
    "stubborn-stopped": f"stop_timeout: 2s, command: [{TREE}], retries: {{max: 3, delay: 0}}",
    "251": "total_timeout: 1h, command: [/bin/sh, -c, exit 251]",
}


@pytest.fixture(scope="module")
def host(installed: Layer) -> Iterator[Host]:
    with Box.boot(installed) as box:
        host = Host(box)
        work.install(host)
        box.write(TREE, STUBBORN, 0o755)
        host.apply(work.yaml(JOBS))
        yield host


@pytest.fixture(autouse=True)
def _anew(host: Host) -> None:
    host.watch()
    work.forget(host)


def results(host: Host, job: str) -> list[tuple[int, str]]:
    return [(attempt.number, attempt.result) for attempt in work.attempts(host, job)]


def lasted(host: Host, job: str) -> list[float]:
    """Return how many seconds each attempt has taken."""
    return [attempt.end - attempt.begin for attempt in work.attempts(host, job)]


# --- of an attempt ------------------------------------------------------------------------------


def test_a_time_out_is_a_status_of_its_own_and_of_each_attempt(host: Host) -> None:
    work.begin(host, "plain", "retried")
    work.await_ends(host, "plain", "retried")
    assert results(host, "plain") == [(1, "timeout")]
    assert results(host, "retried") == [(1, "timeout"), (2, "timeout")]
    assert all(1 <= seconds < 2.5 for seconds in lasted(host, "retried"))
    for job in "plain", "retried":
        assert host.json("history", job)[0]["outcome"] == "timed_out"


def test_waiting_for_a_job_or_a_lock_takes_no_time_from_the_attempt(host: Host) -> None:
    work.begin(host, "first")
    work.await_program(host, "first")
    work.begin(host, "waits-for-job", "waits-for-lock", "waits-in-vain")
    work.await_waiting(host, "waits-for-job", "for first (running)")
    work.await_waiting(host, "waits-in-vain", "for first (running)")
    notes = work.await_ends(host, "waits-for-job", "waits-for-lock", "waits-in-vain")
    assert [note["RESULT"] for note in notes] == ["success", "success", "timeout"]
    assert int(notes[2]["WAITED_USEC"]) > 1_000_000
    assert host.json("history", "waits-in-vain")[0]["outcome"] == "timed_out"


def test_an_exit_status_like_that_of_a_time_out_is_none(host: Host) -> None:
    assert work.start(host, "251")["RESULT"] == "exit-code"
    run = host.json("history", "251")[0]
    assert (run["outcome"], run["exit_status"]) == ("failed", 251)


# --- of all attempts ----------------------------------------------------------------------------


def test_a_total_time_out_cuts_an_attempt_and_forbids_another(host: Host) -> None:
    note = work.start(host, "total")
    assert (note["RESULT"], note["ATTEMPT"]) == ("timeout", "1")
    assert 3 <= lasted(host, "total")[0] < 4.5


def test_a_total_time_out_ends_with_an_attempt_that_no_other_can_follow(host: Host) -> None:
    work.begin(host, "total-between", "total-just-over")
    work.await_ends(host, "total-between", "total-just-over")
    for job, limit in ("total-between", 3), ("total-just-over", 1):
        found = work.attempts(host, job)
        assert found[-1].is_last
        began = [line.seconds for line in work.lines(host) if line.job == job]
        assert began[-1] < found[0].begin + limit + 0.1


def test_a_total_time_out_that_is_not_reached_changes_nothing(host: Host) -> None:
    work.start(host, "total-enough")
    assert results(host, "total-enough") == [(1, "exit-code"), (2, "exit-code")]
    assert host.json("history", "total-enough")[0]["exit_status"] == 3


# --- the whole tree -----------------------------------------------------------------------------


@pytest.mark.parametrize("job", ["stubborn", "stubborn-watched"])
def test_after_a_time_out_the_whole_tree_gets_sigterm_and_then_sigkill(
    host: Host, job: str
) -> None:
    note = work.start(host, job)
    assert note["RESULT"] == "timeout"
    terms = [line.seconds for line in work.lines(host) if line.what == "term"]
    end = int(note["END_USEC"]) / 1e6
    # On a busy machine systemd has been seen to send it once more (257).
    assert len(terms) in {3, 6}
    assert all(1.5 < end - term < 4 for term in terms)
    assert host.box.run(["pgrep", "-f", TREE], check=False).stdout == ""


def test_a_stop_ends_the_whole_tree_and_makes_no_other_attempt(host: Host) -> None:
    work.begin(host, "stubborn-stopped")
    work.await_program(host, "stubborn-stopped", 3)
    began = time.monotonic()
    host.cli("stop", "stubborn-stopped")
    assert time.monotonic() - began < 6
    assert host.box.run(["pgrep", "-f", TREE], check=False).stdout == ""
    (run,) = host.json("history", "stubborn-stopped")
    assert run["outcome"] == "stopped"
    assert len(work.attempts(host, "stubborn-stopped")) == 1


# --- stopped while it waits ---------------------------------------------------------------------


@pytest.mark.parametrize("job", ["blocked", "dependent"])
def test_a_run_that_waits_can_be_stopped(host: Host, job: str) -> None:
    work.begin(host, "held")
    work.await_program(host, "held")
    work.begin(host, job)
    work.await_waiting(host, job, "for held (running)")
    host.cli("stop", job)
    run = host.json("history", job)[0]
    assert run["outcome"] == "stopped"
    assert work.under_way(host, job) == {}
    host.cli("stop", "held")
    assert work.begun(host) == ["held"]
    # What it has left behind keeps nobody from the lock.
    assert work.start(host, "blocked")["RESULT"] == "success"
