# SPDX-License-Identifier: Apache-2.0
"""locks: real pipes, real processes: never too many at once, in order, and never for ever."""

from __future__ import annotations

import os
import random
import signal
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from debvisor_timers.runtime import locks, notes
from tests.unit.runtime.manager import Store

ENOUGH = 30.0


class Run:
    """What locks needs of a run."""

    def __init__(self, folder: Path, job: str, *lines: str, attempt: int = 1) -> None:
        self.job, self.runtime, self.notes = job, str(folder / "run"), notes
        self.fields = {"DEBVISOR_ATTEMPT": str(attempt)}
        self.waited: list[str] = []
        self._said: dict[str, list[str]] = {}
        for line in lines:
            key, _, value = line.partition("=")
            self._said.setdefault(key, []).append(value)

    def values(self, directive: str) -> list[str]:
        return self._said.get(directive, [])

    def wait(self, reason: str) -> None:
        self.waited.append(reason)


def never(_: object) -> float:
    return float("inf")


@contextmanager
def store(folder: Path, job: str, *, takes: bool = True) -> Iterator[Store]:
    """Be the systemd of this job."""
    address = folder / f"notify-{job}-{os.getpid()}"
    with Store(str(address), takes=takes) as kept:
        before = os.environ.get("NOTIFY_SOCKET")
        os.environ["NOTIFY_SOCKET"] = kept.address
        try:
            yield kept
        finally:
            if before is None:
                del os.environ["NOTIFY_SOCKET"]
            else:
                os.environ["NOTIFY_SOCKET"] = before


