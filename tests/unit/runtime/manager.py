# SPDX-License-Identifier: Apache-2.0
"""A systemd that answers calls over its own socket as it is told to."""

from __future__ import annotations

import socket
import threading


def text(value: str) -> bytes:
    data = value.encode()
    return len(data).to_bytes(4, "little") + data + b"\0"


def message(kind: int, body: bytes) -> bytes:
    head = bytes([ord("l"), kind, 0, 1]) + len(body).to_bytes(4, "little") + bytes(4)
    return head + (5).to_bytes(4, "little") + b"field\0\0\0" + body


def listed(
    *units: str,
    job: int = 0,
    job_type: str = "start",
    state: str = "activating",
    sub: str = "start-pre",
) -> bytes:
    """Return a reply to ListUnitsByNames: units in this state, each with a job or none (0)."""
    body = bytes(8)
    for unit in units or ("x.service",):
        body += bytes(-len(body) % 8)
        for value in (unit, "x", "loaded", state, sub, "", f"/unit/{unit}"):
            body += bytes(-len(body) % 4) + text(value)
        body += bytes(-len(body) % 4) + job.to_bytes(4, "little")
        for value in (job_type if job else "", f"/job/{job}" if job else "/"):
            body += bytes(-len(body) % 4) + text(value)
    return (len(body) - 8).to_bytes(4, "little") + body[4:]


def told(details: dict[str, str]) -> bytes:
    """Return a variant that holds a(ss)."""
    pairs = b""
    for pair in details.items():
        pairs += bytes(-len(pairs) % 8)
        for value in pair:
            pairs += bytes(-len(pairs) % 4) + text(value)
    return b"\x05a(ss)\0\0" + len(pairs).to_bytes(4, "little") + bytes(4) + pairs


def number(value: int) -> bytes:
    """Return a variant that holds a number of 4 bytes."""
    return b"\x01u\0\0" + value.to_bytes(4, "little")


def wide_number(value: int) -> bytes:
    """Return a variant that holds a number of 8 bytes."""
    return b"\x01t\0\0\0\0\0\0" + value.to_bytes(8, "little")


def answers(*bodies: bytes) -> bytes:
    """Return what systemd says to a caller: come in, then these replies."""
    return b"OK " + b"0" * 32 + b"\r\n" + b"".join(message(2, body) for body in bodies)


def answering(address: str, answers: bytes) -> threading.Thread:
    """Be a systemd that gives these answers to one caller."""
    server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    server.bind(address)
    server.listen()

    def serve() -> None:
        caller, _ = server.accept()
        with server, caller:
            caller.recv(100)
            caller.sendall(answers)
            caller.shutdown(socket.SHUT_WR)
            while caller.recv(1000):
                pass

    thread = threading.Thread(target=serve)
    thread.start()
    return thread
