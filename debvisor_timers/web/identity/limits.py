# SPDX-License-Identifier: Apache-2.0
"""How much one client may ask for, and after how many wrong tokens nobody listens to it."""

from __future__ import annotations

import ipaddress
import math
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta
from time import monotonic

from debvisor_timers.web.identity.refusals import TooManyRequestsError

_MOST_CLIENTS = 10_000
"""So many are remembered; those that were heard of least recently go first."""


def client_of(address: str) -> str:
    """Return what one client is known by: who has one address of IPv6 has all of its network."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return address
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped is None:
        return str(ipaddress.IPv6Network((int(found), 64), strict=False))
    return str(getattr(found, "ipv4_mapped", None) or found)


class Rate:
    """A bucket of `burst` tokens for each client, filled at `per_second`."""

    def __init__(
        self, per_second: float, burst: float, *, clock: Callable[[], float] = monotonic
    ) -> None:
        """clock: seconds that only ever grow."""
        self._per_second = per_second
        self._burst = burst
        self._clock = clock
        self._levels: OrderedDict[str, tuple[float, float]] = OrderedDict()

    def take(self, client: str) -> int:
        """Take one; return 0, or after how many seconds there is one again."""
        now = self._clock()
        level, then = self._levels.pop(client, (self._burst, now))
        level = min(self._burst, level + (now - then) * self._per_second)
        is_empty = level < 1
        self._levels[client] = (level if is_empty else level - 1, now)
        if len(self._levels) > _MOST_CLIENTS:
            self._levels.popitem(last=False)
        return math.ceil((1 - level) / self._per_second) if is_empty else 0


class LockOut:
    """Wrong tokens by client: after `failures` of them within `span`, none is looked at."""

    def __init__(
        self, failures: int, span: timedelta, *, clock: Callable[[], float] = monotonic
    ) -> None:
        """clock: seconds that only ever grow."""
        self._most = failures
        self._span = span.total_seconds()
        self._clock = clock
        self._failures: OrderedDict[str, list[float]] = OrderedDict()

    def check(self, client: str) -> None:
        """Raise TooManyRequestsError for a client that is locked out."""
        recent = self._recent(client)
        if len(recent) >= self._most:
            left = math.ceil(recent[-1] + self._span - self._clock())
            raise TooManyRequestsError(
                f"{len(recent)} wrong tokens have come from {client}: it is locked out",
                retry_after=max(left, 1),
            )

    def note(self, client: str) -> bool:
        """Note a wrong token; return True where that locks the client out."""
        recent = [*self._recent(client), self._clock()][-self._most :]
        self._failures.pop(client, None)
        self._failures[client] = recent
        if len(self._failures) > _MOST_CLIENTS:
            self._failures.popitem(last=False)
        return len(recent) >= self._most

    def _recent(self, client: str) -> list[float]:
        begin = self._clock() - self._span
        return [at for at in self._failures.get(client, []) if at > begin]
