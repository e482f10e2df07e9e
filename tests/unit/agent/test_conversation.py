# SPDX-License-Identifier: Apache-2.0
"""One connection with whatever comes through it."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from debvisor_timers.agent import conversation
from debvisor_timers.agent.callers import Peer
from debvisor_timers.agent.service import Answerer
from debvisor_timers.scheduler import Scheduler
from tests.unit.operations.world import World

INFO = b'{"method":"org.varlink.service.GetInfo"}\0'


class Line:
    """A connection to an agent that serves it in a thread."""

    def __init__(self, world: World) -> None:
        self.ours, theirs = socket.socketpair()
        self.ours.settimeout(10)
        answerer = Answerer(
            Peer(pid=1, uid=0, groups=frozenset()), lambda caller: Scheduler(world.host, caller)
        )
        self._thread = threading.Thread(target=conversation.converse, args=(theirs, answerer))
        self._thread.start()

    def hear(self, count: int) -> list[object]:
        """Return the next answers."""
        data = b""
        while data.count(b"\0") < count:
            part = self.ours.recv(65536)
            assert part, data
            data += part
        return [json.loads(each) for each in data.split(b"\0")[:-1]]

    def is_closed(self) -> bool:
        """Return whether the agent has hung up."""
        try:
            return self.ours.recv(1) == b""
        except ConnectionResetError:
            return True

    def end(self) -> None:
        self.ours.close()
        self._thread.join(10)
        assert not self._thread.is_alive()


@pytest.fixture
def line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    monkeypatch.setattr(conversation, "MOST_BYTES", 100_000)
    monkeypatch.setattr(conversation, "PATIENCE_SECONDS", 0.3)
    line = Line(World(tmp_path))
    yield line
    line.end()


def test_messages_in_pieces_and_in_one_piece_are_answered_in_their_order(line: Line) -> None:
    line.ours.sendall(INFO[:10])
    line.ours.sendall(INFO[10:] + INFO + b'{"method":"a.B"}\0')

    first, second, third = line.hear(3)

    assert first == second
    assert third == {
        "error": "org.varlink.service.InterfaceNotFound",
        "parameters": {"interface": "a"},
    }


@pytest.mark.parametrize(
    "sent",
    [
        b"\0",
        b"nonsense\0",
        b"[]\0",
        b"\xff\xfe\0",
        b'{"method": 5}\0',
        b"[" * 50_000 + b"\0",
        b"x" * 200_000,
        INFO[:-5],
    ],
    ids=["empty", "words", "list", "no text", "number", "deep", "long", "half"],
)
def test_what_is_no_message_ends_the_connection_and_nothing_else(
    line: Line, sent: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    line.ours.sendall(sent)

    assert line.is_closed()
    line.end()
    assert "Traceback" not in capfd.readouterr().err


def test_who_hangs_up_is_no_trouble(line: Line, capfd: pytest.CaptureFixture[str]) -> None:
    line.ours.sendall(INFO)
    line.end()

    assert "Traceback" not in capfd.readouterr().err


def test_who_sends_a_message_byte_by_byte_is_not_waited_for(line: Line) -> None:
    began = time.monotonic()
    with suppress(OSError):
        while time.monotonic() - began < 5:
            line.ours.sendall(b" ")
            time.sleep(0.05)

    assert time.monotonic() - began < 2
