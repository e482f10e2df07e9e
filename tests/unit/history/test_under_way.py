# SPDX-License-Identifier: Apache-2.0
"""The file of a run that is under way: what it waits for, and when it goes on."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from debvisor_timers.history.fields import format_fields, parse_fields
from debvisor_timers.history.outcome import RunName, RunOutcome, RunStatus, Trigger
from debvisor_timers.history.under_way import UnderWay, read_under_way

RUNNING = """\
DEBVISOR_JOB=backup
DEBVISOR_RUN_ID=20261123T020000Z-4f2a9c
DEBVISOR_INVOCATION_ID=5c40a60f20374471935030d7d39ed978
DEBVISOR_ATTEMPT=1
DEBVISOR_MAX_ATTEMPTS=4
DEBVISOR_START_USEC=1795399200250000
DEBVISOR_TRIGGER=timer
DEBVISOR_SCHEDULED_USEC=1795399200000000
"""


def read(folder: Path, text: str) -> UnderWay | None:
    (folder / "backup").write_text(text, encoding="utf-8")
    return read_under_way(folder, "backup")


def test_a_run_whose_program_runs(tmp_path: Path) -> None:
    found = read(tmp_path, RUNNING)
    assert found is not None
    assert (found.id, found.attempt, found.max_attempts) == ("20261123T020000Z-4f2a9c", 1, 4)
    assert found.start == datetime(2026, 11, 23, 2, 0, 0, 250000, tzinfo=UTC)
    assert (found.trigger, found.ending.outcome) == (Trigger.TIMER, RunOutcome.RUNNING)
    assert found.retry_at is None


def test_a_run_that_waits_says_for_what(tmp_path: Path) -> None:
    found = read(tmp_path, RUNNING + "DEBVISOR_WAITING=for pool backup (5 of 5 taken)\n")
    assert found is not None
    assert found.ending.words == "waiting (for pool backup (5 of 5 taken))"
    assert found.ending.outcome.status is RunStatus.PENDING


def test_a_run_between_two_attempts_says_when_it_goes_on(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        RUNNING + "DEBVISOR_WAITING=for attempt 2 of 4\nDEBVISOR_RETRY_USEC=1795399260000000\n",
    )
    assert found is not None
    assert found.retry_at == datetime(2026, 11, 23, 2, 1, tzinfo=UTC)
    assert found.waiting == "for attempt 2 of 4"


def test_a_run_of_a_chain_names_the_runs_that_it_answers(tmp_path: Path) -> None:
    found = read(tmp_path, RUNNING + "DEBVISOR_TRIGGER_RUNS=a:1 b:2\nDEBVISOR_RETRY_OF=3\n")
    assert found is not None
    assert found.trigger_runs == (RunName(job="a", id="1"), RunName(job="b", id="2"))
    assert (found.retry_of, found.trigger) == ("3", Trigger.RETRY)


@pytest.mark.parametrize("text", ["", "\n", "DEBVISOR_RUN_ID=x\n", RUNNING[:60]])
def test_a_broken_file_is_no_run(tmp_path: Path, text: str) -> None:
    assert read(tmp_path, text) is None


def test_no_file_is_no_run(tmp_path: Path) -> None:
    assert read_under_way(tmp_path / "none", "backup") is None


def test_fields_come_back_as_they_were_written() -> None:
    fields = {"A": "x=y", "B": "a\x0bb\u2028c", "C": "two\nlines", "D": ""}
    text = format_fields(fields).decode()
    assert parse_fields(text) == {"A": "x=y", "B": "a\x0bb\u2028c", "C": "two lines"}
