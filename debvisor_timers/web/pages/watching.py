# SPDX-License-Identifier: Apache-2.0
"""What takes seconds to find out: looked for beside the pages, and kept for a while.

`status` renders every job and asks systemd-analyze, `report` reads months of history. A page shows
what is known, and lets it be looked for again; the first page waits a moment.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import suppress
from datetime import timedelta

from fastapi import Request

from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.web.backend import Backend
from debvisor_timers.web.pages.attention import Looked

_FRESH = 30.0
_PATIENCE = 0.4
_DAY = timedelta(days=1)


class Watching:
    """Looks when somebody asks, and not more often than every half minute."""

    def __init__(self) -> None:
        """Know nothing yet."""
        self._known: Looked | None = None
        self._at = 0.0
        self._task: asyncio.Task[None] | None = None

    @property
    def stamp(self) -> str:
        """Return something that changes when more is known."""
        return f"{self._at:.3f}"

    async def look(self, backend: Backend) -> Looked | None:
        """Return what is known; None where it has not been found out yet."""
        is_fresh = self._known is not None and time.monotonic() - self._at < _FRESH
        if not is_fresh:
            task = self._running() or asyncio.create_task(self._find(backend))
            self._task = task
            if self._known is None:
                await asyncio.wait([task], timeout=_PATIENCE)
        return self._known

    def forget(self) -> None:
        """Look again when next asked: something was changed."""
        self._at = 0.0

    def _running(self) -> asyncio.Task[None] | None:
        task = self._task
        if task is None or task.done() or task.get_loop() is not asyncio.get_running_loop():
            return None
        return task

    async def _find(self, backend: Backend) -> None:
        self._known = await backend.read(find_slowly)
        self._at = time.monotonic()


def find_slowly(scheduler: JobScheduler) -> Looked:
    """Return what `status` and `report` tell, as far as this user may know it."""
    looked = Looked()
    with suppress(DebvisorTimersError):
        looked = Looked(findings=scheduler.status().findings)
    with suppress(DebvisorTimersError):
        now = scheduler.now()
        report = scheduler.report(since=now - _DAY, until=now)
        looked = Looked(findings=looked.findings, missed=report.missed, slow=report.slow)
    return looked


def watching_of(request: Request) -> Watching:
    """Return the one of the server that a request came to."""
    state = request.app.state
    if not hasattr(state, "watching"):
        state.watching = Watching()
    found: Watching = state.watching
    return found
