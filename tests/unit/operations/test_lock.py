# SPDX-License-Identifier: Apache-2.0
"""One change at a time."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from debvisor_timers.errors import LockedError, PermissionRefusedError
from debvisor_timers.operations.lock import exclusive

HOLDER = """
import sys, datetime, pathlib
from debvisor_timers.operations.lock import exclusive
with exclusive(pathlib.Path(sys.argv[1]), purpose="the holder", wait=datetime.timedelta()):
    print("held", flush=True)
    sys.stdin.read()
"""


def hold(folder: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def test_the_second_is_told_who_holds_the_lock(tmp_path: Path) -> None:
    with hold(tmp_path) as holder:
        with (
            pytest.raises(LockedError, match=rf"process {holder.pid} \(the holder\)"),
            exclusive(tmp_path, purpose="second", wait=timedelta()),
        ):
            pytest.fail("two held the lock at once")
        holder.communicate("")


def test_the_second_waits_for_the_first(tmp_path: Path) -> None:
    with hold(tmp_path) as holder:
        assert holder.stdin is not None
        holder.stdin.close()
        with exclusive(tmp_path, purpose="second", wait=timedelta(seconds=30)):
            held = True
    assert held


def test_a_killed_holder_holds_nothing(tmp_path: Path) -> None:
    with hold(tmp_path) as holder:
        os.kill(holder.pid, signal.SIGKILL)
        holder.wait(10)
        with exclusive(tmp_path, purpose="second", wait=timedelta()):
            held = True
    assert held


def test_a_folder_that_cannot_be_written_asks_for_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_arguments: object, **_options: object) -> int:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(os, "open", refuse)
    with (
        pytest.raises(PermissionRefusedError, match="only root"),
        exclusive(tmp_path, purpose="x", wait=timedelta()),
    ):
        pytest.fail("held a lock that could not be opened")
