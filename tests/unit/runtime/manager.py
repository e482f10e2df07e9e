# SPDX-License-Identifier: Apache-2.0
"""A systemd that answers calls over its own socket as it is told to."""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Self


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


class Systemd:
    """A systemd with a few units, which answers several callers after each other.

    units: by name, the active state, sub state, type and number of the queued job; what is not
    there is inactive. properties: numbers by path of the object and name. details: what triggered
    each job. on_start: what happens when it is asked to start a unit.
    """

    def __init__(self, address: str) -> None:
        self.address = address
        self.units: dict[str, tuple[str, str, str, int]] = {}
        self.properties: dict[tuple[str, str], int] = {}
        self.details: dict[str, str] = {}
        self.calls: list[tuple[str, ...]] = []
        self.on_start: Callable[[str], None] = lambda name: None
        self._server = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._server.bind(address)
        self._server.listen(16)
        self._thread = threading.Thread(target=self._serve)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown(socket.SHUT_RDWR)
        self._server.close()
        self._thread.join()

    @property
    def started(self) -> list[str]:
        """Return the units that it was asked to start."""
        return [call[1] for call in self.calls if call[0] == "StartUnit"]

    def _serve(self) -> None:
        while True:
            try:
                caller, _ = self._server.accept()
            except OSError:
                return
            with caller:
                caller.recv(100)
                caller.sendall(b"OK " + b"0" * 32 + b"\r\n")
                while data := caller.recv(64 * 1024):
                    caller.sendall(message(2, self._answer(data)))

    def _answer(self, data: bytes) -> bytes:
        body_size, fields_size = (int.from_bytes(data[at : at + 4], "little") for at in (4, 12))
        fields = data[16 : 16 + fields_size]
        body = data[len(data) - body_size :] if body_size else b""
        path, member = (field(fields, code) for code in (1, 3))
        words = texts(body[4:] if member == "ListUnitsByNames" else body)
        self.calls.append((member, *words))
        if member == "ListUnitsByNames":
            return self._listed(words)
        if member == "Get" and words[1] == "ActivationDetails":
            return told(self.details)
        if member == "Get":
            return wide_number(self.properties.get((path, words[1]), 0))
        if member == "StartUnit":
            self.on_start(words[0])
        return b""

    def _listed(self, names: list[str]) -> bytes:
        body = b""
        for name in names:
            active, sub, job_type, job = self.units.get(name, ("inactive", "dead", "", 0))
            one = listed(name, job=job, job_type=job_type, state=active, sub=sub)[8:]
            body += bytes(-len(body) % 8) + one
        return len(body).to_bytes(4, "little") + bytes(4) + body


def field(fields: bytes, code: int) -> str:
    """Return a header field of a call, a string or path."""
    at = 0
    while at < len(fields):
        at += -at % 8
        found, kind = fields[at], fields[at + 2 : at + 3]
        if kind == b"g":
            at += 4 + 1 + fields[at + 4] + 1
            continue
        size = int.from_bytes(fields[at + 4 : at + 8], "little")
        if found == code:
            return fields[at + 8 : at + 8 + size].decode()
        at += 8 + size + 1
    return ""


def texts(body: bytes) -> list[str]:
    """Return the strings of a body that holds nothing else."""
    found, at = [], 0
    while at < len(body):
        at += -at % 4
        size = int.from_bytes(body[at : at + 4], "little")
        found.append(body[at + 4 : at + 4 + size].decode())
        at += 4 + size + 1
    return found


class Store:
    """What systemd does with the messages of one unit: it keeps descriptors, and obeys at first.

    takes: whether it keeps any. said: the messages that it heeded.
    """

    def __init__(self, address: str, *, takes: bool = True) -> None:
        self.address, self.takes = address, takes
        self.held: list[int] = []
        self.said: list[bytes] = []
        self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self._socket.bind(address)
        self._thread = threading.Thread(target=self._serve, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
            end.sendto(b"END", self.address)
        self._thread.join()
        self._socket.close()
        Path(self.address).unlink()
        self.release()

    def release(self) -> None:
        """Close what is held, as systemd does when the unit has ended."""
        while self.held:
            os.close(self.held.pop())

    def _serve(self) -> None:
        is_open = True
        while True:
            text, descriptors, _, _ = socket.recv_fds(self._socket, 4096, 253)
            if text == b"END":
                return
            if text.startswith(b"BARRIER=1"):
                pass
            elif is_open:
                self.said.append(text)
                is_open = text != b"NOTIFYACCESS=none"
                if text.startswith(b"FDSTORE=1") and self.takes:
                    self.held += descriptors
                    continue
                if text.startswith(b"FDSTOREREMOVE=1"):
                    self.release()
            for number in descriptors:
                os.close(number)
