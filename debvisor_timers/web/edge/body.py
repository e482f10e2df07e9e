# SPDX-License-Identifier: Apache-2.0
"""Headers and bodies of requests: not too long, and not too slow."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from time import monotonic

from starlette.exceptions import HTTPException
from starlette.types import Message, Receive, Scope

LARGEST_BODY = 1_048_576
"""Bytes; a file of jobs may be as long."""

LONGEST_HEADERS = 32_768
"""Bytes of the first line and the headers of a request together."""

SLOWEST_SECONDS = 30.0
"""So long we wait for the next part of a body."""

WHOLE_SECONDS = 120.0
"""So long we wait for all of it: parts of one byte would take a year."""

LOOK_SECONDS = 5.0
"""How often it is looked whether who gets an answer that goes on is still let in."""


def too_long_headers(scope: Scope) -> bool:
    """Return True where the headers are longer than any that are meant.

    uvicorn bounds only what has not come whole: 256 KiB may come at once.
    """
    first = len(scope.get("raw_path") or b"") + len(scope["query_string"])
    return first + sum(len(n) + len(v) + 4 for n, v in scope["headers"]) > LONGEST_HEADERS


def too_long(scope: Scope) -> bool:
    """Return True where a request says itself that its body is too long, or nonsense."""
    for name, value in scope["headers"]:
        if name == b"content-length":
            return not value.isdigit() or int(value[:20]) > LARGEST_BODY
    return False


def bounded(receive: Receive, is_still_let_in: Callable[[], bool]) -> Receive:
    """Return `receive`, which raises HTTPException for a body that is too long or too slow.

    To an answer that goes on, a log that is followed, it says that the client has gone away once he
    is let in no longer.
    """
    read, is_whole, until = 0, False, monotonic() + WHOLE_SECONDS

    async def next_part() -> Message:
        nonlocal read, is_whole
        if is_whole:
            return await _until_gone(receive, is_still_let_in)
        try:
            left = max(until - monotonic(), 0)
            message = await asyncio.wait_for(receive(), min(SLOWEST_SECONDS, left))
        except TimeoutError:
            raise HTTPException(408, "the body of the request came too slowly") from None
        read += len(message.get("body", b""))
        if read > LARGEST_BODY:
            raise HTTPException(413, f"the body is longer than {LARGEST_BODY} bytes")
        is_whole = not message.get("more_body", False)
        return message

    return next_part


async def _until_gone(receive: Receive, is_still_let_in: Callable[[], bool]) -> Message:
    while True:
        try:
            return await asyncio.wait_for(receive(), LOOK_SECONDS)
        except TimeoutError:
            if not is_still_let_in():
                return {"type": "http.disconnect"}
