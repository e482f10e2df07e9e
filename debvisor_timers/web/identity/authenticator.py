# SPDX-License-Identifier: Apache-2.0
"""Tells who has sent a request: each way in, one after the other."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Literal
from urllib.parse import urlsplit

from fastapi import Request

from debvisor_timers.errors import PermissionRefusedError, UnauthenticatedError
from debvisor_timers.jobs.web import WebSettings
from debvisor_timers.layout import Layout
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.operations.access.tokens import Token
from debvisor_timers.web.forms import fields_in
from debvisor_timers.web.identity.issuer import Issuer
from debvisor_timers.web.identity.limits import LockOut, client_of
from debvisor_timers.web.identity.oidc import AccessTokens
from debvisor_timers.web.identity.peers import Peer, PeerRoles
from debvisor_timers.web.identity.refusals import ExpiredError
from debvisor_timers.web.identity.renewals import Renewals
from debvisor_timers.web.identity.sessions import (
    Session,
    Sessions,
    believed,
    csrf_token,
    is_csrf_token,
)
from debvisor_timers.web.identity.table import TokenTable
from debvisor_timers.web.identity.uses import Uses
from debvisor_timers.web.principal import Principal

CSRF_FIELD = "csrf"
CSRF_HEADER = "x-csrf-token"
SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing: a session needs no CSRF token for them."""

_FORWARDED = ("forwarded", "via", "x-forwarded-for", "x-forwarded-host", "x-real-ip")


def cookie_name(request: Request) -> str:
    """Return the name of the cookie of a session; browsers keep `__Host-` to this host and TLS."""
    return "__Host-debvisor-session" if request.url.scheme == "https" else "debvisor-session"


def address_of(request: Request) -> str:
    """Return from where a request comes, as the edge of the server has found out."""
    return str(getattr(request.state, "address", "") or (request.client or ("",))[0])


