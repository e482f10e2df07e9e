# SPDX-License-Identifier: Apache-2.0
"""Telling a channel: a program of the administrator's that reads one JSON document."""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from datetime import timedelta

TIME_LIMIT = timedelta(seconds=30)


def tell(
    command: Sequence[str], document: Mapping[str, object], *, limit: timedelta = TIME_LIMIT
) -> str:
    """Run `command` with `document` on its standard input; return what went wrong, "" for nothing.

    What it prints goes where our own output goes. When its time is over, all that it started in
    its process group is killed.
    """
    text = json.dumps(document).encode("ascii") + b"\n"
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    except OSError as error:
        return f"cannot execute {command[0]}: {error.strerror}"
    try:
        process.communicate(text, limit.total_seconds())
    except subprocess.TimeoutExpired:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        return f"{command[0]} did not end within {limit.total_seconds():.0f} s, and was killed"
    return _how(command[0], process.returncode)


def _how(program: str, status: int) -> str:
    if status < 0:
        return f"{program} was killed by {signal.Signals(-status).name}"
    return f"{program} ended with exit status {status}" if status else ""
