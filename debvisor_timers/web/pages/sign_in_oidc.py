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
from fastapi.responses import RedirectResponse

from debvisor_timers.errors import (
    DebvisorTimersError,
    NotFoundError,
    UnauthenticatedError,
    UsageError,
)
from debvisor_timers.jobs.web import Oidc
from debvisor_timers.web.identity.grants import by_code
from debvisor_timers.web.identity.oidc import AccessTokens
from debvisor_timers.web.identity.renewals import known_until
from debvisor_timers.web.identity.sessions import Session, believed
from debvisor_timers.web.pages.rendering import page
from debvisor_timers.web.pages.sign_in import identity_of, keep, safe_path, shown

router = APIRouter()

_SECONDS = 600
_LONGEST_PATH = 1_500
"""Browsers keep 4,096 bytes."""
_LONGEST_WORDS = 200
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


def _with_query(url: str, asked: Mapping[str, str]) -> str:
    """Return the address with a query, one that may have a part of it already."""
    return f"{url}{'&' if '?' in url else '?'}{urlencode(asked)}"


@router.get("/sign-in/oidc")
async def begin(request: Request, next: str = "/", other: str = "") -> Response:  # noqa: A002 - as pages call it
    """Send the browser to the issuer; `other`: who it knows already may be somebody else."""
    tokens, settings = _require(request)
    try:
        about = await tokens.issuer.about(is_there=True)
    except DebvisorTimersError as error:
        return shown(request, safe_path(next), error)
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
        "scope": " ".join(_scopes(settings, about)),
        "state": state,
        "nonce": begun.nonce,
        "code_challenge": _challenge(verifier),
        "code_challenge_method": "S256",
        **({"prompt": "login"} if other else {}),
    }
    answer = RedirectResponse(_with_query(str(about["authorization_endpoint"]), asked), 303)
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
        words = "this sign-in was begun in another window, or too long ago"
        return shown(request, "/", UsageError(words, fix="sign in again"))
    try:
        if error or not code:
            raise _refusal(request, error)
        granted = await by_code(
            tokens,
            code,
            verifier=begun.verifier,
            redirect_uri=begun.redirect_uri,
            nonce=begun.nonce,
        )
    except DebvisorTimersError as wrong:
        return shown(request, begun.path, wrong)
    identity = identity_of(request)
    now = identity.now()
    session = Session(
        name=granted.bearer.name,
        role=granted.bearer.role,
        expires=now + identity.settings.session,
        issuer=believed(settings),
        subject=granted.subject,
        until=known_until(granted, now),
    )
    # A redirect would not do: it would still count as the issuer's, and a SameSite=Strict cookie
    # would not come along.
    answer = page(request, "signed-in.html.j2", None, onward=begun.path)
    keep(request, answer, await identity.sessions.begin(session, now, granted.refresh))
    answer.delete_cookie(_COOKIE, path=DONE)
    return answer


def _refusal(request: Request, error: str) -> UnauthenticatedError:
    said = request.query_params.get("error_description", "")
    words = ": ".join(each for each in (error, said) if each)[:_LONGEST_WORDS]
    return UnauthenticatedError(f"the issuer has refused: {words or 'it has sent no code'}")


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


def _scopes(settings: Oidc, about: Mapping[str, Any]) -> list[str]:
    """Return what the issuer is asked for: at many, a claim comes with the scope of its name."""
    own = list(settings.roles) if settings.claim == "scope" else []
    known = about.get("scopes_supported")
    claims = [settings.claim, settings.name_claim]
    named = [each for each in claims if isinstance(known, list) and each in known]
    return list(dict.fromkeys(["openid", "profile", *own, *named]))


def _challenge(verifier: str) -> str:
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()
