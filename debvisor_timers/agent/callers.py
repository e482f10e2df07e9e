# SPDX-License-Identifier: Apache-2.0
"""Who is at the other end of a connection, as the kernel has it, and what he may ask."""

from __future__ import annotations

import grp
import os
import pwd
import socket
import struct
from collections.abc import Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from debvisor_timers.errors import PermissionRefusedError, UsageError
from debvisor_timers.history.caller import Caller
from debvisor_timers.jobs.policy import AccessPolicy, Member
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.operations.auditing.caller import login_of, user_name
from debvisor_timers.operations.safety.trial import Trial

GROUP = "debvisor-timers"
"""Its members may ask the agent."""

WEB_USER = "debvisor-timers-web"
"""The user of the web server, which asks for others."""

_PEER_GROUPS = getattr(socket, "SO_PEERGROUPS", 59)
_MOST_GROUPS = 256
"""So many fit into what Python asks the kernel for at most."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """The process that has connected: its id, user, and groups."""

    pid: int
    uid: int
    groups: frozenset[int]

    @classmethod
    def of(cls, connection: socket.socket) -> Peer:
        """Return who has connected a Unix socket. Source: socket(7), unix(7)."""
        raw = connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize("3i"))
        pid, uid, gid = struct.unpack("3i", raw)
        try:
            listed = connection.getsockopt(socket.SOL_SOCKET, _PEER_GROUPS, 4 * _MOST_GROUPS)
            groups = struct.unpack(f"{len(listed) // 4}i", listed)
        except OSError:  # of more groups than fit
            groups = tuple(os.getgrouplist(user_name(uid), gid))
        return cls(pid=pid, uid=uid, groups=frozenset({gid, *groups}))

    @property
    def is_web(self) -> bool:
        """Return True for the web server."""
        return self.uid == _uid(WEB_USER)

    @property
    def is_member(self) -> bool:
        """Return True for a process of a member of the group."""
        return _gid(GROUP) in self.groups


class BehalfAsked(BaseModel):
    """For whom the web server asks."""

    model_config = ConfigDict(extra="forbid", strict=True)
    name: str = Field(min_length=1, max_length=256)
    role: Role = Field(strict=False)
    kind: str = Field("token", max_length=16)
    address: str = Field("", max_length=128)
    request: str = Field("", max_length=128)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asker:
    """Who asks, for the audit, and as what; role: None for nothing. ruled: the policy holds.

    name: as trials note it, `token deploy`, `user alice`; empty for root, who is not ruled.
    """

    caller: Caller
    role: Role | None
    ruled: bool
    name: str = ""

    def require(self, role: Role, what: str) -> None:
        """Raise PermissionRefusedError unless he has at least that role."""
        if self.role is None or not self.role.includes(role):
            raise PermissionRefusedError(
                f"{what} needs the role {role}, and {self.caller} has {self.role or 'none'}",
                fix="ask somebody who has it, or root",
            )

    def require_own(self, trial: Trial) -> None:
        """Raise PermissionRefusedError unless he may keep that trial, and take it back.

        What root tries is root's; an admin may end what others than root have begun.
        """
        if not self.ruled or trial.owner == self.name:
            return
        if trial.owner and self.role is Role.ADMIN:
            return
        who = trial.owner or "root"
        raise PermissionRefusedError(
            f"this is tried by {who}: {self.name} may not keep it, nor take it back",
            fix=f"let {who} do it{', or an admin' if trial.owner else ''}; unless it is kept, it is"
            f" taken back at {trial.deadline:%Y-%m-%d %H:%M:%S} UTC",
        )


def asker(peer: Peer, behalf: Mapping[str, object] | None, policy: AccessPolicy) -> Asker:
    """Return who asks: root, the web server for somebody, or a member of the group.

    Raises PermissionRefusedError for anybody else, and for who asks for others without being
    allowed to; UsageError where the web server does not say for whom it asks.
    """
    if peer.uid == 0 and behalf is None:
        return Asker(caller=_caller(peer), role=Role.ADMIN, ruled=False)
    if peer.uid == 0 or peer.is_web:
        return _for_somebody(peer, behalf)
    if not peer.is_member:
        raise PermissionRefusedError(
            f"{user_name(peer.uid) or peer.uid} is no member of the group {GROUP}",
            fix=f"run it as root, or let root add the user: adduser USER {GROUP}",
        )
    if behalf is not None:
        raise PermissionRefusedError("only the web server may ask for others", fix="ask yourself")
    role = None if policy.members is Member.NONE else Role(policy.members)
    caller = _caller(peer)
    return Asker(caller=caller, role=role, ruled=True, name=f"user {caller.user}")


def _for_somebody(peer: Peer, behalf: Mapping[str, object] | None) -> Asker:
    if behalf is None:
        raise UsageError("the web server did not say for whom it asks", fix="give behalf")
    try:
        whom = BehalfAsked.model_validate(behalf)
    except ValidationError as error:
        raise UsageError(f"behalf is wrong: {error.errors()[0]['msg']}", fix="correct it") from None
    caller = Caller(
        uid=peer.uid,
        user=user_name(peer.uid),
        token=whom.name,
        address=whom.address,
        request=whom.request,
        door="api",
    )
    # A user of this host is the same one by whichever door he comes.
    kind = "user" if whom.kind == "peer" else whom.kind
    return Asker(caller=caller, role=whom.role, ruled=True, name=f"{kind} {whom.name}")


def _caller(peer: Peer) -> Caller:
    login_uid = login_of(peer.pid)
    return Caller(
        uid=peer.uid,
        user=user_name(peer.uid) or str(peer.uid),
        login_uid=login_uid,
        login_user="" if login_uid is None else user_name(login_uid),
        door="agent",
    )


def _uid(user: str) -> int | None:
    try:
        return pwd.getpwnam(user).pw_uid
    except KeyError:
        return None


def _gid(group: str) -> int | None:
    try:
        return grp.getgrnam(group).gr_gid
    except KeyError:
        return None
