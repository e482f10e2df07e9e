# SPDX-License-Identifier: Apache-2.0
"""The server itself, and who may use it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

from debvisor_timers.operations.access.roles import Role

NAME_PATTERN = "^[a-z][a-z0-9-]{0,62}$"


class Health(BaseModel):
    """That the server answers, and its version."""

    status: Literal["healthy"]
    version: str
    api: Literal["v1"]


class TokenFields(BaseModel):
    """A token that is to be made."""

    model_config = ConfigDict(extra="forbid")

    name: str = Field(pattern=NAME_PATTERN, examples=["grafana"])
    role: Role = Role.VIEWER
    expires: AwareDatetime | None = Field(
        default=None, description="When it ends by itself, with offset; null: never."
    )


class Token(BaseModel):
    """What is known of a token; last_used: as the server has noted it."""

    name: str
    role: Role
    created: datetime
    created_by: str | None
    expires: datetime | None
    last_used: datetime | None


class NewToken(Token):
    """A token that was made; token: the only time that it is told."""

    token: str


class Tokens(BaseModel):
    """All tokens, by name."""

    tokens: list[Token]
    count: int
