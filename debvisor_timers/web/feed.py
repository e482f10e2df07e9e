# SPDX-License-Identifier: Apache-2.0
"""New lines of all jobs, read once and given to everybody who listens."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager, suppress

from debvisor_timers.errors import DebvisorTimersError, SystemdError
from debvisor_timers.operations.runs.log_lines import LogLine
from debvisor_timers.web.backend import Backend

_MOST_WAITING = 2000
"""Lines that may wait for a listener that does not take them; then it is dropped."""
_MOST_LISTENERS = 2000
_GRACE = 10.0
"""Seconds that the journal is followed on when nobody listens any more."""
_READY = 10.0


class TooManyError(DebvisorTimersError):
    """More listen than this server bears."""

    http_status = 503


class Listener:
    """Somebody who listens to one job; is_late: he was dropped, since he took no lines."""

    def __init__(self) -> None:
        """Have heard nothing yet."""
        self.lines: asyncio.Queue[LogLine | None] = asyncio.Queue()
        self.is_late = False

    def hear(self, line: LogLine | None) -> None:
        """Take a line; None: there will be no more."""
        if self.lines.qsize() >= _MOST_WAITING:
            self.is_late = True
            line = None
        if not self.is_late or line is None:
            self.lines.put_nowait(line)


class Feed:
    """The lines that come, by job."""

    def __init__(self, backend: Backend) -> None:
        """Follow nothing yet."""
        self._backend = backend
        self._listeners: dict[str, set[Listener]] = defaultdict(set)
        self._task: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._count = 0

    @asynccontextmanager
    async def listen(self, job_id: str) -> AsyncIterator[Listener]:
        """Give somebody who hears each line of the job from now on.

        Raises SystemdError where the journal cannot be followed.
        """
        if self._count >= _MOST_LISTENERS:
            raise TooManyError("too many follow the logs of this host", fix="try again later")
        listener = Listener()
        self._listeners[job_id].add(listener)
        self._count += 1
        try:
            await self._followed()
            yield listener
        finally:
            self._count -= 1
            self._listeners[job_id].discard(listener)
            if not self._listeners[job_id]:
                del self._listeners[job_id]

    async def _followed(self) -> None:
        """Return once the journal is followed."""
        if self._task is None or self._task.done():
            self._ready = asyncio.Event()
            self._task = asyncio.create_task(self._follow())
        ready = asyncio.create_task(self._ready.wait())
        await asyncio.wait({ready, self._task}, timeout=_READY, return_when="FIRST_COMPLETED")
        ready.cancel()
        if not self._ready.is_set():
            raise SystemdError("the journal cannot be followed", fix="try again")

    async def _follow(self) -> None:
        try:
            async with aclosing(self._backend.follow()) as lines:
                idle = asyncio.create_task(self._until_nobody_listens())
                try:
                    while (line := await _next(lines, idle)) is not None:
                        # The first is old: it tells that the journal is followed.
                        if self._ready.is_set():
                            self._spread(line)
                        self._ready.set()
                finally:
                    idle.cancel()
        finally:
            for listener in [each for some in self._listeners.values() for each in some]:
                listener.hear(None)

    def _spread(self, line: LogLine) -> None:
        for listener in tuple(self._listeners.get(line.job_id, ())):
            listener.hear(line)

    async def _until_nobody_listens(self) -> None:
        nobody = 0.0
        while nobody < _GRACE:
            await asyncio.sleep(1)
            nobody = 0.0 if self._count else nobody + 1


async def _next(lines: AsyncIterator[LogLine], idle: asyncio.Task[None]) -> LogLine | None:
    """Return the next line; None where there is none, or nobody listens any more."""
    coming = asyncio.ensure_future(anext(lines, None))
    await asyncio.wait({coming, idle}, return_when="FIRST_COMPLETED")
    if coming.done():
        return coming.result()
    coming.cancel()
    with suppress(asyncio.CancelledError):
        await coming
    return None
