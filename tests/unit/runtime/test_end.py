# SPDX-License-Identifier: Apache-2.0
"""end: the result, the unit's own use of CPU and memory, and the question to systemd."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from debvisor_timers.history.last import parse_last
from debvisor_timers.history.records import MessageId
from debvisor_timers.runtime import attempts, end, notes
from tests.unit.runtime.manager import answering, listed, message, number

STATE = "DEBVISOR_JOB=backup\nDEBVISOR_RUN_ID=first\nDEBVISOR_INVOCATION_ID=0123\nIDENTIFIER=x\n"
FAILED = {"SERVICE_RESULT": "exit-code", "EXIT_CODE": "exited", "EXIT_STATUS": "3"}


def ended(tmp_path: Path, restarts: int = 0, **environ: str) -> dict[str, str]:
    """Return what is known of an attempt of `backup` that ends in this environment."""
    environment = {**FAILED, **environ}
    manager = end.Manager(job="7", restarts=restarts)
    state = end.started("backup", environment, manager, str(tmp_path))
    return end.end(state, environment, cgroups=())


def begun(tmp_path: Path, state: str = STATE) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "backup").write_text(state, encoding="utf-8")


def test_the_message_id_is_the_one_that_the_history_looks_for() -> None:
    assert end.RUN_END == MessageId.RUN_END


def test_the_result_is_joined_with_what_begin_noted(tmp_path: Path) -> None:
    begun(tmp_path)
    found = ended(tmp_path, INVOCATION_ID="0123")
    assert found["DEBVISOR_RUN_ID"] == "first"
    assert (found["DEBVISOR_RESULT"], found["DEBVISOR_EXIT_STATUS"]) == ("exit-code", "3")
    assert "IDENTIFIER" not in found


@pytest.mark.parametrize("state", [STATE.replace("0123", "4567"), "", "rubbish\n"])
def test_a_run_that_begin_did_not_note_gets_a_name_of_its_own(tmp_path: Path, state: str) -> None:
    begun(tmp_path, state)
    found = ended(tmp_path, INVOCATION_ID="0123")
    assert found["DEBVISOR_RUN_ID"] not in {"", "first"}
    assert (found["DEBVISOR_JOB"], found["DEBVISOR_INVOCATION_ID"]) == ("backup", "0123")


def test_a_program_that_never_ran_has_no_exit_status(tmp_path: Path) -> None:
    found = ended(tmp_path, EXIT_CODE="", EXIT_STATUS="")
    assert not {"DEBVISOR_EXIT_CODE", "DEBVISOR_EXIT_STATUS"} & set(found)


def test_the_last_run_file_is_what_the_history_reads(tmp_path: Path) -> None:
    found = ended(tmp_path, INVOCATION_ID="0123")
    notes.write(str(tmp_path / "state"), "last", "backup", found, lasting=True)
    last = parse_last((tmp_path / "state" / "last" / "backup").read_text(encoding="utf-8"))
    assert last is not None
    assert (last.id, last.outcome_words) == (found["DEBVISOR_RUN_ID"], "failed (exit status 3)")
    assert [path.name for path in (tmp_path / "state" / "last").iterdir()] == ["backup"]


def test_a_skip_is_no_run() -> None:
    assert not end.is_run({"DEBVISOR_RESULT": "exec-condition"})
    assert end.is_run({"DEBVISOR_RESULT": "timeout"})


def test_the_units_own_numbers_are_read_and_a_missing_one_is_absent(tmp_path: Path) -> None:
    own = Path("/proc/self/cgroup").read_text(encoding="utf-8")
    path = next(line[3:] for line in own.splitlines() if line.startswith("0::"))
    folder = Path(f"{tmp_path}{path}")
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "cpu.stat").write_text("usage_usec 1250\nuser_usec 1000\n", encoding="ascii")
    assert end.used((str(tmp_path),)) == {"DEBVISOR_CPU_USEC": "1250"}
    (folder / "memory.peak").write_text("4096\n", encoding="ascii")
    assert end.used((str(tmp_path),)) == {
        "DEBVISOR_CPU_USEC": "1250",
        "DEBVISOR_MEMORY_PEAK": "4096",
    }


@pytest.mark.parametrize(
    ("job", "stopped"), [("stop", True), ("restart", True), ("start", False), ("", False)]
)
def test_a_stop_job_is_seen_behind_signals_that_come_first(
    tmp_path: Path, job: str, *, stopped: bool
) -> None:
    address = str(tmp_path / "private")
    answers = (
        b"OK "
        + b"0" * 32
        + b"\r\n"
        + message(4, b"signal")
        + message(2, listed(job=7, job_type=job))
    )
    thread = answering(address, answers)
    assert end.ask("x", retries=False, address=address).stopped is stopped
    thread.join()


@pytest.mark.parametrize(
    "answers",
    [b"", b"REJECTED EXTERNAL" + b" " * 20, b"OK " + b"0" * 32 + b"\r\n" + message(3, b"")],
)
def test_no_answer_is_an_error_that_end_can_survive(
    tmp_path: Path, answers: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(end.bus, "REFUSED_SECONDS", 0)
    address = str(tmp_path / "private")
    thread = answering(address, answers)
    with pytest.raises(OSError, match="systemd"):
        end.ask("x", retries=False, address=address)
    thread.join()


def test_systemd_tells_of_which_start_the_attempt_is_and_how_many_came_before(
    tmp_path: Path,
) -> None:
    address = str(tmp_path / "private")
    replies = message(2, listed(job=7)) + message(2, number(2))
    thread = answering(address, b"OK " + b"0" * 32 + b"\r\n" + replies)
    manager = end.ask("x", retries=True, address=address)
    thread.join()
    assert (manager.stopped, manager.job, manager.restarts) == (False, "7", 2)


# --- another attempt, or none --------------------------------------------------------------------

RETRIES = {"DELAYS": "60s 120s", "RETRY_ON": "failure timeout signal", "NEVER_ON_EXIT": "5 6"}


def attempt(number: int, result: str = "exit-code", status: str = "3") -> dict[str, str]:
    """Return the end of an attempt."""
    return {
        "DEBVISOR_ATTEMPT": str(number),
        "DEBVISOR_RESULT": result,
        "DEBVISOR_EXIT_CODE": "exited",
        "DEBVISOR_EXIT_STATUS": status,
    }


@pytest.mark.parametrize(
    ("fields", "delay"),
    [
        (attempt(1), 60.0),
        (attempt(2), 120.0),
        (attempt(3), None),
        (attempt(4), None),
        (attempt(1, "success", "0"), None),
        (attempt(1, "timeout"), 60.0),
        (attempt(1, "signal"), 60.0),
        (attempt(1, "core-dump"), 60.0),
        (attempt(1, "oom-kill"), 60.0),
        (attempt(1, status="5"), None),
        (attempt(1) | {"DEBVISOR_STOPPED": "1"}, None),
    ],
)
def test_another_attempt_follows_while_one_is_left_and_would_be_of_use(
    fields: dict[str, str], delay: float | None
) -> None:
    assert attempts.next_delay(RETRIES, fields) == delay


@pytest.mark.parametrize(
    ("on", "result", "again"),
    [
        ("failure", "timeout", False),
        ("failure", "signal", False),
        ("failure", "exit-code", True),
        ("timeout", "timeout", True),
        ("timeout signal", "exit-code", False),
        ("signal", "core-dump", True),
    ],
)
def test_the_job_says_after_what_another_attempt_follows(
    on: str, result: str, *, again: bool
) -> None:
    delay = attempts.next_delay(RETRIES | {"RETRY_ON": on}, attempt(1, result))
    assert (delay is not None) is again


def test_no_attempt_follows_that_could_not_begin_before_the_total_time_is_over() -> None:
    soon = {**RETRIES, "TOTAL_UNTIL": f"{time.monotonic() + 30:.3f}"}
    later = {**RETRIES, "TOTAL_UNTIL": f"{time.monotonic() + 90:.3f}"}
    assert attempts.next_delay(soon, attempt(1)) is None
    assert attempts.next_delay(later, attempt(1)) == 60.0


def test_an_attempt_that_begin_never_noted_is_one_of_the_run_that_is_under_way(
    tmp_path: Path,
) -> None:
    begun(tmp_path, f"{STATE}SYSTEMD_JOB=7\n")
    found = ended(tmp_path, restarts=2, INVOCATION_ID="4567")
    assert found["DEBVISOR_RUN_ID"] == "first"
    assert (found["DEBVISOR_ATTEMPT"], found["DEBVISOR_INVOCATION_ID"]) == ("3", "4567")


def test_a_note_of_an_earlier_start_is_no_run_that_is_under_way(tmp_path: Path) -> None:
    begun(tmp_path, f"{STATE}SYSTEMD_JOB=6\n")
    assert ended(tmp_path, restarts=2, INVOCATION_ID="4567")["DEBVISOR_RUN_ID"] != "first"


# --- time-outs by `run` --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "status", "over"),
    [
        ({"LIMIT": "5s", "READY_AT": "-10"}, "251", True),
        ({"LIMIT": "5s", "READY_AT": "0"}, "251", False),
        ({"LIMIT": "5s", "READY_AT": "-10"}, "250", False),
        ({"TOTAL_UNTIL": "-1", "READY_AT": "0"}, "251", True),
        ({"TOTAL_UNTIL": "60", "LIMIT": "9s", "READY_AT": "0"}, "251", False),
        ({"READY_AT": "-10"}, "251", False),
        ({"LIMIT": "5s"}, "251", False),
    ],
)
def test_the_exit_status_of_a_time_out_counts_once_the_time_is_over(
    state: dict[str, str], status: str, *, over: bool
) -> None:
    now = time.monotonic()
    moments = {name: f"{now + float(state[name]):.3f}" for name in MOMENTS & state.keys()}
    assert attempts.timed_out(state | moments, "exited", status) is over


MOMENTS = {"READY_AT", "TOTAL_UNTIL"}


def test_an_attempt_that_run_ended_is_a_time_out_without_an_exit_status() -> None:
    state = {"LIMIT": "5s", "READY_AT": f"{time.monotonic() - 10:.3f}", "DEBVISOR_JOB": "backup"}
    environ = {"SERVICE_RESULT": "exit-code", "EXIT_CODE": "exited", "EXIT_STATUS": "251"}
    found = end.end(state, environ, cgroups=())
    assert found["DEBVISOR_RESULT"] == "timeout"
    assert not {"DEBVISOR_EXIT_CODE", "DEBVISOR_EXIT_STATUS"} & set(found)


# --- the newest success --------------------------------------------------------------------------

OLD = {"DEBVISOR_RUN_ID": "old", "DEBVISOR_END_USEC": "1", "DEBVISOR_RESULT": "success"}
NEW = {"DEBVISOR_RUN_ID": "new", "DEBVISOR_END_USEC": "2", "DEBVISOR_RESULT": "exit-code"}


def newest_success(fields: dict[str, str], before: dict[str, str]) -> tuple[str | None, str | None]:
    found = end.with_success(fields, before)
    return found.get("DEBVISOR_SUCCESS_RUN"), found.get("DEBVISOR_SUCCESS_USEC")


def test_a_success_is_the_newest_and_a_failure_carries_the_one_before_on() -> None:
    first = end.with_success(OLD, {})
    failed = end.with_success(NEW, first)
    assert newest_success(OLD, {}) == ("old", "1")
    assert newest_success(NEW, first) == ("old", "1")
    assert newest_success(NEW, failed) == ("old", "1")
    assert newest_success(NEW | {"DEBVISOR_RESULT": "success"}, failed) == ("new", "2")


def test_a_success_that_an_earlier_version_noted_counts() -> None:
    assert newest_success(NEW, OLD) == ("old", "1")


def test_a_run_that_was_stopped_is_no_success() -> None:
    stopped = OLD | {"DEBVISOR_STOPPED": "1"}
    assert newest_success(stopped, {}) == (None, None)
    assert newest_success(NEW, stopped) == (None, None)


@pytest.mark.parametrize(
    ("lines", "within_a_minute"),
    [
        (["*-*-* 02:00:00"], False),
        (["*-*-* *:00..59/5:00 Europe/Berlin", "*:15:00"], False),
        (["*-*-* *:*:00/2"], True),
        (["*-*-* 02:00:00", "*-*-* *:*:00/30"], True),
        (["*-*-* *:00:00,30"], True),
    ],
)
def test_a_timer_that_elapses_within_a_minute_is_looked_at_after_the_shortest_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: list[str], *, within_a_minute: bool
) -> None:
    text = "".join(f"OnCalendar={line}\n" for line in lines)
    (tmp_path / "debvisor-job-x.timer").write_text(f"[Timer]\n{text}", encoding="utf-8")
    monkeypatch.setattr(end.notes, "UNITS", str(tmp_path))
    monkeypatch.setattr(end.Ending, "__init__", lambda self: setattr(self, "job", "x"))
    assert end.Ending().counts_seconds() is within_a_minute  # type: ignore[call-arg]


@pytest.mark.parametrize(("noted", "is_left"), [("first", False), ("another", True)])
def test_a_run_that_has_ended_is_not_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, noted: str, *, is_left: bool
) -> None:
    """Its note goes after its result is written and before that in memory; no other one does."""
    for name in "RUNTIME", "STATE", "UNITS":
        monkeypatch.setattr(end.notes, name, str(tmp_path))
    sent: list[list[str]] = []
    running = tmp_path / "running" / "backup"

    def send(_: dict[str, str]) -> None:
        sent.append([path.parent.name for path in sorted(tmp_path.glob("*/backup"))])

    monkeypatch.setattr(end.notes, "send", send)
    monkeypatch.setattr(end, "ask", lambda *_, **__: end.Manager())
    begun(tmp_path)
    running.parent.mkdir()
    running.write_text(STATE.replace("=first", f"={noted}"), encoding="utf-8")
    ending = end.Ending("backup", {**FAILED, "INVOCATION_ID": "0123"})
    ending.finish()
    assert sent == [["ended", "last", "running", "runs"]]
    assert running.exists() is is_left
    assert not ending.failed
    assert not (tmp_path / "runs" / "backup").exists()
