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
