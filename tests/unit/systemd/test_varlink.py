# SPDX-License-Identifier: Apache-2.0
"""A Varlink call against a service that answers in every way."""

from __future__ import annotations

import socket
import threading
from collections.abc import Sequence
from pathlib import Path

import pytest

from debvisor_timers.errors import SystemdError
from debvisor_timers.systemd.varlink import call

METHOD = "io.example.Do"
REQUEST = b'{"method": "io.example.Do", "parameters": {}}\0'


class Service:
    """A service that answers one call with these parts, and hangs up."""

    def __init__(self, folder: Path, *parts: bytes) -> None:
        self.path = folder / "socket"
        self.asked = b""
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(self.path))
        self._server.listen()
        self._thread = threading.Thread(target=self._serve, args=(parts,))
        self._thread.start()

    def _serve(self, parts: Sequence[bytes]) -> None:
        connection, _ = self._server.accept()
        with self._server, connection:
            self.asked = connection.recv(1000)
            for part in parts:
                connection.sendall(part)

    def end(self) -> None:
        self._thread.join()


def test_a_call_returns_when_it_was_answered(tmp_path: Path) -> None:
    service = Service(tmp_path, b'{"para', b'meters":{}}\0')

    call(service.path, METHOD)

    service.end()
    assert service.asked == REQUEST


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (b'{"error":"io.example.No","parameters":{}}\0', "io.example.Do failed: io.example.No"),
        (b"", "gave no answer to io.example.Do"),
        (b"nonsense\0", "does not answer io.example.Do"),
    ],
)
def test_no_and_nothing_are_errors(tmp_path: Path, answer: bytes, words: str) -> None:
    service = Service(tmp_path, answer)

    with pytest.raises(SystemdError, match=words):
        call(service.path, METHOD)

    service.end()


def test_a_service_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(SystemdError, match=r"does not answer io\.example\.Do"):
        call(tmp_path / "none", METHOD)