class Others:
    """Processes that take locks, each a job, and what they did, in order."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.log = folder, folder / "log"
        self.log.touch()
        self.children: dict[str, int] = {}

    def begin(self, job: str, *lines: str, hold: str | float = 0.0) -> None:
        """Let a job take its locks, and keep them for seconds or until the file `hold` is there."""
        child = os.fork()
        if child == 0:
            try:
                self._live(job, *lines, hold=hold)
            except BaseException:  # noqa: BLE001 - it is a process, not a test
                self._tell(job, f"raised {traceback.format_exc()}")
            os._exit(0)
        self.children[job] = child

    def _live(self, job: str, *lines: str, hold: str | float) -> None:
        with store(self.folder, job):
            reason = locks.take(Run(self.folder, job, *lines), never)
            if reason:
                self._tell(job, f"skipped {reason}")
                return
            self._tell(job, "took")
            if isinstance(hold, str):
                wait_for((self.folder / hold).exists)
            else:
                time.sleep(hold)
            self._tell(job, "left")

    def _tell(self, job: str, what: str) -> None:
        with self.log.open("a") as log:
            log.write(f"{job} {what}\n")

    def said(self) -> list[str]:
        return self.log.read_text().splitlines()

    def queued(self, *jobs: str) -> None:
        """Return when these jobs wait."""
        queue = self.folder / "run" / "queue"
        wait_for(lambda: all((queue / j).exists() and (queue / j).read_text() for j in jobs))

    def end(self) -> list[str]:
        """Return what they did, when all have ended."""
        until = time.monotonic() + ENOUGH
        while self.children:
            for job, child in list(self.children.items()):
                if os.waitpid(child, os.WNOHANG)[0]:
                    del self.children[job]
            assert time.monotonic() < until, f"{list(self.children)} still wait: {self.said()}"
            time.sleep(0.01)
        assert not [line for line in self.said() if "raised" in line], self.said()
        return self.said()

    def kill(self, job: str) -> None:
        child = self.children.pop(job)
        os.kill(child, signal.SIGKILL)
        os.waitpid(child, 0)


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + ENOUGH
    while not condition():
        assert time.monotonic() < until, "waited for too long"
        time.sleep(0.005)


@pytest.fixture
def others(tmp_path: Path) -> Iterator[Others]:
    found = Others(tmp_path)
    yield found
    for job in list(found.children):
        found.kill(job)


# --- one run -------------------------------------------------------------------------------------


def test_a_lock_is_taken_and_kept_by_systemd_and_the_door_is_closed(tmp_path: Path) -> None:
    run = Run(tmp_path, "a", "X-Pool=backup | 2 | 3", "X-Conflict=a+b | wait | 60s")
    with store(tmp_path, "a") as kept:
        assert locks.take(run, never) == ""
        assert len(kept.held) == 3
        assert kept.said == [b"FDSTORE=1\nFDNAME=lock\nFDPOLL=0", b"NOTIFYACCESS=none"]
    assert (run.waited, list((tmp_path / "run/queue").iterdir())) == ([], [])
    assert sorted(path.name for path in (tmp_path / "run/locks").iterdir()) == [
        "conflict-a+b.0",
        "pool-backup.0",
        "pool-backup.1",
    ]


def test_nobody_else_can_open_a_lock(tmp_path: Path) -> None:
    with store(tmp_path, "a"):
        locks.take(Run(tmp_path, "a", "X-Pool=p | 1 | 1"), never)
    assert (tmp_path / "run/locks/pool-p.0").stat().st_mode & 0o777 == 0o600


def test_a_systemd_that_takes_no_lock_fails_the_run_and_the_lock_stays_free(
    tmp_path: Path,
) -> None:
    line = "X-Pool=p | 1 | 1"
    with store(tmp_path, "a", takes=False), pytest.raises(OSError, match=r"did not take.*pool-p.0"):
        locks.take(Run(tmp_path, "a", line), never)
    with store(tmp_path, "b"):
        assert locks.take(Run(tmp_path, "b", line), never) == ""


def test_a_unit_without_a_door_fails_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    with pytest.raises(KeyError, match="NOTIFY_SOCKET"):
        locks.take(Run(tmp_path, "a", "X-Pool=p | 1 | 1"), never)


def test_another_attempt_does_not_wait_for_what_the_one_before_has_left(tmp_path: Path) -> None:
    line = "X-Pool=p | 1 | 1 | 0s"
    with store(tmp_path, "a") as kept:
        kept.held.append(pipe_of(tmp_path, "pool-p.0"))
        assert locks.take(Run(tmp_path, "a", line, attempt=2), never) == ""
        assert len(kept.held) == 1
        assert kept.said[0] == b"FDSTOREREMOVE=1\nFDNAME=lock"


def test_more_locks_are_given_than_one_message_carries(tmp_path: Path) -> None:
    with store(tmp_path, "a") as kept:
        assert locks.take(Run(tmp_path, "a", "X-Pool=p | 300 | 300"), never) == ""
        assert len(kept.held) == 300


def pipe_of(folder: Path, name: str) -> int:
    """Hold a lock."""
    (folder / "run" / "locks").mkdir(parents=True, exist_ok=True)
    path = folder / "run" / "locks" / name
    if not path.exists():
        os.mkfifo(path, 0o600)
    return os.open(path, os.O_RDWR | os.O_NONBLOCK)


@contextmanager
def held(folder: Path, *names: str) -> Iterator[None]:
    numbers = [pipe_of(folder, name) for name in names]
    try:
        yield
    finally:
        for number in numbers:
            os.close(number)


def refusal(folder: Path, *lines: str, limit: float = 0.0) -> tuple[str, list[str]]:
    """Return why a run that cannot wait is skipped, and for what it would have waited."""
    run = Run(folder, "me", *lines)
    with store(folder, "me"):
        return locks.take(run, lambda _: limit), run.waited


def test_a_run_that_cannot_wait_is_skipped_with_what_it_lacks(tmp_path: Path) -> None:
    with held(tmp_path, "pool-p.0", "pool-p.1"):
        reason, _ = refusal(tmp_path, "X-Pool=p | 1 | 2")
        assert reason == "no turn after 0 s for pool p (2 of 2 taken)"
        assert refusal(tmp_path, "X-Pool=p | 3 | 4")[0].endswith("for pool p (2 of 4 taken)")


def test_it_waits_for_all_that_it_lacks_and_says_so(tmp_path: Path) -> None:
    with held(tmp_path, "pool-p.0", "conflict-me+scrub.0"):
        lines = "X-Pool=p | 1 | 1", "X-Conflict=me+scrub | wait | 0.2s"
        _, waited = refusal(tmp_path, *lines, limit=60)
    assert waited[0] == "for pool p (running) and scrub (running)"


@pytest.mark.parametrize(
    ("own", "default", "limit"),
    [
        ([], 60.0, 60.0),
        ([], 10 * 3600.0, 6 * 3600.0),
        ([5.0], 60.0, 5.0),
        ([5.0, 3.0], 60.0, 3.0),
        ([500.0, None], 60.0, 60.0),
        ([5.0, None], 60.0, 5.0),
    ],
)
def test_a_wait_ends_with_the_shortest_limit(
    tmp_path: Path, own: list[float | None], default: float, limit: float
) -> None:
    wants = [locks.Want(f"pool-{number}", 1, 1, value) for number, value in enumerate(own)]
    queue = object.__new__(locks.Queue)
    queue._needed, queue._run = wants or [locks.Want("pool-p", 1, 1, None)], None
    assert queue._limit(lambda _: default) == limit


def test_a_conflict_that_skips_does_so_at_once_while_the_other_runs(tmp_path: Path) -> None:
    with held(tmp_path, "conflict-me+scrub.0"):
        reason, waited = refusal(tmp_path, "X-Conflict=me+scrub | skip", limit=60)
    assert (reason, waited) == ("conflict: scrub is running", [])
    assert refusal(tmp_path, "X-Conflict=me+scrub | skip", limit=60) == ("", [])


def test_places_beyond_the_end_of_a_pool_that_shrank_still_count(tmp_path: Path) -> None:
    with held(tmp_path, "pool-p.3", "pool-p.4"):
        assert refusal(tmp_path, "X-Pool=p | 1 | 2")[0]
        assert refusal(tmp_path, "X-Pool=p | 1 | 3")[0] == ""


def test_a_pool_is_not_another_whose_name_begins_alike(tmp_path: Path) -> None:
    with held(tmp_path, "pool-p.1.0", "pool-pp.0"):
        assert refusal(tmp_path, "X-Pool=p | 1 | 1")[0] == ""


# --- order ---------------------------------------------------------------------------------------


def ticket(job: str, rank: str, arrival: float) -> locks.Ticket:
    return locks.Ticket(job, f"{locks.RANKS[rank]} {arrival} | pool-p 1 1")


def order(now: float, *tickets: locks.Ticket) -> list[str]:
    return [one.job for one in sorted(tickets, key=lambda one: one.order(now))]


def test_the_highest_priority_comes_first_and_then_the_earliest() -> None:
    tickets = (
        ticket("low", "low", 0.0),
        ticket("second", "normal", 2.0),
        ticket("first", "normal", 1.0),
        ticket("high", "high", 3.0),
        ticket("critical", "critical", 4.0),
    )
    assert order(5.0, *tickets) == ["critical", "high", "first", "second", "low"]


def test_ten_minutes_of_waiting_count_as_a_priority() -> None:
    old, new = ticket("old", "low", 0.0), ticket("new", "normal", 590.0)
    assert order(595.0, old, new) == ["new", "old"]
    newer = ticket("newer", "normal", 610.0)
    assert order(615.0, old, newer) == ["old", "newer"]


def test_waiting_runs_have_their_turn_by_priority_and_then_by_arrival(others: Others) -> None:
    pool = "X-Pool=p | 1 | 1"
    others.begin("holder", pool, hold="go")
    wait_for(lambda: "holder took" in others.said())
    for job, rank in ("low", "low"), ("one", "normal"), ("two", "normal"), ("high", "high"):
        others.begin(job, pool, f"X-Priority={rank}")
        others.queued(job)
    (others.folder / "go").touch()
    said = others.end()
    assert [line.split()[0] for line in said if line.endswith("took")] == [
        *("holder", "high", "one", "two", "low"),
    ]


# --- several processes ---------------------------------------------------------------------------


def most_at_once(said: list[str]) -> int:
    running, most = 0, 0
    for line in said:
        running += {"took": 1, "left": -1}[line.split()[1]]
        most = max(most, running)
    return most


def test_a_pool_is_never_overfull_and_is_used(others: Others) -> None:
    for number in range(12):
        others.begin(f"j{number}", "X-Pool=p | 1 | 3", hold=0.05)
    said = others.end()
    assert sum(line.endswith("took") for line in said) == 12
    assert 2 <= most_at_once(said) <= 3


def test_a_wide_run_is_not_starved_by_narrow_ones(others: Others) -> None:
    others.begin("first", "X-Pool=p | 1 | 2", hold="go")
    wait_for(lambda: "first took" in others.said())
    others.begin("wide", "X-Pool=p | 2 | 2")
    others.queued("wide")
    for number in range(3):
        others.begin(f"n{number}", "X-Pool=p | 1 | 2", hold=0.05)
    others.queued("n0", "n1", "n2")
    assert others.said() == ["first took"], "one place is kept for the wide one"
    (others.folder / "go").touch()
    took = [line.split()[0] for line in others.end() if line.endswith("took")]
    assert took[:2] == ["first", "wide"]


def test_what_a_waiting_run_does_not_lack_may_be_taken_by_another(others: Others) -> None:
    others.begin("holder", "X-Pool=p | 1 | 1", hold="go")
    wait_for(lambda: "holder took" in others.said())
    others.begin("both", "X-Pool=p | 1 | 1", "X-Pool=q | 1 | 1")
    others.queued("both")
    others.begin("free", "X-Pool=q | 1 | 1")
    wait_for(lambda: "free took" in others.said())
    (others.folder / "go").touch()
    assert "both took" in others.end()


def test_a_run_that_has_waited_for_long_keeps_all_that_it_needs(
    others: Others, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else two locks that others take in turns could be never free at once."""
    monkeypatch.setattr(locks, "PATIENCE", 0.0)
    others.begin("holder", "X-Pool=p | 1 | 1", hold="go")
    wait_for(lambda: "holder took" in others.said())
    others.begin("both", "X-Pool=p | 1 | 1", "X-Pool=q | 1 | 1", hold="gone")
    others.queued("both")
    others.begin("free", "X-Pool=q | 1 | 1")
    others.queued("free")
    (others.folder / "go").touch()
    wait_for(lambda: "both took" in others.said())
    (others.folder / "gone").touch()
    took = [line.split()[0] for line in others.end() if line.endswith("took")]
    assert took == ["holder", "both", "free"]


