# SPDX-License-Identifier: Apache-2.0
"""Pages of long lists: cursors, which tell where a page ends, and the links between pages."""

from __future__ import annotations

import base64
import json
from collections.abc import Sequence
from typing import Annotated
from urllib.parse import parse_qsl, quote, urlencode

from fastapi import Query, Request

from debvisor_timers.errors import UsageError

Limit = Annotated[int, Query(ge=1, le=1000, description="How many at most.")]
Cursor = Annotated[
    str,
    Query(max_length=2000, description="Where the page before has ended: its `next` names it."),
]


_MOST = 100_000_000_000
"""No time, in seconds, and no place in a list is so large."""


def cursor_of(*place: str | float) -> str:
    """Return a cursor that means `place`; nobody but us needs to read it."""
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode().rstrip("=")


def place_of(cursor: str, *kinds: type) -> Sequence[str | float]:
    """Return the place that a cursor means. Raises UsageError for one that is none of ours."""
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        place = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        is_ours = isinstance(place, list) and [type(each) for each in place] == list(kinds)
        is_ours = is_ours and all(isinstance(each, str) or 0 <= each < _MOST for each in place)
    except ValueError:
        is_ours = False
    if not is_ours:
        raise UsageError(
            f"{cursor!r} is no cursor", fix="take the one of `next`, or leave it out for the first"
        )
    return list(place)


def next_link(request: Request, cursor: str) -> str:
    """Return the path and query of the page that begins at `cursor`."""
    # Not of request.url: there the path is decoded, and a `?` in a name would begin the query.
    query = [
        (name, value)
        for name, value in parse_qsl(request.scope["query_string"].decode(), keep_blank_values=True)
        if name != "cursor"
    ]
    return f"{quote(request.scope['path'])}?{urlencode([*query, ('cursor', cursor)])}"


def link_header(next_page: str | None) -> dict[str, str]:
    """Return the Link header (RFC 8288) of a page; none where it is the last."""
    return {"Link": f'<{next_page}>; rel="next"'} if next_page else {}
