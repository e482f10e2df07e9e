# SPDX-License-Identifier: Apache-2.0
"""Idempotency keys: a request that is sent again is not carried out again, but answered again."""

from __future__ import annotations

import asyncio
import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Annotated, Generic, Self, TypeVar, cast

from fastapi import Depends, Header, Request, Response

from debvisor_timers.errors import DebvisorTimersError, RefusedError
from debvisor_timers.web.backend import backend_of
from debvisor_timers.web.cut_off import CutOff, events_of, require_nothing_done
from debvisor_timers.web.principal import Principal

T = TypeVar("T")

KEPT_SECONDS = 24 * 3600.0
_KEPT_HEADERS = ("location", "etag", "content-type")
_SCHEMA = (
    """
    CREATE TABLE IF NOT EXISTS answers (
        key TEXT PRIMARY KEY, request TEXT NOT NULL, at REAL NOT NULL,
        status INTEGER, headers TEXT, body BLOB
    )
    """,
    """
    CREATE TABLE IF NOT EXISTS begun (
        key TEXT PRIMARY KEY, at REAL NOT NULL, server TEXT NOT NULL, id TEXT NOT NULL
    )
    """,
)
"""begun: which server has begun a request, and by which id the audit knows it."""

IdempotencyKey = Annotated[
    str | None,
    Header(
        min_length=1,
        max_length=255,
        description="A name of your own for this request: sent again with the same name and body"
        " within 24 hours, it is answered as the first time, and nothing is done again.",
    ),
]


@dataclass(frozen=True, slots=True, kw_only=True)
class Doing(Generic[T]):
    """A change, and its answer: carry_out raises where nothing was done; tell only looks."""

    carry_out: Callable[[], Awaitable[T]]
    tell: Callable[[T], Awaitable[Response]]


class OtherRequestError(DebvisorTimersError):
    """The same key, and another request."""

    http_status = 422


class Answers:
    """The answers that were given, by key, in a file that survives a restart.

    path: None keeps them in memory alone.
    """

    def __init__(self, path: Path | None, *, now: Callable[[], float] = time.time) -> None:
        """Open nothing yet; now: seconds since 1970."""
        self._path = path
        self._now = now
        self._memory: sqlite3.Connection | None = None
        self._turn = threading.Lock()
        self._server = secrets.token_hex(8)

    @classmethod
    def of_service(cls) -> Self:
        """Return those in the state folder of this service; in memory where it has none."""
        folder = os.environ.get("STATE_DIRECTORY", "").split(":")[0]
        return cls(Path(folder) / "answers.sqlite" if folder else None)

    async def once(
        self,
        who: Principal,
        request: Request,
        key: str | None,
        doing: Doing[T],
    ) -> Response:
        """Return the answer to what is done, or the one that the same request had before.

        What was refused may be asked again. What was carried out is never done twice, nor is what
        was cut off, of which nobody knows: not even where its answer could not be told. Of what
        another server had begun that is gone, the audit may know. Raises OtherRequestError, and
        RefusedError while the first request is still being carried out.
        """
        if not key:
            return await doing.tell(await doing.carry_out())
        body = await request.body()
        asked = f"{request.method} {request.url.path}?{request.url.query}"
        name = _digest(who.kind, who.name, key)
        wanted = _digest(asked, body.hex())
        kept = await asyncio.to_thread(self._begin, name, wanted, who.request_id)
        if isinstance(kept, CutOff):
            events = await backend_of(request).read(events_of, kept, who.name)
            require_nothing_done(events)
            await asyncio.to_thread(self._release, name)
            return await self.once(who, request, key, doing)
        if kept is not None:
            return kept
        try:
            done = await doing.carry_out()
        except DebvisorTimersError as error:
            # Of other errors nobody knows whether something was done: the key stays taken.
            if error.http_status < 500 or error.http_status == 503:
                await asyncio.shield(asyncio.to_thread(self._forget, name))
            raise
        given = await doing.tell(done)
        await asyncio.to_thread(self._keep, name, given)
        return given

    def _begin(self, name: str, wanted: str, request_id: str) -> Response | CutOff | None:
        """Note that a request has begun; return the answer where it was there before."""
        now = self._now()
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            for table in ("answers", "begun"):
                database.execute(f"DELETE FROM {table} WHERE at < ?", (now - KEPT_SECONDS,))  # noqa: S608
            begun = database.execute(
                "SELECT id, at FROM begun WHERE key = ? AND server != ?", (name, self._server)
            ).fetchone()
            row = database.execute(
                "SELECT request, status, headers, body FROM answers WHERE key = ?", (name,)
            ).fetchone()
            if row is None:
                database.execute(
                    "INSERT INTO answers (key, request, at) VALUES (?, ?, ?)", (name, wanted, now)
                )
                database.execute(
                    "INSERT OR REPLACE INTO begun (key, at, server, id) VALUES (?, ?, ?, ?)",
                    (name, now, self._server, request_id),
                )
            database.commit()
        if row is not None and row[:2] == (wanted, None) and begun and begun[0]:
            return CutOff(request_id=begun[0], at=datetime.fromtimestamp(begun[1], UTC))
        return None if row is None else _again(wanted, *row)

    def _keep(self, name: str, given: Response) -> None:
        headers = "\n".join(
            f"{header}: {given.headers[header]}"
            for header in _KEPT_HEADERS
            if header in given.headers
        )
        with self._open() as database:
            database.execute(
                "UPDATE answers SET status = ?, headers = ?, body = ? WHERE key = ?",
                (given.status_code, headers, bytes(given.body), name),
            )
            database.commit()

    def _forget(self, name: str) -> None:
        with self._open() as database:
            database.execute("DELETE FROM answers WHERE key = ?", (name,))
            database.execute("DELETE FROM begun WHERE key = ?", (name,))
            database.commit()

    def _release(self, name: str) -> None:
        """Forget what another server has begun, unless somebody has begun it anew meanwhile."""
        with self._open() as database:
            database.execute("BEGIN IMMEDIATE")
            gone = database.execute(
                "DELETE FROM begun WHERE key = ? AND server != ?", (name, self._server)
            )
            if gone.rowcount:
                database.execute("DELETE FROM answers WHERE key = ?", (name,))
            database.commit()

    @contextmanager
    def _open(self) -> Iterator[sqlite3.Connection]:
        with self._turn:
            database = self._memory or sqlite3.connect(
                self._path or ":memory:", timeout=30, check_same_thread=False
            )
            try:
                for table in _SCHEMA:
                    database.execute(table)
                yield database
            finally:
                database.rollback()
                if self._path is None:
                    self._memory = database
                else:
                    database.close()


async def answers_of(request: Request) -> Answers:
    """Return the answers that this server has given."""
    return cast(Answers, request.app.state.answers)


AnswersOf = Annotated[Answers, Depends(answers_of)]


def _again(
    wanted: str, request: str, status: int | None, headers: str | None, body: bytes | None
) -> Response:
    if request != wanted:
        raise OtherRequestError(
            "this Idempotency-Key was sent with another request",
            fix="use a new key for each request, and the same only to send the very same again",
        )
    if status is None:
        raise RefusedError(
            "the request with this Idempotency-Key is being carried out, or was cut off",
            fix="send it again in a while; if this lasts, look what has become of it, and use"
            " another key",
        )
    pairs = dict(line.split(": ", 1) for line in (headers or "").splitlines())
    return Response(body, status, headers={**pairs, "Idempotency-Replayed": "true"})


def _digest(*words: str) -> str:
    return sha256("\0".join(words).encode()).hexdigest()