def test_a_run_that_skips_for_a_conflict_passes_one_that_only_waits(others: Others) -> None:
    others.begin("holder", "X-Pool=p | 1 | 1", hold="go")
    wait_for(lambda: "holder took" in others.said())
    others.begin("a", "X-Pool=p | 1 | 1", "X-Conflict=a+b | wait")
    others.queued("a")
    others.begin("b", "X-Conflict=a+b | skip")
    wait_for(lambda: "b left" in others.said())
    (others.folder / "go").touch()
    assert "a took" in others.end()


@pytest.mark.parametrize("seed", range(3))
def test_no_mix_of_locks_ends_in_a_deadlock(others: Others, seed: int) -> None:
    chance = random.Random(seed)
    jobs = [f"j{number}" for number in range(14)]
    pairs = {tuple(sorted(chance.sample(jobs, 2))) for _ in range(10)}
    for job in jobs:
        lines = [f"X-Conflict={a}+{b} | wait" for a, b in pairs if job in {a, b}]
        lines += [
            f"X-Pool={name} | {chance.randint(1, size)} | {size}"
            for name, size in (("p", 2), ("q", 3))
            if chance.random() < 0.7
        ]
        rank = chance.choice(list(locks.RANKS))
        others.begin(job, *lines, f"X-Priority={rank}", hold=chance.random() / 20)
    said = others.end()
    assert sum(line.endswith("took") for line in said) == len(jobs)
    running: set[str] = set()
    for line in said:
        job, what = line.split()
        running = running | {job} if what == "took" else running - {job}
        assert not [pair for pair in pairs if set(pair) <= running], said


