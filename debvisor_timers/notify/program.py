# SPDX-License-Identifier: Apache-2.0
"""A channel that is a program of the administrator's, which reads one JSON document."""

from __future__ import annotations

import os
import signal
import subprocess
from contextlib import suppress

from debvisor_timers.jobs.channels import Channel
from debvisor_timers.notify.message import Message
from debvisor_timers.notify.sending import NotSentError, Way


def tell(channel: Channel, message: Message, way: Way) -> None:
    """Run the program with the document on its standard input; raise NotSentError.

    What it prints goes where our own output goes. When its time is over, all that it started in
    its process group is killed.
    """
    command = channel.exec_ or ()
    text = message.as_json.encode("ascii") + b"\n"
    try:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)
    except OSError as error:
        raise NotSentError(f"cannot execute {command[0]}: {error.strerror}") from error
    try:
        process.communicate(text, way.timeout.total_seconds())
    except subprocess.TimeoutExpired as error:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        limit = way.timeout.total_seconds()
        raise NotSentError(
            f"{command[0]} did not end within {limit:.0f} s, and was killed"
        ) from error
    if process.returncode:
        raise NotSentError(_how(command[0], process.returncode))


def _how(program: str, status: int) -> str:
    if status < 0:
        return f"{program} was killed by {signal.Signals(-status).name}"
    return f"{program} ended with exit status {status}"
