# SPDX-License-Identifier: Apache-2.0
"""Why somebody is not let in though he may be who he says."""

from __future__ import annotations

from debvisor_timers.errors import DebvisorTimersError, ExitCode, RefusedError, UnauthenticatedError


class TooManyRequestsError(RefusedError):
    """A client that asks too often, or has sent too many wrong tokens.

    retry_after: seconds until it may ask again.
    """

    http_status = 429

    def __init__(self, message: str, *, retry_after: int) -> None:
        """Keep the message, and when to try again."""
        super().__init__(message, fix=f"wait {retry_after} s, then try again")
        self.retry_after = retry_after


class ExpiredError(UnauthenticatedError):
    """A token whose time is over: wrong, but nobody's guess."""


class IssuerError(DebvisorTimersError):
    """The issuer of access tokens cannot be asked, or says what it must not."""

    exit_code = ExitCode.SYSTEMD
    http_status = 503


class IssuerAwayError(IssuerError):
    """The issuer does not answer."""


class IssuerRefusalError(UnauthenticatedError):
    """The issuer has understood, and says no: to a code, or to a refresh token."""
