# SPDX-License-Identifier: Apache-2.0
"""Who may use the HTTP API: tokens."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from debvisor_timers.scheduler.base import Base

if TYPE_CHECKING:
    from collections.abc import Sequence

    from debvisor_timers.operations.access.roles import Role
    from debvisor_timers.operations.access.tokens import NewToken, Token


class Tokens(Base):
    """Make tokens, list them, take them back."""

    def create_token(self, name: str, role: Role, *, expires: datetime | None = None) -> NewToken:
        """Make a token of the HTTP API; what is returned tells it this one time."""
        from debvisor_timers.operations.access.tokens import create_token

        with self.attempt("token") as attempt:
            attempt.begin()
            made = create_token(self.host, name, role, self.caller, expires=expires)
            until = f", until {expires.isoformat(timespec='seconds')}" if expires else ""
            attempt.done(f"create {name} as {role}{until}")
        return made

    def revoke_token(self, name: str) -> Token:
        """Let nobody in any more by a token, from now on; return what it was."""
        from debvisor_timers.operations.access.tokens import revoke_token

        with self.attempt("token") as attempt:
            attempt.begin()
            revoked = revoke_token(self.host, name)
            attempt.done(f"revoke {name}, which was {revoked.role}")
        return revoked

    def tokens(self) -> Sequence[Token]:
        """Return all tokens by name, with their last use as far as that may be read."""
        from debvisor_timers.operations.access.tokens import list_tokens

        return list_tokens(self.layout)

    def token(self, name: str) -> Token:
        """Return one token. Raises NotFoundError."""
        from debvisor_timers.operations.access.tokens import find_token

        return find_token(self.layout, name)
