# SPDX-License-Identifier: Apache-2.0
"""The roles that callers have; each includes those before it."""

from __future__ import annotations

from enum import StrEnum


class Role(StrEnum):
    """What somebody may do.

    VIEWER: look. OPERATOR: run, stop, pause and resume jobs besides. EDITOR: make, change, delete
    and apply jobs besides. ADMIN: all that there is, tokens and the whole host too.
    """

    VIEWER = "viewer"
    OPERATOR = "operator"
    EDITOR = "editor"
    ADMIN = "admin"

    def includes(self, other: Role) -> bool:
        """Return True where who has this role may do what `other` may."""
        order = list(Role)
        return order.index(self) >= order.index(other)
