# SPDX-License-Identifier: Apache-2.0
"""How a request is mended, by the status of its answer: where nothing better is known."""

from __future__ import annotations

from collections.abc import Mapping

_FIXES: Mapping[int, str] = {
    400: "change what `detail` names; GET /api/v1/openapi.json says what each endpoint takes",
    401: "send a token: Authorization: Bearer TOKEN; make one: debvisor-timers token create",
    403: "use a token with another role, or ask an administrator of this host",
    404: "look for it in its list: GET /api/v1/jobs, or GET /api/v1/jobs/JOB/history for runs",
    405: "use another method; GET /api/v1/openapi.json says which there are",
    406: "send the header Accept: application/json",
    408: "send it again, all at once",
    409: "read it again, then send it again where it still makes sense",
    412: "read it again, and make the change on what is there now",
    413: "send less at once",
    415: "send JSON, with the header Content-Type: application/json",
    422: "change what `detail` and `problems` name, then send it again",
    423: "wait until that has ended, then send it again",
    429: "wait as many seconds as Retry-After says, then send it again",
    431: "send fewer or shorter headers, and a shorter address",
    500: "see the journal of the server: journalctl -u debvisor-timers-web",
    502: "see the journal of this host: journalctl -u debvisor-timers-web -u debvisor-timers-agent",
    503: "wait a moment, then send it again; the journal of the server tells why",
}
NO_ENDPOINT = "GET /api/v1/openapi.json lists all endpoints, /api/v1/docs shows them"
"""Where the address itself is wrong."""


def fix_of(status: int) -> str:
    """Return what helps where an answer has this status; it is never empty."""
    return _FIXES.get(status) or _FIXES[500 if status >= 500 else 400]
