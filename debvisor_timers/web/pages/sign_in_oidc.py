# SPDX-License-Identifier: Apache-2.0
"""Signing in to the pages at the issuer: authorization code with PKCE (RFC 7636)."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import secrets
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from time import monotonic
from typing import Any
from urllib.parse import urlencode

from fastapi import APIRouter, Request, Response
from fastapi.responses import HTMLResponse, RedirectResponse
from markupsafe import escape

from debvisor_timers.errors import DebvisorTimersError, NotFoundError, UnauthenticatedError
from debvisor_timers.jobs.web import Oidc
from debvisor_timers.web.identity.client_secret import client_secret
from debvisor_timers.web.identity.oidc import AccessTokens, Bearer
from debvisor_timers.web.identity.sessions import Session, believed
from debvisor_timers.web.pages.sign_in import identity_of, keep, safe_path, shown

router = APIRouter()

_SECONDS = 600
_LONGEST_PATH = 1_500
"""Browsers keep 4,096 bytes."""
_COOKIE = "debvisor-oidc"
DONE = "/sign-in/done"


@dataclass(frozen=True, slots=True, kw_only=True)
class _Begun:
    """Somebody was sent to the issuer; what has to fit when he comes back."""

    at: float
    state: str
    verifier: str
    nonce: str
    path: str
    redirect_uri: str


def _sealed(key: bytes, begun: _Begun) -> str:
    """Return what the browser keeps meanwhile: here it could be crowded out by anybody."""
    text = base64.urlsafe_b64encode(json.dumps(asdict(begun)).encode()).decode().rstrip("=")
    return f"{text}.{_mac(key, text)}"


def _opened(key: bytes, cookie: str, state: str) -> _Begun | None:
    """Return what was sealed for this `state`; None for what was not, or is too old."""
    text, _, mac = cookie.partition(".")
    if not secrets.compare_digest(_mac(key, text).encode(), mac.encode()):
        return None
    begun = _Begun(**json.loads(base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))))
    is_his = secrets.compare_digest(begun.state.encode(), state.encode("utf-8", "replace"))
    return begun if is_his and monotonic() - begun.at < _SECONDS else None


def _mac(key: bytes, text: str) -> str:
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


@router.get("/sign-in/oidc")
async def begin(request: Request, next: str = "/") -> Response:  # noqa: A002 - as pages call it
    """Send the browser to the issuer."""
    tokens, settings = _require(request)
    try:
        about = await tokens.issuer.about()
    except DebvisorTimersError as error:
        return shown(request, safe_path(next), error=error.message, status=error.http_status)
    state, verifier = secrets.token_urlsafe(32), secrets.token_urlsafe(64)
    path = safe_path(next)
    begun = _Begun(
        at=monotonic(),
        state=state,
        verifier=verifier,
        nonce=secrets.token_urlsafe(32),
        path=path if len(json.dumps(path)) < _LONGEST_PATH else "/",
        redirect_uri=settings.redirect_uri or str(request.url.replace(path=DONE, query="")),
    )
    asked = {
        "response_type": "code",
        "client_id": settings.client_id,
        "redirect_uri": begun.redirect_uri,
        "scope": " ".join(_scopes(settings)),
        "state": state,
        "nonce": begun.nonce,
        "code_challenge": _challenge(verifier),
        "code_challenge_method": "S256",
    }
    where = str(about["authorization_endpoint"])
    answer = RedirectResponse(f"{where}{'&' if '?' in where else '?'}{urlencode(asked)}", 303)
    # Lax: it has to come along when the issuer sends the browser back.
    answer.set_cookie(
        _COOKIE,
        _sealed(_key(request), begun),
        max_age=_SECONDS,
        path=DONE,
        secure=request.url.scheme == "https",
        httponly=True,
        samesite="lax",
    )
    return answer


@router.get(DONE)
async def done(request: Request, state: str = "", code: str = "", error: str = "") -> Response:
    """Take the browser back from the issuer, and begin a session."""
    tokens, settings = _require(request)
    begun = _opened(_key(request), request.cookies.get(_COOKIE, ""), state)
    if begun is None:
        return shown(request, "/", error="that took too long: sign in again", status=400)
    try:
        if error or not code:
            raise UnauthenticatedError(f"the issuer has refused: {error[:100] or 'no code'}")
        bearer = await _exchange(tokens, begun, code)
    except DebvisorTimersError as wrong:
        return shown(request, begun.path, error=wrong.message, status=wrong.http_status)
    identity = identity_of(request)
    # The token's own end is minutes away: that is how long it may be shown to others.
    end = identity.now() + identity.settings.session
    session = Session(name=bearer.name, role=bearer.role, expires=end, issuer=believed(settings))
    answer = _onward(begun.path)
    keep(request, answer, await identity.sessions.begin(session, identity.now()))
    answer.delete_cookie(_COOKIE, path=DONE)
    return answer


async def _exchange(tokens: AccessTokens, begun: _Begun, code: str) -> Bearer:
    """Return who has signed in. Raises errors of ours for who has not."""
    settings, about = tokens.settings, await tokens.issuer.about()
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": begun.redirect_uri,
        "client_id": settings.client_id,
        "code_verifier": begun.verifier,
    }
    secret = client_secret(settings)
    if secret:
        form["client_secret"] = secret
    said = await tokens.issuer.ask(str(about["token_endpoint"]), form, {})
    if not isinstance(said, Mapping) or not isinstance(said.get("id_token"), str):
        raise UnauthenticatedError("the issuer has given no token")
    claims = await tokens.claims(said["id_token"], settings.client_id)
    if not secrets.compare_digest(str(claims.get("nonce", "")).encode(), begun.nonce.encode()):
        raise UnauthenticatedError("the issuer's token is not for this sign-in")
    return await _bearer(tokens, claims, said)


async def _bearer(
    tokens: AccessTokens, claims: Mapping[str, Any], said: Mapping[str, Any]
) -> Bearer:
    """Return whom both tokens name: the roles stand in the access token, or beside the name."""
    access = said.get("access_token")
    if tokens.settings.claim not in claims and isinstance(access, str) and access.count(".") == 2:
        granted = await tokens.claims(access, tokens.settings.audience)
        if granted.get("sub") != claims.get("sub"):
            raise UnauthenticatedError("the issuer's tokens are of two people")
        return tokens.bearer_of({**granted, **claims})
    return tokens.bearer_of(claims)


def _require(request: Request) -> tuple[AccessTokens, Oidc]:
    tokens = identity_of(request).access_tokens
    if tokens is None or not tokens.settings.client_id:
        raise NotFoundError("nobody signs in by an issuer here", fix="set web.oidc.client_id")
    return tokens, tokens.settings


def _key(request: Request) -> bytes:
    """Return what seals the cookies of this server until it ends."""
    state = request.app.state
    if not hasattr(state, "oidc_key"):
        state.oidc_key = secrets.token_bytes(32)
    found: bytes = state.oidc_key
    return found


def _scopes(settings: Oidc) -> list[str]:
    own = list(settings.roles) if settings.claim == "scope" else []
    return list(dict.fromkeys(["openid", "profile", *own]))


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def _onward(path: str) -> Response:
    """Return a page that goes on by itself.

    A redirect would not do: it would still count as the issuer's, and a SameSite=Strict cookie
    would not come along.
    """
    where = escape(path)
    return HTMLResponse(
        '<!doctype html>\n<html lang="en"><head><title>Signed in</title>'
        f'<meta http-equiv="refresh" content="0; url={where}"></head>'
        f'<body><p>Signed in. <a href="{where}">Go on</a></p></body></html>\n'
    )
