# SPDX-License-Identifier: Apache-2.0
"""Who asks for something, and through which door."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Door = Literal["cli", "api", "agent", "python"]
"""How somebody came in: by the command line, the HTTP API, the agent alone, or this package."""

DOORS: tuple[Door, ...] = ("cli", "api", "agent", "python")

_BY_AGENT = frozenset({"api", "agent"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Who asks: the effective user, and who is behind.

    login_uid: who logged in, as the kernel has it: no program changes it; None when unknown.
    sudo_uid, sudo_user: what sudo has told; only root is believed that.
    token, address: the name of the token of the API that was used, and from where. request: the
    id of that request.
    """

    uid: int
    user: str
    login_uid: int | None = None
    login_user: str = ""
    sudo_uid: int | None = None
    sudo_user: str = ""
    token: str = ""
    address: str = ""
    request: str = ""
    door: Door = "python"

    @property
    def acts_as_root(self) -> bool:
        """Return True when root does what he asks for: he is root, or the agent does it for him."""
        return self.uid == 0 or self.door in _BY_AGENT

    @property
    def names(self) -> tuple[str, ...]:
        """Return all names and numbers that he goes by."""
        numbers = (self.uid, self.login_uid, self.sudo_uid)
        texts = (self.user, self.login_user, self.sudo_user, self.token)
        return (*filter(None, texts), *(str(each) for each in numbers if each is not None))

    def __str__(self) -> str:
        """Return `alice`, `root (sudo by alice)`, `root (token deploy from 192.0.2.7)`."""
        behind = ", ".join(self._behind())
        name = self.user or str(self.uid)
        return f"{name} ({behind})" if behind else name

    def _behind(self) -> Iterator[str]:
        if self.token:
            yield f"token {self.token}" + (f" from {self.address}" if self.address else "")
        if self.sudo_user or self.sudo_uid is not None:
            yield f"sudo by {self.sudo_user or self.sudo_uid}"
        if self.login_uid is not None and self.login_uid not in {self.uid, self.sudo_uid}:
            yield f"login of {self.login_user or self.login_uid}"
