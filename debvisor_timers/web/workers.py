# SPDX-License-Identifier: Apache-2.0
"""The real backend: reading in processes of their own, changes asked of the agent."""

from __future__ import annotations

import asyncio
import os
import pickle
from collections.abc import AsyncGenerator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import aclosing, suppress
from dataclasses import replace
from datetime import UTC, datetime
from functools import partial
from time import monotonic
from typing import Any, Concatenate, ParamSpec, TypeVar, cast
from uuid import uuid4

from debvisor_timers.errors import DebvisorTimersError, SystemdError
from debvisor_timers.layout import Layout
from debvisor_timers.operations.list import JobList
from debvisor_timers.operations.runs.log_lines import LogLine
from debvisor_timers.scheduler.agent_scheduler import AgentScheduler
from debvisor_timers.scheduler.behalf import Behalf
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.scheduler.kept import KeptScheduler, News
from debvisor_timers.web.backend import JobsSnapshot
from debvisor_timers.web.journal import followed
from debvisor_timers.web.principal import Principal
from debvisor_timers.web.worker import COMMAND, HEAD, Call, Fault, frame

P = ParamSpec("P")
T = TypeVar("T")

_FRESH, _OLD = 0.5, 1.0
"""Seconds: a snapshot is renewed in passing when it is so old, and waited for when it is older."""
_LONGEST = 120.0
"""Seconds that a question may take."""
_MOST_WAITING = 500
_ASKING = 32
"""Changes that are asked of the agent at once."""
_MOST_CHANGES = 500
"""Changes that are asked for, or wait for that."""


class BusyError(DebvisorTimersError):
    """Too many questions wait."""

    http_status = 503


class Worker:
    """One process, which answers one question after the other."""

    def __init__(self, layout: Layout) -> None:
        """Start nothing yet."""
        self._layout = layout
        self._process: asyncio.subprocess.Process | None = None

    async def ask(self, call: Call) -> Any:
        """Return the answer. Raises the errors of the question; a process that ends is replaced."""
        sent = frame(call)
        try:
            async with asyncio.timeout(_LONGEST):
                said = await self._exchange(sent)
        except (TimeoutError, OSError, asyncio.IncompleteReadError) as error:
            await self.end()
            raise SystemdError(
                "a process that reads for the server has ended, or took too long",
                fix="try again; if it lasts, see the journal of debvisor-timers-web",
            ) from error
        found = pickle.loads(said)  # noqa: S301 - from a process of ours
        if isinstance(found, Fault):
            raise found.error()
        return found

    async def _exchange(self, sent: bytes) -> bytes:
        process = await self._running()
        if process.stdin is None or process.stdout is None:
            raise OSError("no pipes")
        process.stdin.write(sent)
        await process.stdin.drain()
        (size,) = HEAD.unpack(await process.stdout.readexactly(HEAD.size))
        return await process.stdout.readexactly(size)

    async def _running(self) -> asyncio.subprocess.Process:
        if self._process is None or self._process.returncode is not None:
            self._process = await asyncio.create_subprocess_exec(
                *COMMAND,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
            )
            if self._process.stdin is not None:
                self._process.stdin.write(frame(self._layout))
        return self._process

    async def end(self) -> None:
        """End the process."""
        process, self._process = self._process, None
        if process is not None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()


