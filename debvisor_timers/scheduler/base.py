# SPDX-License-Identifier: Apache-2.0
"""Whose scheduler it is, on which host, and how what it changes gets into the audit."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Self

from debvisor_timers.layout import Layout
from debvisor_timers.operations.auditing.audited import Attempt, audited
from debvisor_timers.operations.host import Host
from debvisor_timers.scheduler.places import layout_for, wants_user

if TYPE_CHECKING:
    from debvisor_timers.history.caller import Caller, Door


class Base:
    """The host, and who asks; every method of the classes that build on it is one operation."""

    def __init__(
        self,
        host: Host,
        caller: Caller | None = None,
        *,
        door: Door = "python",
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """Work on `host` for `caller`; `system()` gives the host that we run on.

        caller: the user of this process, who came through `door`, where none is named.
        tell: is told what a person has to know besides an answer; stderr, where nothing is named.
        """
        self.host = host
        self._caller = caller
        self._door = door
        self._tell = tell or _warn

    @classmethod
    def system(cls, layout: Layout | None = None, *, door: Door = "python") -> Self:
        """Return the scheduler of this host, by its systemd and its journal."""
        from debvisor_timers.systemd.real import real_parts

        layout = layout or layout_for(user=wants_user())
        return cls(Host(layout=layout, **real_parts(layout)), door=door)

    @property
    def caller(self) -> Caller:
        """Return who asks."""
        if self._caller is None:
            from debvisor_timers.operations.auditing.caller import this_caller

            self._caller = this_caller(self._door)
        return self._caller

    def attempt(
        self, verb: str, *, jobs: Sequence[str] = (), file: str = ""
    ) -> AbstractContextManager[Attempt]:
        """Return the block in which something is changed, so that it gets into the audit.

        verb: one of history.audit.Verb. The block calls `begin` before it changes something, and
        `done` when it has.
        """
        attempt = Attempt(self.host, lambda: self.caller, verb, jobs=jobs, file=file)
        return audited(attempt, self._tell)

    @property
    def zone(self) -> str:
        """Return the name of this host's time zone."""
        return self.host.clock.zone()

    def now(self) -> datetime:
        """Return the time on this host: aware, UTC."""
        return self.host.clock.now()

    def timestamp(self, text: str) -> datetime:
        """Return the instant that systemd reads from `text`, such as `tomorrow`: aware, UTC."""
        return self.host.analyzer.timestamp(text)


def _warn(words: str) -> None:
    sys.stderr.write(f"warning: {words}\n")
