# SPDX-License-Identifier: Apache-2.0
"""run: the environment, where a program is looked for, and why it cannot be executed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from debvisor_timers.runtime import run

STATE = {
    "DEBVISOR_JOB": "backup",
    "DEBVISOR_RUN_ID": "20261123T020000Z-4f2a9c",
    "DEBVISOR_TRIGGER": "timer",
    "DEBVISOR_ATTEMPT": "1",
    "DEBVISOR_SCHEDULED_USEC": "1795399200000546",
    "DEBVISOR_SOURCE": "jobs.yaml:3",
}


def test_a_program_is_told_which_run_it_is() -> None:
    assert run.described(STATE) == {
        b"DEBVISOR_JOB": b"backup",
        b"DEBVISOR_RUN_ID": b"20261123T020000Z-4f2a9c",
        b"DEBVISOR_TRIGGER": b"timer",
        b"DEBVISOR_ATTEMPT": b"1",
        b"DEBVISOR_SCHEDULED_FOR": b"2026-11-23T02:00:00Z",
    }


def test_a_run_without_a_schedule_is_told_none() -> None:
    state = {name: value for name, value in STATE.items() if name != "DEBVISOR_SCHEDULED_USEC"}
    assert b"DEBVISOR_SCHEDULED_FOR" not in run.described(state)


def test_the_environment_is_inherited_byte_for_byte() -> None:
    folder = str(Path(run.__file__).parent)
    code = f"import sys; sys.path[:0] = [{folder!r}]; import run; print(run.inherited())"
    given = {b"ODD": b"\xff=\n", b"EMPTY": b"", b"PATH": b"/usr/bin"}
    done = subprocess.run(
        [sys.executable, "-IBc", code], env=given, capture_output=True, check=True
    )
    assert done.stdout.decode().strip() == str(given)


@pytest.mark.parametrize(
    ("program", "path", "files"),
    [
        (b"/bin/true", b"/a:/b", [b"/bin/true"]),
        (b"sub/true", b"/a:/b", [b"sub/true"]),
        (b"true", b"/a:/b", [b"/a/true", b"/b/true"]),
        (b"true", b"/a::/b", [b"/a/true", b"true", b"/b/true"]),
    ],
)
def test_programs_are_looked_for_as_execvp_does(
    program: bytes, path: bytes, files: list[bytes]
) -> None:
    assert run.candidates(program, path) == files


def test_a_file_without_permission_counts_only_where_no_later_one_is_found(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "tool").write_text("")
    path = f"{tmp_path}/a:{tmp_path}/none:/dev/null".encode()
    file, error = run.execute([b"tool"], {b"PATH": path})
    assert file == f"{tmp_path}/a/tool".encode()
    assert isinstance(error, PermissionError)


def test_a_program_that_is_nowhere_is_told_by_its_own_name() -> None:
    file, error = run.execute([b"no-such-tool"], {b"PATH": b"/none"})
    assert (file, isinstance(error, FileNotFoundError)) == (b"no-such-tool", True)


def test_an_error_without_words_of_ours_keeps_the_kernels() -> None:
    assert run.explain(b"/x", OSError(40, "Too many levels of symbolic links")) == (
        "Too many levels of symbolic links"
    )


def test_standard_error_that_is_no_journal_stream_is_left_alone() -> None:
    environment = {b"JOURNAL_STREAM": b"0:0"}
    before = run.stderr_stream()
    run.separate_stderr(environment, "x.service", "x")
    assert run.stderr_stream() == before
    assert environment == {b"JOURNAL_STREAM": b"0:0"}


def test_a_directory_without_a_dash_is_systemds_own_affair() -> None:
    assert run.enter("/nonexistent") == ""
    assert run.enter("") == ""
    assert run.enter("-/nonexistent").startswith("cannot change to /nonexistent: No such file")


def test_the_locks_of_a_run_are_no_business_of_its_program(tmp_path: Path) -> None:
    code = (
        f"import os, sys; sys.path[:0] = [{str(Path(run.__file__).parent)!r}]; import run\n"
        "for number in (3, 4, 5): os.dup2(os.open('/dev/null', os.O_RDONLY), number)\n"
        "env = {b'LISTEN_FDS': b'2', b'LISTEN_PID': b'1', b'LISTEN_FDNAMES': b'lock:lock',"
        " b'NOTIFY_SOCKET': b'/x', b'FDSTORE': b'2', b'A': b'1'}\n"
        "run.drop_locks(env)\n"
        "print(env, [os.path.exists(f'/proc/self/fd/{number}') for number in (3, 4, 5)])"
    )
    done = subprocess.run([sys.executable, "-IBc", code], capture_output=True, check=True)
    assert done.stdout.decode().strip() == "{b'A': b'1'} [False, False, True]"


# --- watched -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("state", "seconds"),
    [
        ({}, None),
        ({"LIMIT": "90s"}, 90),
        ({"LIMIT": "0.5s"}, 0.5),
        ({"TOTAL_UNTIL": "+30", "LIMIT": "90s"}, 30),
        ({"TOTAL_UNTIL": "+100", "LIMIT": "90s"}, 90),
        ({"TOTAL_UNTIL": "-5"}, -5),
    ],
)
def test_an_attempt_is_limited_by_whatever_is_over_first(
    state: dict[str, str], seconds: float | None
) -> None:
    if until := state.get("TOTAL_UNTIL"):
        state = state | {"TOTAL_UNTIL": f"{time.monotonic() + float(until):.3f}"}
    assert run.limit(state) == (None if seconds is None else pytest.approx(seconds, abs=0.5))


WATCH = """
import os, sys
sys.path[:0] = [{folder!r}]
import run
sys.exit(run.watch({command!r}, {environment!r}, {seconds!r}, "(job x)"))
"""


def watching(script: str, seconds: float = 20.0) -> subprocess.Popen[bytes]:
    """Watch `sh -c SCRIPT`; return the watcher."""
    code = WATCH.format(
        folder=str(Path(run.__file__).parent),
        command=[b"/bin/sh", b"-c", script.encode()],
        environment={b"PATH": b"/usr/bin:/bin", b"SYSTEMD_EXEC_PID": b"1"},
        seconds=seconds,
    )
    return subprocess.Popen(
        [sys.executable, "-IBc", code], stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )


def ended(watcher: subprocess.Popen[bytes]) -> tuple[int, str]:
    """Return how the watcher ended, and what was said."""
    output, _ = watcher.communicate(timeout=30)
    return watcher.returncode, output.decode()


def watched(script: str, seconds: float = 20.0) -> tuple[int, str]:
    return ended(watching(script, seconds))


@pytest.mark.parametrize(
    ("script", "status"),
    [
        ("exit 0", 0),
        ("exit 3", 3),
        ("exit 255", 255),
        ("kill -TERM $$", -signal.SIGTERM),
        ("kill -KILL $$", -signal.SIGKILL),
        ("kill -SEGV $$", -signal.SIGSEGV),
        ("kill -USR1 $$", -signal.SIGUSR1),
        ("kill -INT $$", -signal.SIGINT),
    ],
)
def test_the_watcher_ends_as_the_program_does(script: str, status: int) -> None:
    assert watched(f"echo out; {script}") == (status, "out\n")


def test_a_program_whose_time_is_over_before_it_begins_is_not_started() -> None:
    said = "debvisor-timers: no time is left for another attempt (job x)\n"
    assert watched("echo out", seconds=-0.1) == (run.TIMED_OUT, said)


def test_a_program_that_takes_too_long_is_told_and_left_to_systemd() -> None:
    began = time.monotonic()
    status, said = watched("exec >/dev/null 2>&1; exec sleep 3", 0.3)
    assert (status, said) == (251, "debvisor-timers: time-out after 0 s (job x)\n")
    assert time.monotonic() - began < 3


def test_a_program_that_is_stopped_for_a_while_is_not_taken_for_one_that_has_ended() -> None:
    status, said = watched("(sleep 0.2; kill -CONT $$) & kill -STOP $$; exit 7")
    assert (status, said) == (7, "")


@pytest.mark.parametrize("name", ["TERM", "INT", "HUP", "QUIT", "USR1", "USR2", "ALRM"])
def test_a_signal_to_all_is_for_the_program_to_answer(name: str) -> None:
    watcher = watching(f"trap 'exit 4' {name}; echo ready; while :; do sleep 0.05; done")
    assert watcher.stdout is not None
    assert watcher.stdout.readline() == b"ready\n"
    number = getattr(signal, f"SIG{name}")
    children = Path(f"/proc/{watcher.pid}/task/{watcher.pid}/children").read_text("ascii")
    for process in (watcher.pid, int(children.split()[0])):
        os.kill(process, number)
    assert ended(watcher)[0] == 4


def test_the_program_gets_signals_as_systemd_set_them_and_its_own_process_id() -> None:
    status, said = watched("grep -E 'Sig(Blk|Ign)' /proc/self/status; echo $SYSTEMD_EXEC_PID $$")
    *signals, processes = said.splitlines()
    masks = {line.split(":")[0]: int(line.split()[1], 16) for line in signals}
    assert masks["SigBlk"] == 0
    assert not masks["SigIgn"] & 1 << (signal.SIGTERM - 1)
    assert processes.split()[0] == processes.split()[1]
    assert status == 0


def test_a_program_that_cannot_be_executed_is_a_203_under_watch_too() -> None:
    folder = str(Path(run.__file__).parent)
    code = WATCH.format(folder=folder, command=[b"/none"], environment={}, seconds=20.0)
    done = subprocess.run([sys.executable, "-IBc", code], capture_output=True, check=False)
    assert done.returncode == 203
    assert b"cannot execute /none (job x): there is no such program" in done.stderr


@pytest.mark.skipif(os.geteuid() != 0, reason="a signal counts as systemd's where root sent it")
def test_a_program_that_systemd_ends_may_clean_up_after_its_time_is_over() -> None:
    watcher = watching("trap 'sleep 1; exit 4' TERM; echo ready; while :; do sleep 0.05; done", 0.8)
    assert watcher.stdout is not None
    assert watcher.stdout.readline() == b"ready\n"
    children = Path(f"/proc/{watcher.pid}/task/{watcher.pid}/children").read_text("ascii")
    for process in (watcher.pid, int(children.split()[0])):
        os.kill(process, signal.SIGTERM)
    assert ended(watcher)[0] == 4
