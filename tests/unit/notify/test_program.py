# SPDX-License-Identifier: Apache-2.0
"""Telling a channel: the document arrives whole, and a program that misbehaves is told of."""

from __future__ import annotations

import json
import time
from datetime import timedelta
from pathlib import Path

from debvisor_timers.jobs.channels import Channel
from debvisor_timers.notify import program
from debvisor_timers.notify.message import Document, Message
from debvisor_timers.notify.sending import NotSentError, Way

DOCUMENT = {"run": "20261123T020000Z-4f2a9c", "log": ["naïve", "\udcff", "x" * 100_000]}


def tell(
    command: list[str], document: Document, *, limit: timedelta = timedelta(seconds=30)
) -> str:
    """Return what went wrong, empty for nothing."""
    channel = Channel.model_validate({"exec": command})
    try:
        program.tell(channel, Message(document), Way(limit, None))
    except NotSentError as error:
        return str(error)
    return ""


def test_the_program_reads_one_json_document(tmp_path: Path) -> None:
    file = tmp_path / "told"
    assert tell(["/bin/sh", "-c", 'cat >"$1"', "sh", str(file)], DOCUMENT) == ""
    assert json.loads(file.read_bytes()) == DOCUMENT


def test_a_program_that_does_not_read_is_no_failure() -> None:
    assert tell(["/bin/true"], DOCUMENT) == ""


def test_a_program_that_fails_is_told_with_its_exit_status() -> None:
    problem = tell(["/bin/sh", "-c", "cat >/dev/null; exit 3"], DOCUMENT)
    assert problem == "/bin/sh ended with exit status 3"


def test_a_program_that_is_killed_is_told() -> None:
    problem = tell(["/bin/sh", "-c", "kill -KILL $$"], DOCUMENT)
    assert problem == "/bin/sh was killed by SIGKILL"


def test_a_program_that_is_missing_is_told(tmp_path: Path) -> None:
    program = f"{tmp_path}/none"
    assert tell([program], DOCUMENT) == f"cannot execute {program}: No such file or directory"


def test_a_program_that_hangs_is_killed_with_its_children(tmp_path: Path) -> None:
    script = 'sleep 60 & echo $! >"$1"; wait'
    pid = tmp_path / "pid"
    began = time.monotonic()
    problem = tell(["/bin/sh", "-c", script, "sh", str(pid)], {}, limit=timedelta(seconds=0.5))
    assert problem == "/bin/sh did not end within 0 s, and was killed"
    assert time.monotonic() - began < 10
    stat = Path(f"/proc/{pid.read_text().strip()}/stat")
    while stat.exists() and ") Z " not in stat.read_text():
        assert time.monotonic() - began < 10
