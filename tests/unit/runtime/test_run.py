# SPDX-License-Identifier: Apache-2.0
"""run: the environment, where a program is looked for, and why it cannot be executed."""

from __future__ import annotations

import subprocess
import sys
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
