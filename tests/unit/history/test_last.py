# SPDX-License-Identifier: Apache-2.0
"""The last-run file: read without the journal, and without trust in what is broken."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from debvisor_timers.history.fields import read_fields
from debvisor_timers.history.last import parse_last, read_last
from debvisor_timers.history.outcome import RunOutcome, RunStatus, Trigger

FAILED = """\
DEBVISOR_JOB=backup
DEBVISOR_RUN_ID=20261123T020000Z-4f2a9c
DEBVISOR_INVOCATION_ID=5c40a60f20374471935030d7d39ed978
DEBVISOR_START_USEC=1795399200250000
DEBVISOR_RESULT=exit-code
DEBVISOR_EXIT_CODE=exited
DEBVISOR_EXIT_STATUS=3
DEBVISOR_END_USEC=1795399202750000
"""


def test_a_failed_run_is_told_with_its_exit_status_and_times(tmp_path: Path) -> None:
    (tmp_path / "backup").write_text(FAILED, encoding="utf-8")
    last = read_last(tmp_path, "backup")
    assert last is not None
    assert last.id == "20261123T020000Z-4f2a9c"
    assert last.start == datetime(2026, 11, 23, 2, 0, 0, 250000, tzinfo=UTC)
    assert last.duration == timedelta(seconds=2, milliseconds=500)
    assert last.status is RunStatus.FAILED
    assert last.exit_status == 3
    assert last.outcome_words == "failed (exit status 3)"
    assert last.invocation_id == "5c40a60f20374471935030d7d39ed978"


@pytest.mark.parametrize(
    ("lines", "outcome", "words"),
    [
        (
            "RESULT=success\nDEBVISOR_EXIT_CODE=exited\nDEBVISOR_EXIT_STATUS=0",
            "succeeded",
            "succeeded",
        ),
        (
            "RESULT=timeout\nDEBVISOR_EXIT_CODE=killed\nDEBVISOR_EXIT_STATUS=TERM",
            "timed_out",
            "timed out",
        ),
        (
            "RESULT=signal\nDEBVISOR_EXIT_CODE=killed\nDEBVISOR_EXIT_STATUS=KILL",
            "failed",
            "failed (killed by SIGKILL)",
        ),
        (
            "RESULT=core-dump\nDEBVISOR_EXIT_CODE=dumped\nDEBVISOR_EXIT_STATUS=SEGV",
            "failed",
            "failed (killed by SIGSEGV)",
        ),
        (
            "RESULT=signal\nDEBVISOR_EXIT_CODE=killed\nDEBVISOR_EXIT_STATUS=TERM\nDEBVISOR_STOPPED=1",
            "stopped",
            "stopped",
        ),
        ("RESULT=oom-kill", "failed", "failed (out of memory)"),
        ("RESULT=exit-code", "failed", "failed (exit-code)"),
        (
            "RESULT=exit-code\nDEBVISOR_REASON=begin: exit status 217: its user",
            "failed",
            "failed (begin: exit status 217: its user)",
        ),
    ],
)
def test_each_result_has_its_words(lines: str, outcome: str, words: str) -> None:
    last = parse_last(f"DEBVISOR_RUN_ID=x\nDEBVISOR_END_USEC=1\nDEBVISOR_{lines}\n")
    assert last is not None
    assert (last.outcome, last.outcome_words) == (RunOutcome(outcome), words)


def test_a_run_that_begin_never_saw_has_no_duration() -> None:
    last = parse_last(FAILED.replace("DEBVISOR_START_USEC=", "X="))
    assert last is not None
    assert last.duration is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n",
        "{}",
        "DEBVISOR_RUN_ID=x\n",
        FAILED[:150],
        FAILED.replace("1795399202750000", "soon"),
    ],
)
def test_a_broken_file_is_no_last_run(text: str) -> None:
    assert parse_last(text) is None


def test_a_missing_file_and_a_folder_are_no_last_run(tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    assert read_last(tmp_path, "backup") is None
    assert read_last(tmp_path, "folder") is None


def test_bytes_that_are_not_utf8_do_no_harm(tmp_path: Path) -> None:
    (tmp_path / "backup").write_bytes(b"DEBVISOR_BY=\xff\n" + FAILED.encode())
    assert read_last(tmp_path, "backup") is not None


def test_the_newest_success_and_the_attempts_are_told() -> None:
    last = parse_last(
        FAILED
        + "DEBVISOR_ATTEMPT=3\nDEBVISOR_MAX_ATTEMPTS=4\nDEBVISOR_TRIGGER=chain\n"
        + "DEBVISOR_SUCCESS_USEC=1795312802750000\nDEBVISOR_SUCCESS_RUN=20261122T020000Z-0a1b2c\n"
    )
    assert last is not None
    assert (last.attempts, last.max_attempts, last.trigger) == (3, 4, Trigger.CHAIN)
    assert last.success_end == datetime(2026, 11, 22, 2, 0, 2, 750000, tzinfo=UTC)
    assert last.success_id == "20261122T020000Z-0a1b2c"


def test_a_file_of_an_older_version_tells_of_no_success() -> None:
    last = parse_last(FAILED)
    assert last is not None
    assert (last.attempts, last.success_end, last.success_id) == (None, None, "")


def test_a_carriage_return_in_a_value_ends_no_line(tmp_path: Path) -> None:
    (tmp_path / "backup").write_bytes(b"DEBVISOR_TRIGGER_PATH=/srv/a\rDEBVISOR_RESULT=success\n")
    assert read_fields(tmp_path / "backup") == {
        "DEBVISOR_TRIGGER_PATH": "/srv/a\rDEBVISOR_RESULT=success"
    }
