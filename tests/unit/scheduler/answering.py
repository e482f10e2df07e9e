# SPDX-License-Identifier: Apache-2.0
"""A server on a Unix socket that answers what a test says, and notes what it was sent."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Self

HANG_UP = b""
"""An answer: none, the connection ends."""


def answer(status: str, body: bytes, *headers: str) -> bytes:
    """Return an answer in HTTP."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    return "\r\n".join(lines).encode() + body


def success(data: object) -> bytes:
    """Return an answer that holds `data`, in the envelope."""
    return answer("200 OK", json.dumps({"status": "success", "data": data}).encode())


def failure(status: str, **problem: object) -> bytes:
    """Return an answer that tells of a problem."""
    return answer(status, json.dumps({"status": "error", "data": None, "error": problem}).encode())


class Answering:
    """The server; each request gets the next of `answers`, and the last one again and again.

    requests: the bytes of each, in order. connections: how many there were.
    """

    def __init__(self, path: Path, *answers: bytes) -> None:
        self.url = f"http+unix://{path}"
        self.requests: list[bytes] = []
        self.connections = 0
        self._answers: Sequence[bytes] = answers
        self._open: list[socket.socket] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._socket.bind(str(path))
        self._socket.listen()
        self._thread = threading.Thread(target=self._accept, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
        for each in self._open:
            each.close()
        self._thread.join(5)

    def hang_up(self) -> None:
        """End every connection that is open."""
        for each in self._open:
            each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._socket.accept()
            except OSError:
                return
            self.connections += 1
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as stream:
            while request := _request(stream.readline, stream.read):
                self.requests.append(request)
                number = min(len(self.requests), len(self._answers)) - 1
                if self._answers[number] == HANG_UP:
                    connection.shutdown(socket.SHUT_RDWR)
                    return
                connection.sendall(self._answers[number])


def _request(readline: object, read: object) -> bytes:
    assert callable(readline)
    assert callable(read)
    head = b""
    try:
        while (line := readline()) not in {b"\r\n", b""}:
            head += line
    except OSError:
        return b""
    length = next(
        (
            int(x.split(b":")[1])
            for x in head.split(b"\r\n")
            if x.lower().startswith(b"content-length")
        ),
        0,
    )
    return bytes(head + read(length)) if head else b""
