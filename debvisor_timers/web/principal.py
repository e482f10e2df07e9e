# SPDX-License-Identifier: Apache-2.0
"""Who has sent a request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from debvisor_timers.operations.access.roles import Role

Kind = Literal["token", "oidc", "peer", "session"]
"""How somebody has shown who he is."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Principal:
    """Who has sent a request: the name of a token, of a user; what he may do; from where.

    request_id: of this request, for the audit and the journal. began_by: how a session was begun.
    """

    name: str
    role: Role
    kind: Kind = "token"
    address: str = ""
    request_id: str = ""
    began_by: Kind | None = None