@dataclass(frozen=True, slots=True, kw_only=True)
class Identity:
    """All that is needed to know who somebody is; made by `of`."""

    settings: WebSettings
    tokens: TokenTable
    uses: Uses
    sessions: Sessions
    peers: PeerRoles
    lock_out: LockOut
    access_tokens: AccessTokens | None
    renewals: Renewals | None
    now: Callable[[], datetime]

    @classmethod
    def of(
        cls,
        layout: Layout,
        settings: WebSettings,
        *,
        issuer: Issuer | None = None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> Identity:
        """Return what the server of a host needs; issuer: another than the settings name."""
        tokens = TokenTable(layout.tokens)
        oidc = settings.oidc
        roles = settings.peers
        sessions = Sessions(layout.web_state / "sessions.json")
        believing = AccessTokens(oidc, issuer or Issuer(oidc.issuer)) if oidc else None
        return cls(
            settings=settings,
            tokens=tokens,
            uses=Uses(layout, tokens.digests),
            sessions=sessions,
            peers=PeerRoles(
                None if roles is None else {who: Role(str(role)) for who, role in roles.items()}
            ),
            lock_out=LockOut(settings.failures, settings.lock_out),
            access_tokens=believing,
            renewals=Renewals(believing, sessions, now) if believing else None,
            now=now,
        )

    async def identify(self, request: Request) -> Principal | None:
        """Return who has sent a request: by a token, a session, a socket; None for nobody.

        Raises UnauthenticatedError for a wrong token, TooManyRequestsError after too many of them,
        PermissionRefusedError for a form that does not come from a page of ours.
        """
        found = await self._found(request)
        request.state.principal = found
        return found

    async def _found(self, request: Request) -> Principal | None:
        secret = secret_of(request)
        if secret is not None:
            return await self.of_secret(secret, request)
        cookie = request.cookies.get(cookie_name(request))
        if cookie:
            session = self.session_of(cookie) or await self._renewed(request, cookie)
            if session is not None:
                await require_own_form(request, cookie)
                request.state.csrf = csrf_token(cookie)
                request.state.is_still_let_in = lambda: self.session_of(cookie) is not None
                found = _principal(request, session.name, session.role, "session")
                return replace(found, began_by="token" if session.token else "oidc")
        peer = getattr(request.state, "peer", None)
        if isinstance(peer, Peer) and not any(name in request.headers for name in _FORWARDED):
            # A proxy that comes by the socket is not who sends what it passes on.
            name, role = await asyncio.to_thread(self.peers.of, peer)
            if role is not None:
                return _principal(request, name, role, "peer")
        return None

    async def _renewed(self, request: Request, cookie: str) -> Session | None:
        """Return a session after its issuer was asked again; None where it is over."""
        session = self.sessions.find(cookie, self.now())
        if session is None or self.renewals is None or not self._is_believed(session):
            return None
        request.state.is_of_issuer = True  # so its door is where he signs in again
        return await self.renewals.renewed(cookie, session)

    def _is_believed(self, session: Session) -> bool:
        return bool(session.issuer) and session.issuer == believed(self.settings.oidc)

    async def of_secret(self, secret: str, request: Request) -> Principal:
        """Return who has this token, or access token."""
        client = client_of(address_of(request))
        self.lock_out.check(client)
        try:
            if self.access_tokens is not None and secret.count(".") == 2:
                bearer = await self.access_tokens.bearer(secret)
                request.state.is_still_let_in = lambda: self.now() < bearer.expires
                return _principal(request, bearer.name, bearer.role, "oidc")
            token = self.token_of(secret)
        except UnauthenticatedError as error:
            if not isinstance(error, ExpiredError):
                self.lock_out.note(client)
            raise
        self.uses.note(token.digest, self.now())
        request.state.is_still_let_in = lambda: self._is_the_same(token)
        return _principal(request, token.name, token.role, "token")

    def _is_the_same(self, token: Token) -> bool:
        return self.tokens.of_digest(token.digest) == token and token.holds(self.now())

    def token_of(self, secret: str) -> Token:
        """Return the token that this is. Raises UnauthenticatedError."""
        token = self.tokens.of_secret(secret)
        if token is None:
            raise UnauthenticatedError(
                "there is no such token: it is wrong, or was revoked",
                fix="make one: debvisor-timers token create NAME --role ROLE",
            )
        if not token.holds(self.now()):
            raise ExpiredError(
                f"the token {token.name} has expired",
                fix="make another one: debvisor-timers token create NAME --role ROLE",
            )
        return token

    def session_of(self, cookie: str) -> Session | None:
        """Return the session of a cookie, with the role that its token has now.

        None also for one of which the issuer has to be asked again.
        """
        session = self.sessions.find(cookie, self.now())
        if session is None:
            return None
        if not session.token:
            is_good = self._is_believed(session) and session.is_known(self.now())
            return session if is_good else None
        token = self.tokens.of_digest(session.token)
        if token is None or not token.holds(self.now()):
            return None
        return Session(
            name=token.name, role=token.role, expires=session.expires, token=session.token
        )


def secret_of(request: Request) -> str | None:
    """Return the token that a request carries in its headers, None where there is none.

    Raises UnauthenticatedError for what is written in another way.
    """
    header = request.headers.get("authorization")
    if header is None:
        return request.headers.get("x-api-key")
    scheme, _, secret = header.partition(" ")
    if scheme.lower() != "bearer" or not secret.strip():
        raise UnauthenticatedError(
            "the header Authorization is not understood",
            fix="write it as Authorization: Bearer TOKEN",
        )
    return secret.strip()


async def require_own_form(request: Request, cookie: str) -> None:
    """Raise unless what changes something comes from a page of ours."""
    if request.method in SAFE:
        return
    require_same_site(request)
    said = request.headers.get(CSRF_HEADER)
    if said is None and _is_form(request):
        # The body, not the form: whoever comes after us may read it in either way.
        said = fields_in(await request.body()).get(CSRF_FIELD, "")
    if said is None or not is_csrf_token(cookie, said):
        raise PermissionRefusedError(
            "this form is not of a page that this session was shown",
            fix="load the page again, and send the form from there",
        )


def require_same_site(request: Request) -> None:
    """Raise PermissionRefusedError for what a page of another server has sent."""
    site = request.headers.get("sec-fetch-site", "same-origin")
    origin = request.headers.get("origin")
    is_ours = origin is None or urlsplit(origin).netloc == request.headers.get("host")
    if site not in {"same-origin", "none"} or not is_ours:
        raise PermissionRefusedError(
            "this was sent by a page of another server", fix="use the pages of this server"
        )


def _is_form(request: Request) -> bool:
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    return kind == "application/x-www-form-urlencoded"


def _principal(
    request: Request, name: str, role: Role, kind: Literal["token", "oidc", "peer", "session"]
) -> Principal:
    return Principal(
        name=name,
        role=role,
        kind=kind,
        address=address_of(request),
        request_id=str(getattr(request.state, "request_id", "")),
    )
