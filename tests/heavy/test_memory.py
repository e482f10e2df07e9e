# SPDX-License-Identifier: Apache-2.0
"""A job that takes more memory than it may: the kernel kills it, and what it was is told truly."""

from __future__ import annotations

import pytest

from tests.heavy.runs import begun, noted, run, told, with_channel
from tests.system.host import Host
from tests.vm import VM

LIMIT = 40 * 1024 * 1024
JOBS = """\
jobs:
  eats:
    resources: {memory_max: 40M}
    command: [python3, -c, "x = b'x' * 200_000_000"]
    notify: {failure: [ops]}
  child-eats:
    resources: {memory_max: 40M}
    script: |
      python3 -c "x = b'x' * 200_000_000" || :
      sleep 60
  files-in-memory:
    resources: {memory_max: 40M}
    script: head -c 200M /dev/zero >/dev/shm/big
    notify: {failure: [ops]}
  files-again:
    resources: {memory_max: 40M}
    script: head -c 200M /dev/zero >/dev/shm/big
    retries: {max: 1, delay: 1s}
    notify: {failure: [ops]}
  large:
    command: [python3, -c, "x = b'x' * 100_000_000"]
  again:
    resources: {memory_max: 40M}
    command: [python3, -c, "x = b'x' * 200_000_000"]
    retries: {max: 2, delay: 1s, factor: 1}
    notify: {failure: [ops]}
"""


@pytest.fixture(scope="module")
def _applied() -> list[bool]:
    return []


@pytest.fixture
def hungry(host: Host, _applied: list[bool]) -> Host:
    """The machine with the jobs of this file, applied once, and nobody told of anything."""
    with_channel(host)
    if not _applied:
        host.apply(JOBS)
        _applied.append(True)
    return host


def test_a_job_out_of_memory_says_so(hungry: Host) -> None:
    found = run(hungry, "eats")

    assert (found["status"], found["outcome"], found["reason"]) == (
        "failed",
        "failed",
        "out of memory",
    )
    assert (found["exit_status"], found["signal"]) == (None, "SIGKILL")
    assert LIMIT * 0.9 < found["memory_peak_bytes"] <= LIMIT
    assert noted(hungry, "eats")["DEBVISOR_RESULT"] == "oom-kill"
    assert noted(hungry, "eats")["DEBVISOR_RUN_ID"] == found["run"]


def test_one_run_out_of_memory_is_told_once(hungry: Host) -> None:
    found = run(hungry, "eats")
    assert [found["run"] in line for line in told(hungry)] == [True]


def test_a_child_out_of_memory_fails_the_job(hungry: Host) -> None:
    """Its parent would have gone on; systemd ends all of it (OOMPolicy=stop)."""
    found = run(hungry, "child-eats")

    assert (found["outcome"], found["reason"]) == ("failed", "out of memory")
    assert found["duration_seconds"] < 50


def test_memory_that_nobody_can_take_back_hides_no_failure(hungry: Host) -> None:
    """What lies in /dev/shm stays with the job's group: there is none left for `end`."""
    found = run(hungry, "files-in-memory")
    hungry.box.run(["rm", "/dev/shm/big"])

    assert (found["outcome"], found["reason"]) == ("failed", "out of memory")
    assert [found["run"] in line for line in told(hungry)] == [True]
    listed = {job["job"]: job for job in hungry.json("list")}
    assert listed["files-in-memory"]["last"]["outcome"] == "failed"


def test_memory_that_nobody_can_take_back_adds_no_attempt(hungry: Host) -> None:
    found = run(hungry, "files-again")
    hungry.box.run(["rm", "/dev/shm/big"])

    assert len(begun(hungry, found["run"])) == 2
    assert [found["run"] in line for line in told(hungry)] == [True]
    assert found["outcome"] == "failed"
    if found["reason"] != "out of memory":
        # `end` was killed, so systemd tries once more, and `begin` refuses: that is what is told.
        pytest.xfail(f"the reason told is {found['reason']}")


def test_retries_out_of_memory_are_counted_and_told_once(hungry: Host) -> None:
    found = run(hungry, "again")

    assert (found["outcome"], found["reason"]) == ("failed", "out of memory")
    note = noted(hungry, "again")
    assert (note["DEBVISOR_ATTEMPT"], note["DEBVISOR_MAX_ATTEMPTS"]) == ("3", "3")
    assert len(begun(hungry, found["run"])) == 3
    assert [found["run"] in line for line in told(hungry)] == [True]


def test_a_success_keeps_how_much_it_took(vm: VM, hungry: Host) -> None:
    found = run(hungry, "large")

    assert (found["outcome"], found["exit_status"]) == ("succeeded", 0)
    assert 100_000_000 < found["memory_peak_bytes"] < 130_000_000
