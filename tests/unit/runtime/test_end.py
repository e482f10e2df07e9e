# SPDX-License-Identifier: Apache-2.0
"""end: the result, the unit's own use of CPU and memory, and the question to systemd."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from debvisor_timers.history.last import parse_last
from debvisor_timers.history.records import MessageId
from debvisor_timers.runtime import begin, end
from tests.unit.runtime.manager import answering, message, text

STATE = "DEBVISOR_JOB=backup\nDEBVISOR_RUN_ID=first\nDEBVISOR_INVOCATION_ID=0123\nIDENTIFIER=x\n"
FAILED = {"SERVICE_RESULT": "exit-code", "EXIT_CODE": "exited", "EXIT_STATUS": "3"}


def ended(tmp_path: Path, **environ: str) -> dict[str, str]:
    """Return what is known of a run of `backup` that ends in this environment."""
    return end.end("backup", {**FAILED, **environ}, runtime=str(tmp_path), cgroups=())


def begun(tmp_path: Path, state: str = STATE) -> None:
    (tmp_path / "runs").mkdir()
    (tmp_path / "runs" / "backup").write_text(state, encoding="utf-8")


def test_the_message_id_is_the_one_that_the_history_looks_for() -> None:
    assert end.RUN_END == MessageId.RUN_END


@pytest.mark.parametrize(
    "name",
    [
        "open_folder",
        "lines",
        "send",
        "connect",
        "call",
        "uint32",
        "string",
        "padding",
        "receive",
        "hung_up",
        "reply",
    ],
)
def test_what_begin_and_end_both_need_is_the_same_in_both(name: str) -> None:
    assert inspect.getsource(getattr(begin, name)) == inspect.getsource(getattr(end, name))


def test_the_result_is_joined_with_what_begin_noted(tmp_path: Path) -> None:
    begun(tmp_path)
    found = ended(tmp_path, INVOCATION_ID="0123")
    assert found["DEBVISOR_RUN_ID"] == "first"
    assert (found["DEBVISOR_RESULT"], found["DEBVISOR_EXIT_STATUS"]) == ("exit-code", "3")
    assert found["DEBVISOR_FINAL"] == "1"
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
    end.write_last(str(tmp_path / "state"), "backup", found)
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


def listed(job: str) -> bytes:
    """Return a reply to ListUnitsByNames with one unit, aligned as D-Bus wants it."""
    body = b"\0\0\0\0\0\0\0\0"
    for value in ("x.service", "stop", "loaded", "deactivating", "stop-post", "", "/unit/x"):
        body += bytes(-len(body) % 4) + text(value)
    body += bytes(-len(body) % 4) + (7).to_bytes(4, "little") + text(job)
    return body


@pytest.mark.parametrize(
    ("job", "stopped"), [("stop", True), ("restart", True), ("start", False), ("", False)]
)
def test_a_stop_job_is_seen_behind_signals_that_come_first(
    tmp_path: Path, job: str, *, stopped: bool
) -> None:
    address = str(tmp_path / "private")
    answers = b"OK " + b"0" * 32 + b"\r\n" + message(4, b"signal") + message(2, listed(job))
    thread = answering(address, answers)
    assert end.stop_job("x.service", address) is stopped
    thread.join()


@pytest.mark.parametrize(
    "answers",
    [b"", b"REJECTED EXTERNAL" + b" " * 20, b"OK " + b"0" * 32 + b"\r\n" + message(3, b"")],
)
def test_no_answer_is_an_error_that_end_can_survive(tmp_path: Path, answers: bytes) -> None:
    address = str(tmp_path / "private")
    thread = answering(address, answers)
    with pytest.raises(OSError, match="systemd"):
        end.stop_job("x.service", address)
    thread.join()
