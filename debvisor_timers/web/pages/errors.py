# SPDX-License-Identifier: Apache-2.0
"""Errors as pages, for browsers; programs get the envelope."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from http import HTTPStatus
from urllib.parse import urlencode

from fastapi import Request, Response
from fastapi.responses import RedirectResponse

from debvisor_timers.errors import DebvisorTimersError, DefinitionError
from debvisor_timers.source import Problem
from debvisor_timers.web.forms import own_address
from debvisor_timers.web.pages.rendering import page
from debvisor_timers.web.principal import Principal

_API = "/api/"
_WORDS = {
    400: "That makes no sense",
    401: "Please sign in",
    403: "Not allowed",
    404: "Not there",
    409: "Refused",
    422: "Something is wrong with it",
    423: "Somebody else is changing jobs",
    429: "Too many requests",
    503: "Not possible now",
    502: "systemd or the journal said no",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """What went wrong, and how to mend it."""

    status: int
    detail: str
    fix: str = ""
    problems: Sequence[Problem] = ()

    @classmethod
    def of(cls, error: DebvisorTimersError) -> Failure:
        """Return an error of ours."""
        problems = error.problems if isinstance(error, DefinitionError) else ()
        detail = "the definitions have errors" if problems else error.message
        return cls(status=error.http_status, detail=detail, fix=error.fix, problems=problems)

    @classmethod
    def of_http(cls, status: int, detail: str) -> Failure:
        """Return an error of the server's own, such as that there is no such page."""
        words = {404: "no page has this address", 405: "this page does nothing of that kind"}
        return cls(status=status, detail=words.get(status, detail))


def wants_page(request: Request) -> bool:
    """Return whether a browser asks, for one of our pages."""
    accept = request.headers.get("accept", "")
    return "text/html" in accept and not request.url.path.startswith((_API, "/static/"))


async def error_page(request: Request, failure: Failure) -> Response:
    """Return a page that says what went wrong; a way to sign in where that is wanted."""
    if failure.status == 401 and request.method == "GET":
        question = f"?{request.url.query}" if request.url.query else ""
        wanted = f"{request.url.path}{question}"
        door = "/sign-in/oidc" if getattr(request.state, "is_of_issuer", False) else "/sign-in"
        return RedirectResponse(f"{door}?{urlencode({'next': wanted})}", 303)
    who = await _who(request)
    return page(
        request,
        "error.html.j2",
        who,
        failure.status,
        failure=failure,
        title=_WORDS.get(failure.status) or _phrase(failure.status),
        back=_back(request),
    )


async def _who(request: Request) -> Principal | None:
    found = getattr(request.state, "principal", None)
    if isinstance(found, Principal):
        return found
    with suppress(DebvisorTimersError):
        who: Principal | None = await request.app.state.authenticator.identify(request)
        return who
    return None


def _back(request: Request) -> str:
    """Return the page of ours that led here, the first one for none."""
    referrer = request.headers.get("referer", "")
    origin = str(request.base_url).rstrip("/")
    return own_address(referrer.removeprefix(origin)) if referrer.startswith(origin) else "/"


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in set(HTTPStatus) else "Error"
