# SPDX-License-Identifier: Apache-2.0
"""Roles: what somebody who asks through the agent or the web server may do."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """From less to more; each may do all that those before it may.

    VIEWER reads. OPERATOR runs, stops and holds back. EDITOR changes jobs. ADMIN does all.
    """

    VIEWER = "viewer"
    OPERATOR = "operator"
    EDITOR = "editor"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        """Return True where this role may do what `other` may."""
        order = list(Role)
        return order.index(self) >= order.index(other)
