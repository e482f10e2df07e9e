# SPDX-License-Identifier: Apache-2.0
"""One connection: messages come in, each is answered, until the other end has had enough."""

from __future__ import annotations

import json
import socket
import sys
import time
from collections.abc import Iterator

from debvisor_timers.agent.service import Answerer

MOST_BYTES = 8 * 1024 * 1024
"""Of one message: a job file has some kilobytes."""

PATIENCE_SECONDS = 30.0
"""How long somebody may take for the rest of a message, and to read an answer."""

IDLE_SECONDS = 60.0
"""How long somebody may say nothing between two calls."""

_PART = 65_536


def converse(connection: socket.socket, answerer: Answerer) -> None:
    """Answer all messages of a connection; what is no message ends it."""
    with connection:
        try:
            for message in messages(connection):
                for answer in answerer.answers(message):
                    connection.settimeout(PATIENCE_SECONDS)
                    connection.sendall(answer + b"\0")
        except (ValueError, RecursionError) as error:
            sys.stderr.write(f"<4>a connection is closed: {_words(error)}\n")
        except OSError as error:
            sys.stderr.write(f"<6>a connection has ended: {error}\n")


def messages(connection: socket.socket) -> Iterator[bytes]:
    """Yield the messages that come, without the zero at their ends.

    Raises ValueError for one that is too long or that nobody ends; TimeoutError is an OSError.
    """
    rest = bytearray()
    until = 0.0
    while True:
        left = until - time.monotonic() if rest else IDLE_SECONDS
        connection.settimeout(max(left, 0.001))
        try:
            part = connection.recv(_PART)
        except TimeoutError:
            if rest:
                raise ValueError("half a message came, and not the rest") from None
            return
        if not part:
            if rest:
                raise ValueError("it ended in the middle of a message")
            return
        begin = len(rest)
        if not rest:
            until = time.monotonic() + PATIENCE_SECONDS
        rest += part
        while (end := rest.find(b"\0", begin)) >= 0:
            message = bytes(rest[:end])
            del rest[: end + 1]
            begin = 0
            yield message
            until = time.monotonic() + PATIENCE_SECONDS
        if len(rest) > MOST_BYTES:
            raise ValueError(f"a message is longer than {MOST_BYTES} bytes")


def _words(error: BaseException) -> str:
    if isinstance(error, json.JSONDecodeError | UnicodeDecodeError | RecursionError):
        return "what came is not JSON that can be read"
    return str(error)
