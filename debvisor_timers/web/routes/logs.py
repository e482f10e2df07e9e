# SPDX-License-Identifier: Apache-2.0
"""What jobs print: as pages, and as server-sent events while it comes."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from time import monotonic
from typing import Annotated, Any

from fastapi import APIRouter, Depends, Header, Query, Request, Response
from sse_starlette import EventSourceResponse, ServerSentEvent

from debvisor_timers.operations.access.roles import Role
from debvisor_timers.operations.runs.log_lines import LogLine, LogPage, LogWish
from debvisor_timers.web import questions
from debvisor_timers.web.access import needs
from debvisor_timers.web.backend import Backend, BackendOf
from debvisor_timers.web.catalogue import CatalogueOf
from debvisor_timers.web.envelope import json_of, success
from debvisor_timers.web.feed import Feed, Listener
from debvisor_timers.web.openapi import spec, with_content
from debvisor_timers.web.parameters import JobText, RunText
from debvisor_timers.web.principal import Principal
from debvisor_timers.web.schemas.runs import Log

router = APIRouter(tags=["logs"])

Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]
Lines = Annotated[int, Query(ge=1, le=5000, description="How many of the newest, at most.")]
After = Annotated[
    str, Query(max_length=500, description="Those behind this id, else the newest ones.")
]
LastEventId = Annotated[
    str | None, Header(max_length=500, description="Of a stream: where it was cut off.")
]
_STREAM = "text/event-stream"
_HEARTBEAT, _SLOWEST = 15, 30
"""Seconds: between two signs of life, and until who takes nothing is dropped."""
_SETTLES = 0.7
"""Seconds from the end of a run until its last lines are there."""
_SPEC = with_content(
    spec(Role.VIEWER, Log, fails=[404, 406]),
    200,
    _STREAM,
    {
        "type": "string",
        "description": "Events `line` with a LogLine as data, its id being that of the event;"
        " `end` with the run as data when it is over.",
    },
)


@router.get("/jobs/{job}/logs", summary="Get what a job printed", **_SPEC)
async def job_logs(
    request: Request,
    _who: Viewer,
    backend: BackendOf,
    catalogue: CatalogueOf,
    job: JobText,
    lines: Lines = 200,
    after: After = "",
    last_event_id: LastEventId = None,
) -> Response:
    """The newest lines of a job; with `Accept: text/event-stream`, these and all that come."""
    job_id = await catalogue.meant(backend, job)
    wish = LogWish(job_id=job_id, after=last_event_id or after, most=lines)
    return await _answer(request, backend, wish)


@router.get("/jobs/{job}/runs/{run}/logs", summary="Get what a run printed", **_SPEC)
@router.get("/jobs/{job}/executions/{run}/logs", summary="Get what it printed", **_SPEC)
async def run_logs(
    request: Request,
    _who: Viewer,
    backend: BackendOf,
    catalogue: CatalogueOf,
    job: JobText,
    run: RunText,
    lines: Lines = 1000,
    after: After = "",
    last_event_id: LastEventId = None,
) -> Response:
    """The newest lines of a run; with `Accept: text/event-stream`, these and all until its end."""
    job_id = await catalogue.meant(backend, job)
    wish = LogWish(job_id=job_id, run_id=run, after=last_event_id or after, most=lines)
    return await _answer(request, backend, wish)


async def _answer(request: Request, backend: Backend, wish: LogWish) -> Response:
    if _STREAM not in request.headers.get("accept", ""):
        return success(_log(wish, await backend.read(questions.log, wish)))
    # What is not there is told before the stream begins.
    await backend.read(questions.log, LogWish(job_id=wish.job_id, run_id=wish.run_id, most=1))
    events = _events(_feed(request, backend), backend, wish)
    return EventSourceResponse(events, ping=_HEARTBEAT, send_timeout=_SLOWEST)


def _feed(request: Request, backend: Backend) -> Feed:
    state = request.app.state
    if getattr(state, "feed", None) is None:
        state.feed = Feed(backend)
    feed: Feed = state.feed
    return feed


async def _events(feed: Feed, backend: Backend, wish: LogWish) -> AsyncIterator[ServerSentEvent]:
    """Yield what there is, then what comes; of a run until its end."""
    async with feed.listen(wish.job_id) as listener:
        page = await backend.read(questions.log, wish)
        for line in page.lines:
            yield _event(line)
        seen = {line.cursor for line in page.lines}
        if page.run is None:
            async for line in _heard(listener, seen):
                yield _event(line)
            return
        while not page.is_over:
            async for line in _heard(listener, seen, until_it_may_end=True):
                yield _event(line)
            if listener.is_late:
                return
            page = await backend.read(
                questions.log,
                LogWish(
                    job_id=wish.job_id, run_id=page.run.id if page.run else wish.run_id, most=1
                ),
            )
        yield await _end(backend, wish.job_id, page)


async def _heard(
    listener: Listener, seen: set[str], *, until_it_may_end: bool = False
) -> AsyncIterator[LogLine]:
    """Yield lines that come, but for those that were seen."""
    until: float | None = None
    while True:
        left = None if until is None else until - monotonic()
        if left is not None and left <= 0:
            return
        try:
            line = await asyncio.wait_for(listener.lines.get(), left)
        except TimeoutError:
            return
        if line is None:
            return
        if line.cursor in seen:
            continue
        seen.clear()  # all that comes now is newer
        yield line
        if line.may_end and until_it_may_end:
            until = monotonic() + _SETTLES


async def _end(backend: Backend, job_id: str, page: LogPage) -> ServerSentEvent:
    run = page.run.id if page.run else ""
    found = await backend.read(questions.run_details, job_id, run)
    return ServerSentEvent(json_of(found).decode(), event="end", sep="\n")


def _event(line: LogLine) -> ServerSentEvent:
    data = json_of(_line(line)).decode()
    return ServerSentEvent(data, event="line", id=line.cursor, sep="\n")


def _line(line: LogLine) -> dict[str, Any]:
    return {
        "id": line.cursor,
        "time": line.at.astimezone().isoformat(),
        "stream": str(line.stream),
        "text": line.text,
        "priority": line.priority,
        "invocation": line.invocation or None,
    }


def _log(wish: LogWish, page: LogPage) -> dict[str, Any]:
    return {
        "job_id": wish.job_id,
        "execution_id": page.run.id if page.run else None,
        "lines": [_line(line) for line in page.lines],
        "count": len(page.lines),
        "after": page.lines[-1].cursor if page.lines else wish.after or None,
    }
