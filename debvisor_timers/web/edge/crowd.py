# SPDX-License-Identifier: Apache-2.0
"""Who is connected: one client leaves room for others."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from debvisor_timers.jobs.web import MOST_CONNECTIONS
from debvisor_timers.web.identity.limits import client_of
from debvisor_timers.web.identity.peers import Peer
from debvisor_timers.web.identity.proxies import Proxies

MOST_OF_ONE_USER = MOST_CONNECTIONS // 2
"""Of a user of this host at the Unix socket: it may be that of a reverse proxy."""

_USUAL = 200


@dataclass(frozen=True, slots=True)
class Place:
    """A connection that is let in, by its client; None for one that is not counted."""

    client: str | None


class Crowd:
    """Counts the connections of each client."""

    def __init__(self, most: int = _USUAL, proxies: Proxies | None = None) -> None:
        """most: of one client. proxies: speak for many, so theirs are not counted."""
        self._most = most
        self._proxies = proxies or Proxies(())
        self._counts: Counter[str] = Counter()

    def enter(self, client: str | Peer) -> Place | None:
        """Return the place of a new connection, None where its client has too many."""
        if isinstance(client, Peer):
            name, most = f"user {client.uid}", MOST_OF_ONE_USER
        elif self._proxies.trusts(client):
            return Place(None)
        else:
            name, most = client_of(client), self._most
        if self._counts[name] >= most:
            return None
        self._counts[name] += 1
        return Place(name)

    def leave(self, place: Place) -> None:
        """Let another connection of that client have the place."""
        if place.client is None:
            return
        self._counts[place.client] -= 1
        if not self._counts[place.client]:
            del self._counts[place.client]
