# SPDX-License-Identifier: Apache-2.0
"""How tokens look to programs: never the token itself, nor its digest."""

from __future__ import annotations

from debvisor_timers.history.document import Document, iso
from debvisor_timers.operations.access.tokens import Token


def token_document(token: Token) -> Document:
    """Return what is known of one token."""
    return {
        "name": token.name,
        "role": str(token.role),
        "created": iso(token.created),
        "created_by": token.created_by or None,
        "expires": iso(token.expires),
        "last_used": iso(token.last_used),
    }
