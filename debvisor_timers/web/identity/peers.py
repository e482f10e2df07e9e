# SPDX-License-Identifier: Apache-2.0
"""Users of this host who come through the Unix socket: the kernel says who they are."""

from __future__ import annotations

import grp
import os
import pwd
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from time import monotonic

from debvisor_timers.operations.access.roles import Role

DEFAULT_PEERS: Mapping[str, Role] = {"@debvisor-timers": Role.EDITOR}
"""Who may ask the agent himself may ask it through the server as well."""

_KEPT_SECONDS = 30


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The process at the other end of a Unix socket, when it connected."""

    uid: int


class PeerRoles:
    """The roles of users; what the host says of users is remembered for half a minute."""

    def __init__(self, roles: Mapping[str, Role] | None) -> None:
        """roles: by user, or by group with @ before it; None: the usual ones."""
        self._roles = DEFAULT_PEERS if roles is None else roles
        self._kept: dict[int, tuple[float, str, Role | None]] = {}

    def of(self, peer: Peer) -> tuple[str, Role | None]:
        """Return the name of a peer, and its role, None where it has none. May block."""
        kept = self._kept.get(peer.uid)
        if kept is None or kept[0] + _KEPT_SECONDS < monotonic():
            kept = (monotonic(), *self._asked(peer.uid))
            self._kept[peer.uid] = kept
        return kept[1], kept[2]

    def _asked(self, uid: int) -> tuple[str, Role | None]:
        if uid == 0:
            return "root", Role.ADMIN
        try:
            user = pwd.getpwuid(uid)
        except KeyError:
            return str(uid), None
        names = {user.pw_name, str(uid), *_groups(user.pw_name, user.pw_gid)}
        return user.pw_name, highest(self._roles[name] for name in names if name in self._roles)


def highest(roles: Iterable[Role]) -> Role | None:
    """Return the role that includes the others, None where there is none."""
    order = list(Role)
    return max(roles, key=order.index, default=None)


def _groups(user: str, gid: int) -> Iterable[str]:
    for number in os.getgrouplist(user, gid):
        try:
            yield f"@{grp.getgrgid(number).gr_name}"
        except KeyError:
            continue