class Workers:
    """The backend of a host: `open` before the first request, `close` after the last."""

    def __init__(self, layout: Layout, *, processes: int = 0) -> None:
        """Start nothing yet; processes: as many as there are processors, where none is named."""
        self._layout = layout
        count = processes or min(max(len(os.sched_getaffinity(0)), 2), 4)
        self._workers = [Worker(layout) for _ in range(count)]
        self._free: asyncio.LifoQueue[Worker] = asyncio.LifoQueue()
        self._waiting = 0
        self._lookout = Lookout(Worker(layout))
        self._asking = ThreadPoolExecutor(_ASKING, thread_name_prefix="agent")
        self._changes: set[asyncio.Future[Any]] = set()
        self._tasks: set[asyncio.Task[Any]] = set()

    async def open(self) -> None:
        """Look at all jobs, so that the first request need not wait; the others come up by then."""
        for worker in self._workers:
            self._free.put_nowait(worker)
        for _ in self._workers:
            self._begin(Call(function=_nothing))
        with suppress(DebvisorTimersError):  # who asks is told
            await self._lookout.snapshot()

    async def close(self) -> None:
        """End the processes."""
        await asyncio.gather(self._lookout.end(), *(worker.end() for worker in self._workers))
        self._asking.shutdown(wait=False, cancel_futures=True)

    async def read(
        self, function: Callable[Concatenate[JobScheduler, P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Return what `function` answers in one of the processes."""
        if self._waiting >= _MOST_WAITING:
            raise BusyError("the server has too much to do", fix="try again in a moment")
        call = Call(function=function, args=args, kwargs=kwargs)
        # Whoever goes away meanwhile must not leave half an answer in the pipe.
        return cast(T, await asyncio.shield(self._begin(call)))

    def _begin(self, call: Call) -> asyncio.Task[Any]:
        task = asyncio.create_task(self._ask(call))
        self._tasks.add(task)
        task.add_done_callback(self._done)
        return task

    def _done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled():
            task.exception()  # who waits is told; nobody may wait

    async def _ask(self, call: Call) -> Any:
        self._waiting += 1
        try:
            worker = await self._free.get()
        finally:
            self._waiting -= 1
        try:
            return await worker.ask(call)
        finally:
            self._free.put_nowait(worker)

    async def change(
        self,
        who: Principal,
        function: Callable[Concatenate[JobScheduler, P], T],
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        """Return what `function` answers, which asks the agent for `who`."""
        if len(self._changes) >= _MOST_CHANGES:
            raise BusyError("the server has too much to do", fix="try again in a moment")
        scheduler = AgentScheduler(self._layout, behalf=_behalf(who))
        asked = partial(function, scheduler, *args, **kwargs)
        coming = asyncio.get_running_loop().run_in_executor(self._asking, asked)
        self._changes.add(coming)
        coming.add_done_callback(self._changes.discard)
        try:
            return await asyncio.shield(coming)
        finally:
            self._lookout.changed()

    async def follow(self) -> AsyncGenerator[LogLine, None]:
        """Yield the newest line of the journal, then each that comes: journalctl follows it."""
        async with aclosing(followed()) as lines:
            async for line in lines:
                yield line

    async def jobs(self) -> JobsSnapshot:
        """Return all jobs."""
        return await self._lookout.snapshot()

    @property
    def is_trying(self) -> bool:
        """Return True while a change is on trial."""
        return self._layout.trial.exists()


class Lookout:
    """All jobs, kept: a process of its own tells what has changed of them."""

    def __init__(self, worker: Worker) -> None:
        """Look at nothing yet."""
        self._worker = worker
        self._instance = uuid4().hex[:8]
        self._number = 0
        self._at = -_OLD
        self._changes = 0
        self._seen_changes = 0
        self._kept: JobsSnapshot | None = None
        self._looking: asyncio.Task[JobsSnapshot] | None = None

    def changed(self) -> None:
        """Note that this server has changed something: what was seen before is too old."""
        self._changes += 1

    async def snapshot(self) -> JobsSnapshot:
        """Return all jobs: a second old at most, and as they are after each change."""
        wanted = self._changes
        while True:
            age = monotonic() - self._at
            if self._kept is not None and age < _OLD and self._seen_changes >= wanted:
                if age > _FRESH and self._looking is None:
                    self._begin()
                return self._kept
            await asyncio.shield(self._looking or self._begin())

    def _begin(self) -> asyncio.Task[JobsSnapshot]:
        self._looking = asyncio.create_task(self._look())
        self._looking.add_done_callback(self._done)
        return self._looking

    def _done(self, task: asyncio.Task[JobsSnapshot]) -> None:
        self._looking = None
        if not task.cancelled():
            task.exception()  # who waits is told; nobody may wait

    async def _look(self) -> JobsSnapshot:
        began, changes = monotonic(), self._changes
        news = await self._worker.ask(Call(function=KeptScheduler.news, args=(self._number,)))
        self._kept = self._with(news)
        self._number = news.number
        self._at, self._seen_changes = began, changes
        return self._kept

    def _with(self, news: News) -> JobsSnapshot:
        kept, at = self._kept, datetime.now(UTC)
        etag = f"{self._instance}-{news.number}"
        if kept is not None and news.before == news.number:
            return replace(kept, taken_at=at)
        rows = {row.job_id: row for row in kept.jobs.rows} if kept and news.before else {}
        rows.update((row.job_id, row) for row in news.rows)
        for job_id in news.gone:
            rows.pop(job_id, None)
        definitions = news.definitions
        if definitions is None and kept is not None:
            definitions = kept.jobs.definitions
        if definitions is None:
            raise SystemdError("the process that looks at jobs told of none")
        counts = news.counts if news.counts is not None else (kept.counts if kept else None)
        jobs = JobList(
            rows=tuple(rows[job_id] for job_id in sorted(rows)),
            definitions=definitions,
            maintenance=news.maintenance,
        )
        return JobsSnapshot(jobs=jobs, taken_at=at, etag=etag, counts=counts)

    async def end(self) -> None:
        """End the process."""
        await self._worker.end()


def _behalf(who: Principal) -> Behalf:
    return Behalf(
        name=who.name,
        role=str(who.role),
        address=who.address,
        request=who.request_id,
        kind=who.began_by or who.kind,
    )


def _nothing(_scheduler: JobScheduler) -> None:
    """Let a process come up."""
