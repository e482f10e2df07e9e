# SPDX-License-Identifier: Apache-2.0
"""For whom somebody asks the agent."""

from __future__ import annotations

from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Behalf:
    """Whom the web server asks for: the name of a token or user, its role, from where.

    kind: how he has shown who he is. request: the id of the request that he has sent.
    """

    name: str
    role: str
    kind: str = "token"
    address: str = ""
    request: str = ""

    def document(self) -> dict[str, object]:
        """Return it as JSON has it."""
        return asdict(self)
