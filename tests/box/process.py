# SPDX-License-Identifier: Apache-2.0
"""Processes of the host that stand for a command in a box: their ends, their input and output."""

from __future__ import annotations

import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO


@dataclass(frozen=True, slots=True, kw_only=True)
class Ended:
    """How a process ended; status None: it did not end in time and was killed."""

    status: int | None
    stdout: str
    stderr: str


def run_to_end(
    argv: Sequence[str],
    content: str | bytes | None,
    environment: Mapping[str, str],
    timeout: float,
) -> Ended:
    """Run `argv` with `content` as its standard input, and wait at most `timeout` seconds."""
    # Files, not pipes: a program left in the background does not keep us waiting.
    with TemporaryFile() as stdin, TemporaryFile() as stdout, TemporaryFile() as stderr:
        stdin.write(_bytes(content or b""))
        stdin.seek(0)
        process = subprocess.Popen(argv, stdin=stdin, stdout=stdout, stderr=stderr, env=environment)
        status = _status(process, timeout)
        return Ended(status=status, stdout=_text(stdout), stderr=_text(stderr))


def forget(process: subprocess.Popen[str]) -> None:
    """Reap a process that the box has taken with it, and close its pipes."""
    process.kill()
    with process:
        pass


def _bytes(content: str | bytes) -> bytes:
    return content.encode("utf-8", "surrogateescape") if isinstance(content, str) else content


def _text(file: IO[bytes]) -> str:
    file.seek(0)
    return file.read().decode("utf-8", "surrogateescape")


def _status(process: subprocess.Popen[bytes], timeout: float) -> int | None:
    try:
        return process.wait(timeout)
    except BaseException as error:
        _end(process)
        if isinstance(error, subprocess.TimeoutExpired):
            return None
        raise


def _end(process: subprocess.Popen[bytes]) -> None:
    """Kill what `process` has started, then itself.

    nsenter must outlive its child: an orphan would be the host's PID 1's to reap, and until then
    the kernel does not let the box's PID 1 go (seen: 2 s).
    """
    for child in _children(process.pid):
        _kill_tree(child)
    try:
        process.wait(1)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _kill_tree(pid: int) -> None:
    for child in _children(pid):
        _kill_tree(child)
    with suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)


def _children(pid: int) -> list[int]:
    with suppress(FileNotFoundError, ProcessLookupError):
        return [
            int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
        ]
    return []
