# SPDX-License-Identifier: Apache-2.0
"""Clients that are slow on purpose; run by itself in a box, with the standard library alone.

`slow_http.py TOKEN JOB` prints as JSON how long a good client waits for its answers while each kind
of slow client is there, and whether the server hangs up on those that never come to an end.
"""

from __future__ import annotations

import json
import resource
import selectors
import socket
import sys
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

ADDRESS = ("127.0.0.1", 5000)
CROWD = 500
_FEW = 15
"""Those that read nothing cost the server the making of what they do not read."""
_QUESTIONS = 40
_SECONDS = 60.0
_HEAD = b"HTTP/1.1\r\nHost: localhost\r\n"


def opened(first: bytes, count: int = CROWD) -> list[socket.socket]:
    """Return connections that have said `first`, and nothing else."""
    made = []
    for _ in range(count):
        connection = socket.socket()
        connection.settimeout(_SECONDS)
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        connection.connect(ADDRESS)
        connection.sendall(first)
        made.append(connection)
    return made


def waits(token: str) -> Sequence[float]:
    """Return how many seconds each of some questions has taken a good client, in order."""
    asked = b"GET /api/v1/jobs?limit=5 " + _HEAD
    asked += b"Authorization: Bearer " + token.encode() + b"\r\nConnection: close\r\n\r\n"
    found = []
    for _ in range(_QUESTIONS):
        begun = time.monotonic()
        with socket.create_connection(ADDRESS, timeout=_SECONDS) as connection:
            connection.sendall(asked)
            said = b"".join(iter(lambda: connection.recv(65536), b""))
        assert said.startswith(b"HTTP/1.1 200"), said[:200]
        found.append(time.monotonic() - begun)
    return sorted(found)


def is_stream(connection: socket.socket) -> bool:
    """Return whether the server has answered with a stream of events."""
    said = connection.recv(4096).lower()
    return said.startswith(b"http/1.1 200") and b"text/event-stream" in said


def hung_up(connections: Iterable[socket.socket], drip: bytes, seconds: float) -> int:
    """Return on how many the server has hung up, while each gets another byte now and then."""
    left = selectors.DefaultSelector()
    several = list(connections)
    for each in several:
        each.setblocking(False)
        left.register(each, selectors.EVENT_READ)
    end = time.monotonic() + seconds
    while len(left.get_map()) and time.monotonic() < end:
        for key, _ in left.select(timeout=0.5):
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            try:
                is_over = not connection.recv(65536)
            except OSError:
                is_over = True
            if is_over:
                left.unregister(connection)
        for key in list(left.get_map().values()):
            with suppress(OSError):
                assert isinstance(key.fileobj, socket.socket)
                key.fileobj.send(drip)
    return len(several) - len(left.get_map())


def main(token: str, job: str) -> None:
    """Be slow in each way, and print how good clients fare."""
    resource.setrlimit(resource.RLIMIT_NOFILE, (8192, 8192))
    signed = b"Authorization: Bearer " + token.encode() + b"\r\n"
    kinds = {
        "says nothing": b"",
        "half a line": b"GET /api/v1/jo",
        "half the headers": b"GET /api/v1/jobs " + _HEAD + b"X-Slow: ",
        "half a body": b"POST /api/v1/jobs "
        + _HEAD
        + signed
        + b"Content-Type: application/json\r\nContent-Length: 1000\r\n\r\n{",
        "reads nothing": (b"GET /api/v1/openapi.json " + _HEAD + signed + b"\r\n") * 20,
        "streams": b"GET /api/v1/jobs/"
        + job.encode()
        + b"/logs "
        + _HEAD
        + signed
        + b"Accept: text/event-stream\r\n\r\n",
    }
    found: dict[str, object] = {"nobody": waits(token)}
    for name, first in kinds.items():
        several = opened(first, _FEW if name == "reads nothing" else CROWD)
        found[name] = waits(token)
        if name == "streams":
            found["streams, open"] = sum(map(is_stream, several))
        if name in {"half the headers", "says nothing"}:
            found[f"{name}, hung up"] = hung_up(several, b"a" if first else b"", 40)
        for each in several:
            each.close()
    sys.stdout.write(json.dumps(found))


if __name__ == "__main__":
    main(*sys.argv[1:])