def test_a_waiting_run_that_is_killed_is_passed_over(others: Others) -> None:
    pool = "X-Pool=p | 1 | 1"
    others.begin("holder", pool, hold="go")
    wait_for(lambda: "holder took" in others.said())
    others.begin("dead", pool, "X-Priority=critical")
    others.queued("dead")
    others.begin("next", pool)
    others.queued("next")
    others.kill("dead")
    (others.folder / "go").touch()
    assert "next took" in others.end()
    assert (others.folder / "run/queue/dead").exists()
    others.begin("dead", pool)
    assert "dead took" in others.end()


def test_the_lock_of_a_run_whose_processes_are_all_gone_is_free_at_once(others: Others) -> None:
    pool = "X-Pool=p | 1 | 1"
    others.begin("holder", pool, hold="never")
    wait_for(lambda: "holder took" in others.said())
    others.begin("next", pool)
    others.queued("next")
    others.kill("holder")
    began = time.monotonic()
    assert "next took" in others.end()
    assert time.monotonic() - began < 5


def test_a_run_killed_while_it_holds_the_mutex_keeps_nobody_out(tmp_path: Path) -> None:
    with store(tmp_path, "a"):
        assert locks.take(Run(tmp_path, "a", "X-Pool=p | 1 | 1"), never) == ""
    child = os.fork()
    if child == 0:
        import fcntl  # noqa: PLC0415

        mutex = os.open(tmp_path / "run/locks.mutex", os.O_RDWR)
        fcntl.flock(mutex, fcntl.LOCK_EX)
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)
    with store(tmp_path, "b"):
        assert locks.take(Run(tmp_path, "b", "X-Pool=p | 1 | 1"), never) == ""
