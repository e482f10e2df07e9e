# SPDX-License-Identifier: Apache-2.0
"""The command line as a whole, from its arguments to its exit status, over a host in memory."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest

from debvisor_timers.cli.main import main
from debvisor_timers.history.caller import Caller, Door
from debvisor_timers.scheduler import Scheduler
from tests.unit.operations.world import World


@dataclass(frozen=True, slots=True, kw_only=True)
class Answer:
    """What a command left: its exit status, and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Return the one document that is all of stdout."""
        return json.loads(self.out)


class Stream(io.TextIOWrapper):
    """A standard stream that is a terminal or is not."""

    def __init__(self, *, is_terminal: bool, text: str = "", encoding: str = "utf-8") -> None:
        super().__init__(io.BytesIO(text.encode()), encoding=encoding, write_through=True)
        self._is_terminal = is_terminal

    def isatty(self) -> bool:
        return self._is_terminal

    def text(self) -> str:
        assert isinstance(self.buffer, io.BytesIO)
        return self.buffer.getvalue().decode()


class Program:
    """`debvisor-timers` on a world; nothing of it is replaced but the door to the host."""

    def __init__(self, world: World, patch: pytest.MonkeyPatch) -> None:
        self.world = world
        self._patch = patch
        self.caller = Caller(uid=0, user="root", login_uid=1000, login_user="alice")

    def __call__(
        self,
        *arguments: str,
        terminal: bool = False,
        typed: str = "",
        environment: Mapping[str, str] | None = None,
        encoding: str = "utf-8",
        called: str = "debvisor-timers",
    ) -> Answer:
        """Run it with `arguments`; `terminal`: its three streams are one, 80 columns wide."""
        out = Stream(is_terminal=terminal, encoding=encoding)
        err = Stream(is_terminal=terminal)
        with self._patch.context() as patch:
            patch.setattr(Scheduler, "system", self._scheduler)
            patch.setattr(sys, "argv", [called, *arguments])
            patch.setattr(sys, "stdin", Stream(is_terminal=terminal, text=typed))
            patch.setattr(sys, "stdout", out)
            patch.setattr(sys, "stderr", err)
            patch.setenv("COLUMNS", "80")
            patch.delenv("NO_COLOR", raising=False)
            patch.delenv("LC_ALL", raising=False)
            for name, value in (environment or {}).items():
                patch.setenv(name, value)
            with as_before(), pytest.raises(SystemExit) as exit_:
                main()
        assert isinstance(exit_.value.code, int)
        return Answer(code=exit_.value.code, out=out.text(), err=err.text())

    def _scheduler(self, *, door: Door = "python") -> Scheduler:
        return Scheduler(self.world.host, replace(self.caller, door=door))


@contextmanager
def as_before() -> Iterator[None]:
    """Give this process back what belongs to processes: signal handlers and the umask."""
    umask = os.umask(0o022)
    handlers = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGHUP)}
    try:
        yield
    finally:
        os.umask(umask)
        for number, handler in handlers.items():
            signal.signal(number, handler)
