# SPDX-License-Identifier: Apache-2.0
"""Who is signed in to the pages: by a cookie, which is kept as a digest, like a token.

A session that began with a token lasts no longer than the token, and has the token's role; one
that began at an issuer lasts no longer than what the issuer has said, unless it says so again.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography.fernet import Fernet, InvalidToken

from debvisor_timers.errors import SystemdError
from debvisor_timers.jobs.web import Oidc
from debvisor_timers.operations import durable
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.operations.access.tokens import digest_of

_MOST = 1_000
_MOST_OF_ONE = 50
"""So many has one token, or person, at once: nobody signs the others out by signing in."""
_BYTES = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Session:
    """Who is signed in, and until when.

    token: the digest of his token, empty for others. issuer: of those, what the settings said of
    the issuer, as `believed` has it; subject: who it is there; until: when what the issuer has
    said of him is over; refresh: what asks it again, sealed, empty where it gives nothing such.
    """

    name: str
    role: Role
    expires: datetime
    token: str = ""
    issuer: str = ""
    subject: str = ""
    until: datetime | None = None
    refresh: str = ""

    def is_known(self, now: datetime) -> bool:
        """Return False where the issuer has to be asked again whether it is still so."""
        return not self.issuer or (self.until is not None and now < self.until)


@dataclass(frozen=True, slots=True, kw_only=True)
class Begun:
    """A session that begins: what the browser is to keep, and for how long."""

    cookie: str
    lasts: timedelta


def believed(settings: Oidc | None) -> str:
    """Return what is another for other settings of an issuer; empty where none is believed."""
    return digest_of(settings.model_dump_json()) if settings is not None else ""


def csrf_token(cookie: str) -> str:
    """Return what a form of a session has to carry: nobody can tell it who lacks the cookie."""
    return hmac.new(cookie.encode(), b"csrf", hashlib.sha256).hexdigest()


def is_csrf_token(cookie: str, said: str) -> bool:
    """Return True where that is what `csrf_token` has returned."""
    return hmac.compare_digest(csrf_token(cookie).encode(), said.encode("utf-8", "replace"))


def sealed(cookie: str, text: str) -> str:
    """Return a secret as the file may have it: nobody reads it who lacks the cookie."""
    return _seal_of(cookie).encrypt(text.encode()).decode() if text else ""


def unsealed(cookie: str, text: str) -> str:
    """Return what was sealed, empty where that was not by this cookie."""
    try:
        return _seal_of(cookie).decrypt(text).decode() if text else ""
    except InvalidToken:
        return ""


def _seal_of(cookie: str) -> Fernet:
    key = hmac.new(cookie.encode(), b"refresh", hashlib.sha256).digest()
    return Fernet(base64.urlsafe_b64encode(key))


class Sessions:
    """All sessions, in memory and in a file that outlives the server."""

    def __init__(self, path: Path) -> None:
        """path: a file of the server's own."""
        self._path = path
        self._lock = asyncio.Lock()
        self._sessions: dict[str, Session] | None = None

    def find(self, cookie: str, now: datetime) -> Session | None:
        """Return the session of a cookie, None where there is none, or it is over."""
        session = self._all().get(digest_of(cookie))
        return session if session is not None and now < session.expires else None

    async def begin(self, session: Session, now: datetime, refresh: str = "") -> Begun:
        """Begin a session; return the cookie. refresh: is sealed by it."""
        cookie = secrets.token_urlsafe(_BYTES)
        session = replace(session, refresh=sealed(cookie, refresh))
        async with self._lock:
            there = self._all()
            alive = [(key, each) for key, each in there.items() if now < each.expires]
            own = [key for key, each in alive if _is_of_the_same(each, session)]
            old = set(own[: len(own) - _MOST_OF_ONE + 1]) if len(own) >= _MOST_OF_ONE else set()
            alive = [(key, each) for key, each in alive if key not in old]
            self._sessions = {**dict(alive[-_MOST + 1 :]), digest_of(cookie): session}
            await self._write()
        return Begun(cookie=cookie, lasts=session.expires - now)

    async def renew(self, cookie: str, session: Session) -> None:
        """Let a session be another from now on, unless it has ended meanwhile."""
        async with self._lock:
            if digest_of(cookie) in self._all():
                self._all()[digest_of(cookie)] = session
                await self._write()

    async def end(self, cookie: str) -> None:
        """End the session of a cookie, if there is one."""
        async with self._lock:
            if self._all().pop(digest_of(cookie), None) is not None:
                await self._write()

    def _all(self) -> dict[str, Session]:
        if self._sessions is None:
            try:
                said = durable.read_json(self._path)
            except SystemdError:
                said = None  # damaged: all sign in anew
            rows = said if isinstance(said, dict) else {}
            parsed = {key: _parsed(row) for key, row in rows.items()}
            self._sessions = {key: each for key, each in parsed.items() if each is not None}
        return self._sessions

    async def _write(self) -> None:
        said = {
            key: {
                "name": each.name,
                "role": str(each.role),
                "expires": each.expires.isoformat(),
                "token": each.token,
                "issuer": each.issuer,
                "subject": each.subject,
                "until": each.until.isoformat() if each.until else "",
                "refresh": each.refresh,
            }
            for key, each in self._all().items()
        }
        await asyncio.to_thread(durable.write_json, self._path, said, mode=0o600)


def _is_of_the_same(one: Session, other: Session) -> bool:
    return (one.token, one.issuer, one.name) == (other.token, other.issuer, other.name)


def _parsed(row: object) -> Session | None:
    if not isinstance(row, Mapping):
        return None
    try:
        return Session(
            name=str(row["name"]),
            role=Role(str(row["role"])),
            expires=_moment(row["expires"]),
            token=str(row.get("token", "")),
            issuer=str(row.get("issuer", "")),
            subject=str(row.get("subject", "")),
            until=_moment(row["until"]) if row.get("until") else None,
            refresh=str(row.get("refresh", "")),
        )
    except (KeyError, ValueError):
        return None


def _moment(said: object) -> datetime:
    return datetime.fromisoformat(str(said)).astimezone(UTC)
