# SPDX-License-Identifier: Apache-2.0
"""Signing in to the pages with a token, and out."""

from __future__ import annotations

from typing import cast
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import RedirectResponse

from debvisor_timers.errors import (
    DebvisorTimersError,
    PermissionRefusedError,
    UnauthenticatedError,
)
from debvisor_timers.web.forms import fields_in
from debvisor_timers.web.identity.authenticator import (
    Identity,
    address_of,
    cookie_name,
    require_own_form,
    require_same_site,
)
from debvisor_timers.web.identity.limits import client_of
from debvisor_timers.web.identity.refusals import ExpiredError
from debvisor_timers.web.identity.sessions import Begun, Session
from debvisor_timers.web.pages.rendering import page

router = APIRouter()

TEMPLATE = "sign-in.html.j2"
OIDC_LABEL = "Sign in with your organisation"


def identity_of(request: Request) -> Identity:
    """Return what knows who somebody is."""
    return cast(Identity, request.app.state.authenticator)


@router.get("/sign-in")
async def show(request: Request, next: str = "/") -> Response:  # noqa: A002 - as pages call it
    """Show the page on which one signs in."""
    return shown(request, safe_path(next))


@router.post("/sign-in")
async def sign_in(request: Request) -> Response:
    """Begin a session by a token."""
    require_same_site(request)
    fields = fields_in(await request.body())
    secret = fields.get("token", "").strip()
    path = safe_path(fields.get("next", "/"))
    identity, client = identity_of(request), client_of(address_of(request))
    try:
        identity.lock_out.check(client)
        token = identity.token_of(secret)
    except DebvisorTimersError as error:
        if isinstance(error, UnauthenticatedError) and not isinstance(error, ExpiredError):
            identity.lock_out.note(client)
        return shown(request, path, error)
    now = identity.now()
    identity.uses.note(token.digest, now)
    end = now + identity.settings.session
    session = Session(
        name=token.name,
        role=token.role,
        expires=min(end, token.expires) if token.expires else end,
        token=token.digest,
    )
    answer = RedirectResponse(path, 303)
    keep(request, answer, await identity.sessions.begin(session, now))
    return answer


@router.post("/sign-out")
async def sign_out(request: Request) -> Response:
    """End the session."""
    cookie = request.cookies.get(cookie_name(request))
    if cookie:  # nobody is asked who it is: his issuer may be away
        await require_own_form(request, cookie)
        await identity_of(request).sessions.end(cookie)
    answer = RedirectResponse("/sign-in", 303)
    answer.delete_cookie(
        cookie_name(request), secure=request.url.scheme == "https", httponly=True, samesite="strict"
    )
    answer.headers["Clear-Site-Data"] = '"cache"'
    return answer


def shown(request: Request, path: str, failure: DebvisorTimersError | None = None) -> Response:
    """Return the page on which one signs in, with what was wrong before."""
    identity = request.app.state.authenticator
    oidc = identity.settings.oidc if isinstance(identity, Identity) else None
    label = OIDC_LABEL if oidc is not None and oidc.client_id else ""
    # Whom the issuer knows already it would send back at once, to be refused again.
    is_known = isinstance(failure, PermissionRefusedError)
    question = urlencode({"next": path, **({"other": "yes"} if is_known else {})})
    return page(
        request,
        TEMPLATE,
        None,
        failure.http_status if failure else 200,
        next=path,
        failure=failure,
        oidc=label,
        question=question,
    )


def keep(request: Request, answer: Response, begun: Begun) -> None:
    """Let the browser keep the cookie of a session: out of reach of scripts and other sites."""
    answer.set_cookie(
        cookie_name(request),
        begun.cookie,
        max_age=int(begun.lasts.total_seconds()),
        path="/",
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )


def safe_path(path: str) -> str:
    """Return a path of this server to go on to; / for whatever could lead elsewhere."""
    is_plain = path.startswith("/") and not path.startswith(("//", "/\\")) and path.isprintable()
    return path if is_plain and "\\" not in path and len(path) < 2_000 else "/"
