# SPDX-License-Identifier: Apache-2.0
"""The application: routes, pages, static files, and the edge where errors become answers."""

from __future__ import annotations

import asyncio

from fastapi import FastAPI, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.routing import APIRoute
from starlette.exceptions import HTTPException
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import Match

from debvisor_timers import __version__
from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.web.access import Authenticator
from debvisor_timers.web.backend import Backend
from debvisor_timers.web.edge.edge import Bounds, Edge
from debvisor_timers.web.envelope import failure, failure_of
from debvisor_timers.web.idempotency import Answers
from debvisor_timers.web.identity.refusals import TooManyRequestsError
from debvisor_timers.web.invalid import operation_of, problems_of
from debvisor_timers.web.mending import NO_ENDPOINT
from debvisor_timers.web.openapi import openapi
from debvisor_timers.web.pages import PAGES
from debvisor_timers.web.pages.errors import Failure, error_page, wants_page
from debvisor_timers.web.routes import ROUTERS
from debvisor_timers.web.static_files import PackageFiles

API = "/api/v1"
_ASKED = ("If-Match", "If-None-Match", "Idempotency-Key", "Last-Event-ID", "X-Request-ID")


def create_app(
    backend: Backend, authenticator: Authenticator, bounds: Bounds | None = None
) -> FastAPI:
    """Return the server's application over a backend; nothing is opened before it is used.

    bounds: what holds for every request; the usual where nothing is named.
    """
    app = FastAPI(
        title="debvisor-timers",
        version=__version__,
        openapi_url=None,  # routes/description.py has it, for who may look at jobs
        docs_url=None,  # FastAPI's pages load from a CDN
        redoc_url=None,
    )
    app.state.backend = backend
    app.state.authenticator = authenticator
    app.state.answers = Answers.of_service()
    app.openapi = lambda: openapi(app)  # type: ignore[method-assign]
    for router in ROUTERS:
        app.include_router(router, prefix=API)
    for pages in PAGES:
        app.include_router(pages, include_in_schema=False)
    app.mount("/static", PackageFiles(), name="static")
    app.add_exception_handler(DebvisorTimersError, _ours)
    app.add_exception_handler(RequestValidationError, _invalid)
    app.add_exception_handler(HTTPException, _http)
    _protect(app, bounds or Bounds())
    app.add_exception_handler(Exception, _bug)
    return app


def _protect(app: FastAPI, bounds: Bounds) -> None:
    """Let every request pass the edge first: what is added last sees it first."""
    if bounds.origins:
        app.add_middleware(
            CORSMiddleware,
            allow_origins=bounds.origins,
            allow_methods=["GET", "POST", "PUT", "PATCH", "DELETE"],
            allow_headers=["Authorization", "X-API-Key", "Content-Type", *_ASKED],
            expose_headers=["ETag", "Link", "Location", "Retry-After", "X-Request-ID"],
        )
    app.add_middleware(Edge, bounds=bounds)


async def _ours(request: Request, error: Exception) -> Response:
    assert isinstance(error, DebvisorTimersError)  # noqa: S101 - for mypy
    if wants_page(request):
        answer = await error_page(request, Failure.of(error))
    else:
        answer = failure_of(error)
    if isinstance(error, TooManyRequestsError):
        answer.headers["Retry-After"] = str(error.retry_after)
    return answer


async def _invalid(request: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - for mypy
    # In a thread: the document is made when it is first wanted, and that takes a while.
    document = await asyncio.to_thread(request.app.openapi)
    operation = operation_of(document, request.scope["route"].path, request.method)
    problems = problems_of(document, operation, error.errors())
    fix = f"{problems[0]['key']}: {problems[0]['fix']}" if len(problems) == 1 else ""
    extra = {"problems": problems}
    return failure(422, "the request is not as it has to be", fix=fix, extra=extra)


async def _http(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - for mypy
    if wants_page(request):
        return await error_page(request, Failure.of_http(error.status_code, str(error.detail)))
    headers = {**(error.headers or {})}
    detail, fix = str(error.detail), ""
    if error.status_code == 400:
        fix = "send a body of JSON, in UTF-8"
    elif error.status_code == 404:
        detail, fix = f"there is nothing at {request.url.path}", NO_ENDPOINT
    elif error.status_code == 405:
        methods = sorted(_methods(request)) or ["GET"]
        headers["Allow"] = ", ".join(methods)
        detail = f"{request.method} is nothing that {request.url.path} takes"
        fix = f"send {' or '.join(methods)}"
    return failure(error.status_code, detail, fix=fix, headers=headers)


def _methods(request: Request) -> set[str]:
    """Return what a path takes: the routes of its methods are several, and one alone is asked."""
    return {
        method
        for route in request.app.routes
        if isinstance(route, APIRoute) and route.matches(request.scope)[0] is not Match.NONE
        for method in route.methods
    }


async def _bug(request: Request, _error: Exception) -> Response:
    # The server logs it with its traceback; who asks has no use for that.
    if wants_page(request):
        fix = "see the journal of the server: journalctl -u debvisor-timers-web"
        return await error_page(
            request, Failure(status=500, detail="this is an error of the program", fix=fix)
        )
    return failure(500, "this is an error of the program")
