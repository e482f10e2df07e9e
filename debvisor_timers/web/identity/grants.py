# SPDX-License-Identifier: Apache-2.0
"""What the issuer gives: who somebody is, for a code or for a refresh token."""

from __future__ import annotations

import base64
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import quote

from debvisor_timers.errors import UnauthenticatedError
from debvisor_timers.web.identity.client_secret import client_secret
from debvisor_timers.web.identity.oidc import AccessTokens, Bearer

_UNTOLD_SECONDS = 300
"""So long counts what an issuer says that does not tell how long it counts."""

_BASIC, _POST = "client_secret_basic", "client_secret_post"


@dataclass(frozen=True, slots=True, kw_only=True)
class Granted:
    """Whom the issuer names; refresh: what asks it again, empty where it gives nothing such."""

    bearer: Bearer
    subject: str
    refresh: str


async def by_code(
    tokens: AccessTokens, code: str, *, verifier: str, redirect_uri: str, nonce: str
) -> Granted:
    """Return who has signed in and come back with `code`.

    Raises UnauthenticatedError, PermissionRefusedError for who has no role, IssuerError.
    """
    form = {"code": code, "redirect_uri": redirect_uri, "code_verifier": verifier}
    said = await _ask(tokens, {"grant_type": "authorization_code", **form})
    if not isinstance(said.get("id_token"), str):
        raise UnauthenticatedError("the issuer has given no token")
    claims = await tokens.claims(said["id_token"], tokens.settings.client_id)
    if not secrets.compare_digest(str(claims.get("nonce", "")).encode(), nonce.encode()):
        raise UnauthenticatedError("the issuer's token is not for this sign-in")
    return await _granted(tokens, claims, said)


async def by_refresh(tokens: AccessTokens, refresh: str, *, subject: str, now: datetime) -> Granted:
    """Return what the issuer says now of `subject`. Raises as `by_code` does."""
    said = await _ask(tokens, {"grant_type": "refresh_token", "refresh_token": refresh})
    if isinstance(said.get("id_token"), str):
        claims = await tokens.claims(said["id_token"], tokens.settings.client_id)
    else:  # it may be left out (OpenID Connect Core, 12.2)
        lasts = said.get("expires_in")
        seconds = lasts if isinstance(lasts, int) else _UNTOLD_SECONDS
        claims = {"sub": subject, "exp": now.timestamp() + seconds}
    _require_same(claims, subject)
    return await _granted(tokens, claims, {"refresh_token": refresh, **said})


async def _ask(tokens: AccessTokens, form: Mapping[str, str]) -> Mapping[str, Any]:
    settings, about = tokens.settings, await tokens.issuer.about()
    own, headers = {"client_id": settings.client_id}, {}
    secret = client_secret(settings)
    methods = about.get("token_endpoint_auth_methods_supported") or [_BASIC]
    if secret and _BASIC not in methods:
        own["client_secret"] = secret
    elif secret:
        # Encoded (RFC 6749, 2.3.1), but a space never as +: not all take that for one.
        pair = ":".join(quote(each, safe="") for each in (settings.client_id, secret))
        headers["Authorization"] = f"Basic {base64.b64encode(pair.encode()).decode()}"
    said = await tokens.issuer.ask(str(about["token_endpoint"]), {**form, **own}, headers)
    return said if isinstance(said, Mapping) else {}


async def _granted(
    tokens: AccessTokens, claims: Mapping[str, Any], said: Mapping[str, Any]
) -> Granted:
    """Return whom all tokens name: the roles may stand beside the name, or elsewhere."""
    subject, access = str(claims.get("sub", "")), said.get("access_token")
    if tokens.settings.claim not in claims and isinstance(access, str):
        more = await _more(tokens, access)
        if more:
            _require_same(more, subject)
        ends = [float(each["exp"]) for each in (more, claims) if "exp" in each]
        claims = {**more, **claims, "exp": min(ends)}
    refresh = said.get("refresh_token")
    return Granted(
        bearer=tokens.bearer_of(claims),
        subject=subject,
        refresh=refresh if isinstance(refresh, str) else "",
    )


async def _more(tokens: AccessTokens, access: str) -> Mapping[str, Any]:
    """Return what an access token says, or what the issuer tells to who has it."""
    if access.count(".") == 2:
        return await tokens.claims(access, tokens.settings.audience)
    where = (await tokens.issuer.about()).get("userinfo_endpoint")
    if not isinstance(where, str):
        return {}
    said = await tokens.issuer.ask(where, None, {"Authorization": f"Bearer {access}"})
    return {key: said[key] for key in said if key != "exp"} if isinstance(said, Mapping) else {}


def _require_same(claims: Mapping[str, Any], subject: str) -> None:
    if not subject or str(claims.get("sub", "")) != subject:
        raise UnauthenticatedError("the issuer's tokens are of two people")
