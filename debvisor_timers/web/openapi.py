# SPDX-License-Identifier: Apache-2.0
"""What the OpenAPI document says of every route: who may call it, and how it may fail."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any, TypedDict

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi

from debvisor_timers.operations.access.roles import Role
from debvisor_timers.web.schemas.envelope import Envelope, ErrorEnvelope

_FAILURES: Mapping[int, str] = {
    400: "A parameter makes no sense.",
    401: "No token, or one that is wrong, expired or revoked.",
    403: "The caller's role, or the policy, does not allow it.",
    404: "There is no such job, run or page.",
    406: "This answer comes in no format that was asked for.",
    408: "The request did not come in time.",
    409: "It is refused as things are: running already, not applied, changed meanwhile.",
    412: "The job is not any more of the version that If-Match names.",
    413: "The body is too large.",
    422: "The request, or the job that it makes, is not as it has to be; `problems` tell where.",
    423: "Somebody else is applying.",
    429: "Too many requests; Retry-After says when to come again.",
    431: "The headers are too large.",
    500: "An error of this program.",
    502: "systemd, the journal or the agent said no, or nothing.",
    503: "The server is stopping, or has too much to do.",
}
_ALWAYS = (400, 401, 403, 413, 422, 429, 431, 500, 502, 503)
_CHANGES = (404, 409, 423)
_OPEN = frozenset({"/api/v1/health"})
_BEARER, _KEY = "bearer", "api_key"
_SCHEMES: Mapping[str, Mapping[str, str]] = {
    _BEARER: {
        "type": "http",
        "scheme": "bearer",
        "description": "A token of `debvisor-timers token create`, or an access token of OpenID"
        " Connect where it is configured.",
    },
    _KEY: {"type": "apiKey", "in": "header", "name": "X-API-Key", "description": "The same token."},
}
_ABOUT = (
    "Jobs of this host: plain systemd timers. Every answer has the envelope `status`, `data`,"
    " `timestamp`; what is wrong is told by problem details (RFC 9457) in `error`. Times have an"
    " offset, durations are in seconds. JOB in a path is an id, how one id alone begins, or a name."
)


class Spec(TypedDict):
    """What a route tells FastAPI."""

    status_code: int
    responses: dict[int | str, dict[str, Any]]
    openapi_extra: dict[str, Any]


def spec(
    role: Role, data: Any, *, status: int = 200, fails: Collection[int] = (), also: Any = None
) -> Spec:
    """Return what a route says: who may call it, its answers, how it may fail.

    data: the schema of what the envelope holds. also: a schema by the status of another answer.
    """
    answers: dict[int | str, dict[str, Any]] = {status: {"model": Envelope[data]}}
    answers |= {code: {"model": Envelope[other]} for code, other in (also or {}).items()}  # type: ignore[valid-type]
    wrong = sorted({*_ALWAYS, *fails} | ({*_CHANGES} if role is not Role.VIEWER else set()))
    answers |= {code: failure_spec(code) for code in wrong}
    return Spec(
        status_code=status,
        responses=answers,
        openapi_extra={"x-role": str(role), "security": [{_BEARER: []}, {_KEY: []}]},
    )


def failure_spec(status: int) -> dict[str, Any]:
    """Return what a route says of a way to fail."""
    return {"model": ErrorEnvelope, "description": _FAILURES[status]}


def with_header(found: Spec, status: int, **headers: str) -> Spec:
    """Return the same with headers of an answer, by name with `_` for `-`, and what they tell."""
    found["responses"][status]["headers"] = {
        name.replace("_", "-"): {"description": words, "schema": {"type": "string"}}
        for name, words in headers.items()
    }
    return found


def with_content(found: Spec, status: int, kind: str, schema: Mapping[str, Any]) -> Spec:
    """Return the same with an answer of another media type besides the envelope."""
    found["responses"][status].setdefault("content", {})[kind] = {"schema": dict(schema)}
    return found


def unchanged(found: Spec) -> Spec:
    """Return the same with 304, for a client that has the answer already."""
    found["responses"][304] = {"description": "It is as the client has it."}
    return with_header(found, 200, ETag="The version of this answer.")


def openapi(app: FastAPI) -> dict[str, Any]:
    """Return the OpenAPI document of the application."""
    if app.openapi_schema is None:
        made = get_openapi(
            title=app.title,
            version=app.version,
            description=_ABOUT,
            routes=app.routes,
            license_info={"name": "Apache-2.0", "identifier": "Apache-2.0"},
            servers=[{"url": "/"}],
        )
        made.setdefault("components", {})["securitySchemes"] = dict(_SCHEMES)
        made["security"] = [{_BEARER: []}, {_KEY: []}]
        for path, item in made["paths"].items():
            for method, operation in item.items():
                _finish(path, method, operation)
        for name in ("HTTPValidationError", "ValidationError"):
            made["components"].get("schemas", {}).pop(name, None)
        app.openapi_schema = made
    return app.openapi_schema


def _failures(path: str, method: str) -> list[int]:
    """Return how any route of such a path can fail."""
    named = {404} if "{" in path else set()
    changing = set(_CHANGES) if method != "get" else set()
    return sorted({*_ALWAYS, *named, *changing})


def _finish(path: str, method: str, operation: dict[str, Any]) -> None:
    """Say the same of every operation where its route has said nothing."""
    answers = operation.setdefault("responses", {})
    if path in _OPEN:
        operation["security"] = []
    error = {"application/json": {"schema": {"$ref": "#/components/schemas/ErrorEnvelope"}}}
    for status in _failures(path, method):
        content = answers.get(str(status), {}).get("content", {}).get("application/json", {})
        if not content.get("schema", {}).get("$ref", "").endswith("/ErrorEnvelope"):
            answers[str(status)] = {"description": _FAILURES[status], "content": error}
