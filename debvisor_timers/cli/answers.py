# SPDX-License-Identifier: Apache-2.0
"""Answers of somebody who is asked while a command waits: Enter, a word, a signal."""

from __future__ import annotations

import io
import os
import select
import signal
import sys
import termios
from contextlib import suppress
from datetime import timedelta
from types import FrameType, TracebackType
from typing import Self

import click

from debvisor_timers.operations.safety.trying import Answer

_YES = frozenset({"", "y", "yes", "keep", "confirm"})
_NO = frozenset({"n", "no", "q", "quit", "undo", "rollback"})
_LONGEST = 1024


class Answers:
    """Listens on the terminal, if there is one, and for SIGUSR1, which keeps."""

    def __init__(self) -> None:
        """Listen to nothing yet."""
        self._terminal = _terminal()
        self._ear, self._mouth = os.pipe2(os.O_NONBLOCK | os.O_CLOEXEC)
        self._before = signal.getsignal(signal.SIGUSR1)

    @property
    def has_terminal(self) -> bool:
        """Return whether somebody can answer here."""
        return self._terminal is not None

    def __enter__(self) -> Self:
        """Let SIGUSR1 be an answer: without this it would end the process."""
        signal.signal(signal.SIGUSR1, self._note)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Let SIGUSR1 be what it was."""
        signal.signal(signal.SIGUSR1, self._before)
        os.close(self._ear)
        os.close(self._mouth)

    def forget(self) -> None:
        """Forget what came before the question: it is no answer to it."""
        self._drain()
        if self._terminal is not None:
            with suppress(termios.error):
                termios.tcflush(self._terminal, termios.TCIFLUSH)

    def listen(self, wait: timedelta) -> Answer | None:
        """Wait at most so long for an answer, None for none."""
        sources = [self._ear, *([] if self._terminal is None else [self._terminal])]
        ready = select.select(sources, [], [], wait.total_seconds())[0]
        if self._ear in ready:
            self._drain()
            return Answer.KEEP
        return self._read(ready[0]) if ready else None

    def _read(self, terminal: int) -> Answer | None:
        try:
            typed = os.read(terminal, _LONGEST)
        except OSError:  # the terminal is gone
            typed = b""
        if not typed:
            self._terminal = None  # the end of input is no answer
            return None
        word = typed.decode(errors="replace").strip().lower()
        if word in _YES:
            return Answer.KEEP
        if word in _NO:
            return Answer.UNDO
        click.echo("press Enter to keep it, or type `no` to take it back", err=True)
        return None

    def _drain(self) -> None:
        with suppress(BlockingIOError):
            while os.read(self._ear, _LONGEST):
                pass

    def _note(self, _number: int, _frame: FrameType | None) -> None:
        with suppress(BlockingIOError):
            os.write(self._mouth, b".")


def _terminal() -> int | None:
    if not sys.stdin.isatty():
        return None
    with suppress(io.UnsupportedOperation, ValueError):
        return sys.stdin.fileno()
    return None
