# SPDX-License-Identifier: Apache-2.0
"""Asking the issuer again about sessions that began there: who is disabled there is out here."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from time import monotonic

from debvisor_timers.errors import PermissionRefusedError, UnauthenticatedError
from debvisor_timers.web.identity.grants import Granted, by_refresh
from debvisor_timers.web.identity.oidc import AccessTokens
from debvisor_timers.web.identity.refusals import IssuerError
from debvisor_timers.web.identity.sessions import Session, Sessions, sealed, unsealed

_LEAST = timedelta(seconds=10)
"""So long counts what the issuer says, though its clock goes slow: nobody goes round in circles."""

_PAUSE_SECONDS = 10
"""So long nobody waits for an issuer that has not answered."""


def known_until(granted: Granted, now: datetime) -> datetime:
    """Return when the issuer has to be asked again."""
    return max(granted.bearer.expires, now + _LEAST)


class Renewals:
    """Asks once for all who wait for the same session: a refresh token is often good once."""

    def __init__(
        self, tokens: AccessTokens, sessions: Sessions, now: Callable[[], datetime]
    ) -> None:
        """tokens: of the issuer where the sessions began."""
        self._tokens = tokens
        self._sessions = sessions
        self._now = now
        self._asking: dict[str, asyncio.Task[Session | None]] = {}
        self._failed = -float(_PAUSE_SECONDS)

    async def renewed(self, cookie: str, session: Session) -> Session | None:
        """Return a session as the issuer has it now; None where that does not let him in.

        Raises IssuerError where the issuer cannot be asked: the session waits for it.
        """
        task = self._asking.get(cookie)
        if task is None:
            task = asyncio.get_running_loop().create_task(self._ask(cookie, session))
            self._asking[cookie] = task
            task.add_done_callback(lambda done: self._forget(cookie, done))
        return await asyncio.shield(task)  # who goes away takes nothing from the others

    def _forget(self, cookie: str, done: asyncio.Task[Session | None]) -> None:
        self._asking.pop(cookie, None)
        if not done.cancelled():
            done.exception()  # seen, though nobody may wait any more

    async def _ask(self, cookie: str, session: Session) -> Session | None:
        refresh = unsealed(cookie, session.refresh)
        if not refresh:
            return None
        if monotonic() - self._failed < _PAUSE_SECONDS:
            raise IssuerError("the issuer could not be asked a moment ago")
        now = self._now()
        try:
            granted = await by_refresh(self._tokens, refresh, subject=session.subject, now=now)
        except IssuerError:
            self._failed = monotonic()
            raise
        except (UnauthenticatedError, PermissionRefusedError):
            await self._sessions.end(cookie)
            return None
        renewed = replace(
            session,
            name=granted.bearer.name,
            role=granted.bearer.role,
            until=known_until(granted, now),
            refresh=sealed(cookie, granted.refresh),
        )
        await self._sessions.renew(cookie, renewed)
        return renewed
