# SPDX-License-Identifier: Apache-2.0
"""Whose scheduler it is, on which host, and how what it changes gets into the audit."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Callable, MutableMapping, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import TYPE_CHECKING, Self
from weakref import WeakKeyDictionary

from debvisor_timers.errors import UsageError
from debvisor_timers.layout import Layout
from debvisor_timers.operations.auditing.audited import Attempt, audited
from debvisor_timers.operations.host import Host
from debvisor_timers.scheduler.places import layout_for, wants_user

if TYPE_CHECKING:
    import asyncio

    from debvisor_timers.history.caller import Caller, Door


class Base:
    """The host, and who asks; every method of the classes that build on it is one operation."""

    def __init__(  # noqa: PLR0913 - what the one constructor of the API can be told, by name
        self,
        host: Host | None = None,
        caller: Caller | None = None,
        *,
        root: str | os.PathLike[str] | None = None,
        user: bool = False,
        max_workers: int = 20,
        door: Door = "python",
        tell: Callable[[str], None] | None = None,
    ) -> None:
        """Work on `host` for `caller`; on this host where none is named.

        caller: the user of this process, who came through `door`, where none is named.
        root: the / of another system, an image say: units are written there, nothing is started.
        user: the jobs of the user of this process, which that user's own systemd runs.
        max_workers: how many executions are awaited at once; how many jobs run at once is said by
        `pools` in config.yaml. tell: is told what a person has to know besides an answer; stderr,
        where nothing is named.
        """
        self.max_workers = check_workers(max_workers)
        self.layout = host.layout if host else layout_for(root, user=user)
        self._host = host
        self._hosts = threading.local()
        self._workers: MutableMapping[object, asyncio.Semaphore] = WeakKeyDictionary()
        self._caller = caller
        self._door = door
        self._tell = tell or _warn

    @classmethod
    def system(cls, layout: Layout | None = None, *, door: Door = "python") -> Self:
        """Return the scheduler of this host, by its systemd and its journal."""
        scheduler = cls(door=door)
        scheduler.layout = layout or layout_for(user=wants_user())
        return scheduler

    @property
    def host(self) -> Host:
        """Return the host; each thread has connections to it of its own."""
        if self._host is not None:
            return self._host
        if not hasattr(self._hosts, "host"):
            from debvisor_timers.systemd.real import real_parts

            self._hosts.host = Host(layout=self.layout, **real_parts(self.layout))
        host: Host = self._hosts.host
        return host

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


def check_workers(number: object) -> int:
    """Return how many executions are awaited at once. Raises UsageError for none, or no number."""
    if isinstance(number, bool) or not isinstance(number, int) or number < 1:
        raise UsageError(f"max_workers is {number!r}", fix="give a number from 1 on")
    return number


def _warn(words: str) -> None:
    sys.stderr.write(f"warning: {words}\n")
