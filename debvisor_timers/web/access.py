# SPDX-License-Identifier: Apache-2.0
"""Who may call a route."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Protocol, cast

from fastapi import Request

from debvisor_timers.errors import PermissionRefusedError, UnauthenticatedError
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.web.principal import Principal


class Authenticator(Protocol):
    """Tells who has sent a request."""

    async def identify(self, request: Request) -> Principal | None:
        """Return who it is; None where the request names nobody.

        Raises UnauthenticatedError for a token that is wrong, expired or revoked.
        """


async def principal_of(request: Request) -> Principal:
    """Return who has sent the request. Raises UnauthenticatedError."""
    authenticator = cast(Authenticator, request.app.state.authenticator)
    found = await authenticator.identify(request)
    if found is None:
        raise UnauthenticatedError(
            "this needs a token",
            fix="send one: Authorization: Bearer TOKEN; make one: debvisor-timers token create",
        )
    return found


def needs(role: Role) -> Callable[[Request], Awaitable[Principal]]:
    """Return a dependency: who has sent the request, who has at least this role."""

    async def allowed(request: Request) -> Principal:
        who = await principal_of(request)
        if not who.role.includes(role):
            raise PermissionRefusedError(
                f"this needs the role {role}, and {who.name} has {who.role}",
                fix=f"use a token with the role {role}",
            )
        return who

    return allowed
