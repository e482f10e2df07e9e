# SPDX-License-Identifier: Apache-2.0
"""Access tokens of an issuer: JSON web tokens, whose scopes are roles."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import jwt

from debvisor_timers.errors import PermissionRefusedError, UnauthenticatedError
from debvisor_timers.jobs.web import Oidc
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.web.identity.issuer import Issuer
from debvisor_timers.web.identity.peers import highest
from debvisor_timers.web.identity.refusals import ExpiredError

_ALGORITHMS = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "EdDSA")
"""With two keys each: with one shared key, who can check a token could make one."""

_LEEWAY_SECONDS = 30
_LONGEST_NAME = 200
_LATEST = datetime(2100, 1, 1, tzinfo=UTC).timestamp()


@dataclass(frozen=True, slots=True, kw_only=True)
class Bearer:
    """Whom an access token names, what he may do, and until when."""

    name: str
    role: Role
    expires: datetime


class AccessTokens:
    """Looks at access tokens by the keys of their issuer."""

    def __init__(self, settings: Oidc, issuer: Issuer) -> None:
        """settings: `web.oidc` of config.yaml."""
        self.settings = settings
        self.issuer = issuer

    async def bearer(self, token: str) -> Bearer:
        """Return whom an access token names.

        Raises UnauthenticatedError for one that is wrong, PermissionRefusedError for one without
        a role, IssuerError where the keys cannot be had.
        """
        return self.bearer_of(await self.claims(token, self.settings.audience))

    async def claims(self, token: str, audience: str) -> Mapping[str, Any]:
        """Return what a token says that the issuer has signed for `audience`."""
        try:
            header = jwt.get_unverified_header(token)
            algorithm, key_id = header.get("alg"), str(header.get("kid", ""))
        except jwt.PyJWTError as error:
            raise _wrong(error) from error
        if algorithm not in _ALGORITHMS:
            raise _wrong(f"its algorithm is {algorithm!r:.40}")
        key = await self.issuer.key(key_id)
        if key is None:
            raise _wrong("the issuer has no such key")
        try:
            said: Mapping[str, Any] = jwt.decode(
                token,
                key.key,
                algorithms=[algorithm],
                audience=audience,
                issuer=self.settings.issuer,
                leeway=_LEEWAY_SECONDS,
                options={"require": ["exp", "iss", "aud"]},
            )
        except (jwt.PyJWTError, ValueError, TypeError) as error:
            raise _wrong(error) from error
        return said

    def bearer_of(self, said: Mapping[str, Any]) -> Bearer:
        """Return whom claims name. Raises PermissionRefusedError where no role is among them."""
        name = str(said.get(self.settings.name_claim) or said.get("sub") or "")[:_LONGEST_NAME]
        granted = set(_words(said.get(self.settings.claim)))
        roles = self.settings.roles.items()
        role = highest(Role(str(given)) for word, given in roles if word in granted)
        if role is None or not name.isprintable() or not name:
            raise PermissionRefusedError(
                f"the issuer knows {name!a}, who has no role here",
                fix=f"the claim {self.settings.claim} has to name one of: "
                + ", ".join(self.settings.roles),
            )
        end = datetime.fromtimestamp(min(float(said["exp"]), _LATEST), UTC)
        return Bearer(name=name, role=role, expires=end)


def _words(value: object) -> Iterable[str]:
    if isinstance(value, str):
        return value.split()
    return [each for each in value if isinstance(each, str)] if isinstance(value, list) else []


def _wrong(why: object) -> UnauthenticatedError:
    kind = ExpiredError if isinstance(why, jwt.ExpiredSignatureError) else UnauthenticatedError
    return kind(f"the access token is not accepted: {why}", fix="ask the issuer for a new one")
