# SPDX-License-Identifier: Apache-2.0
"""/tokens: who may use the API; for admins alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Path, Response

from debvisor_timers.errors import UsageError
from debvisor_timers.history.document import Document
from debvisor_timers.operations.access.document import token_document
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.web.access import needs
from debvisor_timers.web.backend import BackendOf
from debvisor_timers.web.envelope import success
from debvisor_timers.web.openapi import spec, with_header
from debvisor_timers.web.principal import Principal
from debvisor_timers.web.schemas.access import NewToken, Token, TokenFields, Tokens

router = APIRouter(prefix="/tokens", tags=["tokens"])

Admin = Annotated[Principal, Depends(needs(Role.ADMIN))]
Name = Annotated[str, Path(min_length=1, max_length=63, description="The name of a token.")]

_CREATE = with_header(
    spec(Role.ADMIN, NewToken, status=201), 201, Location="Where what is known of it is told."
)


@router.get("", summary="List tokens", **spec(Role.ADMIN, Tokens))
async def list_tokens(_who: Admin, backend: BackendOf) -> Response:
    """Return what is known of each token: never the token itself."""
    found = await backend.read(_documents)
    return success({"tokens": found, "count": len(found)})


@router.post("", summary="Create a token", **_CREATE)
async def create_token(fields: TokenFields, who: Admin, backend: BackendOf) -> Response:
    """Make a token; `token` in the answer is the only time that it is told."""
    expires = _utc(fields.expires)
    made = await backend.change(who, _create, fields.name, fields.role, expires)
    return success(made, status=201, headers={"Location": f"/api/v1/tokens/{fields.name}"})


@router.get("/{name}", summary="Get a token", **spec(Role.ADMIN, Token))
async def get_token(name: Name, _who: Admin, backend: BackendOf) -> Response:
    """Return what is known of one token."""
    return success(await backend.read(_one, name))


@router.delete("/{name}", summary="Revoke a token", **spec(Role.ADMIN, Token))
async def revoke_token(name: Name, who: Admin, backend: BackendOf) -> Response:
    """Let nobody in any more by it, from the next request on; return what it was."""
    return success(await backend.change(who, _revoke, name))


def _utc(moment: datetime | None) -> datetime | None:
    try:
        return moment.astimezone(UTC) if moment else None
    except OverflowError as error:
        raise UsageError(f"{moment} is no time in UTC", fix="name a nearer one") from error


def _documents(scheduler: JobScheduler) -> list[Document]:
    return [token_document(token) for token in scheduler.tokens()]


def _one(scheduler: JobScheduler, name: str) -> Document:
    return token_document(scheduler.token(name))


def _create(scheduler: JobScheduler, name: str, role: Role, expires: datetime | None) -> Document:
    made = scheduler.create_token(name, role, expires=expires)
    return {**token_document(made.token), "token": made.secret}


def _revoke(scheduler: JobScheduler, name: str) -> Document:
    return token_document(scheduler.revoke_token(name))
