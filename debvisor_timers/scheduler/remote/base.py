# SPDX-License-Identifier: Apache-2.0
"""What all calls of a remote scheduler share: its server, and how it is awaited."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from typing import ParamSpec, TypeVar
from urllib.parse import parse_qsl, urlsplit
from weakref import WeakKeyDictionary

from debvisor_timers.scheduler.base import check_workers
from debvisor_timers.scheduler.remote.documents import Document, document, documents
from debvisor_timers.scheduler.remote.server import Question, Server

P = ParamSpec("P")
T = TypeVar("T")

ALL = 1_000_000
_PAGE = 500


class RemoteBase:
    """A server, and who waits for it."""

    def __init__(self, server: Server, *, max_workers: int = 20) -> None:
        """Ask `server`; max_workers: how many executions are awaited at once."""
        self.server = server
        self.max_workers = check_workers(max_workers)
        self._workers: MutableMapping[object, asyncio.Semaphore] = WeakKeyDictionary()

    async def in_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Await any other call: `await scheduler.in_thread(scheduler.create_job, name=...)`."""
        return await asyncio.to_thread(function, *args, **kwargs)

    @property
    def workers(self) -> asyncio.Semaphore:
        """Return what lets so many executions be awaited at once, of this event loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._workers:
            self._workers[loop] = asyncio.Semaphore(self.max_workers)
        return self._workers[loop]

    def _get(self, *path: str, **query: str) -> object:
        return self.server.ask(Question(path=path, query=tuple(query.items())))

    def _pages(
        self,
        path: Sequence[str],
        name: str,
        *,
        query: Sequence[tuple[str, str]] = (),
        limit: int = ALL,
    ) -> Iterator[Document]:
        """Yield what a list has, page by page; name: of the list in the answer."""
        left, cursor = limit, ""
        while left > 0:
            asked = [*query, ("limit", str(min(left, _PAGE)))]
            asked += [("cursor", cursor)] if cursor else []
            page = document(self.server.ask(Question(path=tuple(path), query=tuple(asked))))
            found = documents(page.get(name))
            yield from found[:left]
            left -= len(found)
            # `next` is the address of the page that follows.
            following = dict(parse_qsl(urlsplit(str(page.get("next") or "")).query))
            cursor = following.get("cursor", "")
            if not cursor or not found:
                return

    def _post(
        self, *path: str, body: object = None, query: Sequence[tuple[str, str]] = ()
    ) -> object:
        """Ask for a change that is made once, however often the question has to be sent."""
        return self.server.ask(
            Question(method="POST", path=path, query=tuple(query), body=body, once=uuid.uuid4().hex)
        )
