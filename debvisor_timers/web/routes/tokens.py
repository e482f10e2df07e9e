# SPDX-License-Identifier: Apache-2.0
"""/tokens: who may use the API; for admins alone."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated

from fastapi import APIRouter, Depends
from fastapi.responses import JSONResponse
from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from debvisor_timers.history.document import Document
from debvisor_timers.operations.access.document import token_document
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.web.access import needs
from debvisor_timers.web.backend import BackendOf
from debvisor_timers.web.envelope import success
from debvisor_timers.web.principal import Principal

router = APIRouter(prefix="/tokens", tags=["Tokens"])

Admin = Annotated[Principal, Depends(needs(Role.ADMIN))]


class TokenFields(BaseModel):
    """A token that is to be made."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern="^[a-z][a-z0-9-]{0,62}$", examples=["grafana"])
    role: Role = Role.VIEWER
    expires: AwareDatetime | None = Field(
        default=None, description="When it ends by itself, with offset; null: never."
    )


@router.get("", summary="List tokens", operation_id="list_tokens")
async def list_tokens(_who: Admin, backend: BackendOf) -> JSONResponse:
    """Return what is known of each token: never the token itself."""
    found = await backend.read(_documents)
    return success({"tokens": found, "count": len(found)})


@router.post("", status_code=201, summary="Create a token", operation_id="create_token")
async def create_token(fields: TokenFields, who: Admin, backend: BackendOf) -> JSONResponse:
    """Make a token; `token` in the answer is the only time that it is told."""
    expires = fields.expires.astimezone(UTC) if fields.expires else None
    made = await backend.change(who, _create, fields.name, fields.role, expires)
    return success(made, status=201, headers={"Location": f"/api/v1/tokens/{fields.name}"})


@router.get("/{name}", summary="Get a token", operation_id="get_token")
async def get_token(name: str, _who: Admin, backend: BackendOf) -> JSONResponse:
    """Return what is known of one token."""
    return success(await backend.read(_one, name))


@router.delete("/{name}", summary="Revoke a token", operation_id="revoke_token")
async def revoke_token(name: str, who: Admin, backend: BackendOf) -> JSONResponse:
    """Let nobody in any more by it, from the next request on; return what it was."""
    return success(await backend.change(who, _revoke, name))


def _documents(scheduler: JobScheduler) -> list[Document]:
    return [token_document(token) for token in scheduler.tokens()]


def _one(scheduler: JobScheduler, name: str) -> Document:
    return token_document(scheduler.token(name))


def _create(scheduler: JobScheduler, name: str, role: Role, expires: datetime | None) -> Document:
    made = scheduler.create_token(name, role, expires=expires)
    return {**token_document(made.token), "token": made.secret}


def _revoke(scheduler: JobScheduler, name: str) -> Document:
    return token_document(scheduler.revoke_token(name))
