# SPDX-License-Identifier: Apache-2.0
"""The page of the tokens: who may use this server, made and taken back by administrators."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response
from fastapi.responses import RedirectResponse

from debvisor_timers.errors import UsageError
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.operations.access.tokens import NewToken, Token
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.web.access import needs
from debvisor_timers.web.backend import BackendOf
from debvisor_timers.web.forms import Form, checked_form
from debvisor_timers.web.pages.rendering import page
from debvisor_timers.web.pages.told import with_told
from debvisor_timers.web.principal import Principal

router = APIRouter()

Admin = Annotated[Principal, Depends(needs(Role.ADMIN))]

LIFETIMES: Mapping[str, tuple[str, timedelta | None]] = {
    "30": ("30 days", timedelta(days=30)),
    "90": ("90 days", timedelta(days=90)),
    "365": ("a year", timedelta(days=365)),
    "never": ("without end", None),
}
"""How long a token may hold: its value in the form, its words."""

ROLES: Mapping[Role, str] = {
    Role.VIEWER: "look",
    Role.OPERATOR: "look, run, stop, pause",
    Role.EDITOR: "and change jobs",
    Role.ADMIN: "everything, tokens too",
}


@router.get("/tokens")
async def tokens(request: Request, who: Admin, backend: BackendOf) -> Response:
    """Return all tokens."""
    return await _page(request, who, backend, made=None)


@router.post("/tokens")
async def create(request: Request, who: Admin, form: Form, backend: BackendOf) -> Response:
    """Make a token, and tell it this one time: the answer is kept by nobody."""
    role, lifetime = form.get("role", ""), form.get("lifetime", "")
    if role not in set(Role) or lifetime not in LIFETIMES:
        raise UsageError("the form names no role, or no time", fix="choose both on the page")
    made = await backend.change(
        who, create_token, form.get("name", "").strip(), Role(role), LIFETIMES[lifetime][1]
    )
    answer = await _page(request, who, backend, made=made)
    answer.headers["Cache-Control"] = "no-store"
    return answer


@router.post("/tokens/{name}/revoke", dependencies=[Depends(checked_form)])
async def revoke(name: str, who: Admin, backend: BackendOf) -> RedirectResponse:
    """Take a token back."""
    await backend.change(who, revoke_token, name)
    return RedirectResponse(with_told("/tokens", "revoke"), 303)


def create_token(
    scheduler: JobScheduler, name: str, role: Role, lifetime: timedelta | None
) -> NewToken:
    """Make a token that holds for so long from now on."""
    expires = scheduler.now() + lifetime if lifetime else None
    return scheduler.create_token(name, role, expires=expires)


def revoke_token(scheduler: JobScheduler, name: str) -> None:
    """Let nobody in by it any more."""
    scheduler.revoke_token(name)


def read_tokens(scheduler: JobScheduler) -> tuple[Sequence[Token], datetime]:
    """Return all tokens, and the time."""
    return scheduler.tokens(), scheduler.now()


async def _page(
    request: Request, who: Principal, backend: BackendOf, *, made: NewToken | None
) -> Response:
    found, now = await backend.read(read_tokens)
    return page(
        request,
        "tokens.html.j2",
        who,
        tokens=found,
        now=now,
        made=made,
        roles=ROLES,
        lifetimes={name: words for name, (words, _) in LIFETIMES.items()},
    )
