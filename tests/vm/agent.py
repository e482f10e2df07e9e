# SPDX-License-Identifier: Apache-2.0
"""Commands for a virtual machine without a network: the QEMU guest agent, over a serial port.

Source: the protocol of qemu-ga(8), QEMU Guest Agent Protocol Reference.
"""

from __future__ import annotations

import base64
import json
import secrets
import socket
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.box import BoxError, BoxTimeoutError
from tests.box.process import Ended

_ANSWER_SECONDS = 60.0
_SYNC_SECONDS = 2.0
_POLL_SECONDS = 0.03


class AgentError(BoxError):
    """The agent refused, or is gone with its machine."""


class Agent:
    """The agent in one machine, from when its socket is there until the power goes."""

    def __init__(self, path: Path) -> None:
        """Connect to the socket of QEMU; the agent need not be there yet."""
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.connect(str(path))
        self._read = b""

    def close(self) -> None:
        """Hang up."""
        self._socket.close()

    def await_answer(self, deadline_seconds: float) -> None:
        """Return when the agent answers; it may be starting, or be another than before a reboot.

        Raises BoxTimeoutError at the deadline, AgentError when the machine is gone.
        """
        end = time.monotonic() + deadline_seconds
        while time.monotonic() < end:
            # Whatever an agent before this one had to say does not bear this number.
            number = secrets.randbelow(1 << 31)
            self._send("guest-sync", {"id": number})
            with suppress(TimeoutError):
                while self._receive(_SYNC_SECONDS).get("return") != number:
                    pass
                return
        raise BoxTimeoutError(f"no answer from the guest agent in {deadline_seconds:.0f} s")

    def run_to_end(
        self,
        argv: Sequence[str],
        content: str | bytes | None,
        environment: Mapping[str, str],
        timeout: float,
    ) -> Ended:
        """Run `argv` with `content` as its standard input, and wait at most `timeout` seconds.

        What it leaves in the background with its output open keeps us waiting.
        """
        pid = self._execute(argv, content, environment)
        end = time.monotonic() + timeout
        while True:
            state = self._ask("guest-exec-status", pid=pid)
            if state["exited"]:
                return _ended(state)
            if time.monotonic() > end:
                self._execute(["kill", "-KILL", str(pid)], None, {})
                return Ended(status=None, stdout="", stderr="")
            time.sleep(_POLL_SECONDS)

    def start(self, argv: Sequence[str]) -> None:
        """Run `argv` and do not wait for its end."""
        self._execute(argv, None, {})

    def _execute(
        self, argv: Sequence[str], content: str | bytes | None, environment: Mapping[str, str]
    ) -> int:
        # By env, so that a program that is missing is a status of 127, as in a box.
        request = {"path": "/usr/bin/env", "arg": ["--", *argv], "capture-output": True}
        if environment:
            request["env"] = [f"{name}={value}" for name, value in environment.items()]
        if content:
            data = content if isinstance(content, bytes) else content.encode(*_CODEC)
            request["input-data"] = base64.b64encode(data).decode()
        pid: int = self._ask("guest-exec", **request)["pid"]
        return pid

    def _ask(self, command: str, **arguments: object) -> Any:
        self._send(command, arguments)
        try:
            answer = self._receive(_ANSWER_SECONDS)
        except TimeoutError:
            raise BoxTimeoutError(f"the guest agent does not answer {command}") from None
        if "error" in answer:
            raise AgentError(f"the guest agent refused {command}: {answer['error']}")
        return answer["return"]

    def _send(self, command: str, arguments: Mapping[str, object]) -> None:
        request = json.dumps({"execute": command, "arguments": arguments}).encode()
        try:
            self._socket.sendall(request + b"\n")
        except OSError as error:
            raise AgentError(f"the machine is off: {error}") from error

    def _receive(self, seconds: float) -> dict[str, Any]:
        """Return the next answer; TimeoutError if none comes in so many seconds."""
        self._socket.settimeout(seconds)
        while b"\n" not in self._read:
            try:
                got = self._socket.recv(1 << 20)
            except ConnectionError as error:
                raise AgentError(f"the machine is off: {error}") from error
            if not got:
                raise AgentError("the machine is off")
            self._read += got
        line, _, self._read = self._read.partition(b"\n")
        answer: dict[str, Any] = json.loads(line)
        return answer


_CODEC = ("utf-8", "surrogateescape")


def _ended(state: Mapping[str, Any]) -> Ended:
    if state.get("out-truncated") or state.get("err-truncated"):
        raise AgentError("the command wrote more than the guest agent keeps (16 MB)")
    # As a shell tells of a signal: 128 and its number.
    status = state["exitcode"] if "exitcode" in state else 128 + state["signal"]
    return Ended(status=status, stdout=_text(state, "out-data"), stderr=_text(state, "err-data"))


def _text(state: Mapping[str, Any], name: str) -> str:
    return base64.b64decode(state.get(name, "")).decode(*_CODEC)
