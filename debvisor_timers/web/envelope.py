# SPDX-License-Identifier: Apache-2.0
"""What every answer is wrapped in: the guide's envelope, with problem details (RFC 9457) inside."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from http import HTTPStatus

from fastapi.responses import JSONResponse, Response

from debvisor_timers.errors import DebvisorTimersError, DefinitionError
from debvisor_timers.source import problem_document
from debvisor_timers.web.mending import fix_of


def success(
    data: object, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    """Return an answer that holds `data`, which JSON can say."""
    body = {"status": "success", "data": data, "timestamp": _now()}
    return JSONResponse(body, status, headers=dict(headers or {}))


def success_of(
    data: bytes, *, status: int = 200, headers: Mapping[str, str] | None = None
) -> Response:
    """Return the same for data that is JSON already."""
    body = b'{"status":"success","data":%b,"timestamp":"%b"}' % (data, _now().encode())
    return Response(body, status, headers=dict(headers or {}), media_type="application/json")


def json_of(data: object) -> bytes:
    """Return `data` as JSON, in as few bytes as it takes."""
    return json.dumps(data, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def failure(
    status: int,
    detail: str,
    *,
    fix: str = "",
    extra: Mapping[str, object] | None = None,
    headers: Mapping[str, str] | None = None,
) -> JSONResponse:
    """Return an answer that says what is wrong, and how to mend it.

    fix: where none is given, what helps with any such status. extra: further members of it.
    """
    problem = {
        "type": "about:blank",
        "title": HTTPStatus(status).phrase,
        "status": status,
        "detail": detail,
        "fix": fix or fix_of(status),
        **(extra or {}),
    }
    body = {"status": "error", "data": None, "error": problem, "timestamp": _now()}
    return JSONResponse(body, status, headers=dict(headers or {}))


def failure_of(error: DebvisorTimersError, *, status: int = 0) -> JSONResponse:
    """Return the answer for an error of ours, with all its problems and how to mend it.

    status: in place of that of the error's class.
    """
    extra: dict[str, object] = {"error": type(error).__name__}
    fix = error.fix
    if isinstance(error, DefinitionError):
        fix = fix or (error.problems[0].fix if len(error.problems) == 1 else "")
        extra["problems"] = [problem_document(problem) for problem in error.problems]
    headers = {"WWW-Authenticate": "Bearer"} if error.http_status == 401 else {}
    status = status or error.http_status
    return failure(status, error.message, fix=fix, extra=extra, headers=headers)


def _now() -> str:
    return datetime.now(UTC).astimezone().isoformat(timespec="seconds")
