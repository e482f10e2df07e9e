# SPDX-License-Identifier: Apache-2.0
"""Tokens: who may use the HTTP API, by something that only he has.

A token is 256 random bits, so a fast digest keeps it: nobody can try them all. It is shown once.
"""

from __future__ import annotations

import hashlib
import os
import secrets
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from debvisor_timers.errors import NotFoundError, RefusedError, SystemdError, UsageError
from debvisor_timers.history.caller import Caller
from debvisor_timers.jobs.faults import did_you_mean
from debvisor_timers.jobs.names import check_short_name
from debvisor_timers.layout import Layout
from debvisor_timers.operations import durable
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.operations.holding.marks import person
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.lock import exclusive

PREFIX = "dvt_"
"""How every token begins, so that people and programs know one when they see it."""

_BYTES = 32
_FORMAT = 1
_MODE = 0o640
_LOCK_WAIT = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Token:
    """What is known of a token, which is not the token itself.

    digest: SHA-256 of it, in hexadecimal digits. expires: None for one without end. created_by:
    as marks name people. last_used: None where that is not known. Times are aware, UTC.
    """

    name: str
    role: Role
    digest: str
    created: datetime
    created_by: str = ""
    expires: datetime | None = None
    last_used: datetime | None = None

    def holds(self, now: datetime) -> bool:
        """Return False when its time is over: nobody is let in by it then."""
        return self.expires is None or now < self.expires


@dataclass(frozen=True, slots=True, kw_only=True)
class NewToken:
    """A token that was made; secret: the only time that it is told."""

    token: Token
    secret: str


def digest_of(secret: str) -> str:
    """Return what is kept of a token."""
    return hashlib.sha256(secret.encode("utf-8", "surrogatepass")).hexdigest()


def create_token(
    host: Host, name: str, role: Role, caller: Caller, *, expires: datetime | None = None
) -> NewToken:
    """Make a token and keep its digest, durably.

    Raises UsageError for a wrong name or time, RefusedError where there is one of that name,
    LockedError, PermissionRefusedError, SystemdError.
    """
    _check(name)
    with exclusive(host.layout.runtime, purpose="debvisor-timers token create", wait=_LOCK_WAIT):
        now = host.clock.now()
        if expires is not None and expires <= now:
            raise UsageError("--expires names a time that has passed", fix="name a later one")
        there = _read(host.layout.tokens)
        if name in there:
            raise RefusedError(
                f"there is a token {name} already",
                fix=f"use another name, or revoke it: debvisor-timers token revoke {name}",
            )
        secret = PREFIX + secrets.token_urlsafe(_BYTES)
        token = Token(
            name=name,
            role=role,
            digest=digest_of(secret),
            created=now,
            created_by=person(caller),
            expires=expires,
        )
        _write(host.layout, [*there.values(), token])
    return NewToken(token=token, secret=secret)


def revoke_token(host: Host, name: str) -> Token:
    """Forget a token, durably: from now on nobody is let in by it. Return what it was.

    Raises NotFoundError, LockedError, PermissionRefusedError, SystemdError.
    """
    with exclusive(host.layout.runtime, purpose="debvisor-timers token revoke", wait=_LOCK_WAIT):
        there = dict(_read(host.layout.tokens))
        if name not in there:
            raise _no_such(name, there)
        token = there.pop(name)
        _write(host.layout, there.values())
    return token


def list_tokens(layout: Layout) -> Sequence[Token]:
    """Return all tokens by name, with their last use as far as that may be read.

    Raises PermissionRefusedError for who may not read them, SystemdError where their file is
    damaged.
    """
    used = last_uses(layout)
    return [
        Token(
            name=token.name,
            role=token.role,
            digest=token.digest,
            created=token.created,
            created_by=token.created_by,
            expires=token.expires,
            last_used=used.get(token.digest),
        )
        for _, token in sorted(_read(layout.tokens).items())
    ]


def find_token(layout: Layout, name: str) -> Token:
    """Return one token, as `list_tokens` does. Raises NotFoundError besides."""
    tokens = {token.name: token for token in list_tokens(layout)}
    if name not in tokens:
        raise _no_such(name, tokens)
    return tokens[name]


def read_tokens(path: Path) -> Mapping[str, Token]:
    """Return the tokens of a file by their digests: the look-up of the web server."""
    return {token.digest: token for token in _read(path).values()}


def last_uses(layout: Layout) -> Mapping[str, datetime]:
    """Return when tokens were last used, by their digests, as the web server has noted it."""
    try:
        said = durable.read_json(layout.last_uses)
    except (SystemdError, RefusedError):
        return {}
    uses = said if isinstance(said, dict) else {}
    times = {str(digest): _moment(at) for digest, at in uses.items()}
    return {digest: at for digest, at in times.items() if at is not None}


def guard(layout: Layout) -> None:
    """Let the file of tokens be read by the group that may read the configuration, and by root."""
    os.chmod(layout.tokens, _MODE)  # noqa: PTH101 - before chown, which nobody but root may do
    with suppress(OSError):
        os.chown(layout.tokens, -1, layout.config.stat().st_gid)


def _no_such(name: str, known: Iterable[str]) -> NotFoundError:
    return NotFoundError(
        f"there is no token {name!r}{did_you_mean(name, known)}",
        fix="`debvisor-timers token list` shows them",
    )


def _check(name: str) -> None:
    try:
        check_short_name(name, kind="token")
    except ValueError as error:
        raise UsageError(
            f"{name!r} is not a name of a token",
            fix="use a-z, 0-9 and -, a letter first, at most 63 characters",
        ) from error


def _read(path: Path) -> Mapping[str, Token]:
    """Return the tokens by their names."""
    said = durable.read_json(path)
    if said is None:
        return {}
    try:
        if not isinstance(said, dict) or said["format"] != _FORMAT:
            raise ValueError("it is of another version")  # noqa: TRY301
        tokens = [_parsed(name, each) for name, each in said["tokens"].items()]
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        raise SystemdError(
            f"{path} is damaged: {error}",
            fix="bring it back by `debvisor-timers config restore`, or remove it and make new "
            "tokens",
        ) from error
    return {token.name: token for token in tokens}


def _parsed(name: str, said: Mapping[str, object]) -> Token:
    created = _moment(said["created"])
    if created is None:
        raise ValueError(f"token {name} has no time")
    expires = said.get("expires")
    until = _moment(expires)
    if expires is not None and until is None:
        raise ValueError(f"the end of token {name} is no time")
    return Token(
        name=name,
        role=Role(str(said["role"])),
        digest=str(said["sha256"]),
        created=created,
        created_by=str(said.get("created_by", "")),
        expires=until,
    )


def _write(layout: Layout, tokens: Iterable[Token]) -> None:
    said = {
        token.name: {
            "sha256": token.digest,
            "role": str(token.role),
            "created": token.created.isoformat(),
            "created_by": token.created_by,
            "expires": token.expires.isoformat() if token.expires else None,
        }
        for token in sorted(tokens, key=lambda each: each.name)
    }
    durable.write_json(layout.tokens, {"format": _FORMAT, "tokens": said}, mode=0o600)
    guard(layout)


def _moment(value: object) -> datetime | None:
    try:
        return datetime.fromisoformat(value).astimezone(UTC) if isinstance(value, str) else None
    except (ValueError, OverflowError):
        return None
