# SPDX-License-Identifier: Apache-2.0
"""What can go wrong with a box; every message says what, where, and how to look further."""

from __future__ import annotations

from collections.abc import Sequence


class BoxError(Exception):
    """The root: a layer, a boot or a box that did not do what it was asked."""


class BoxTimeoutError(BoxError):
    """A condition that did not come true, or a command that did not end, by its deadline."""


class BoxCommandError(BoxError):
    """A command in a box that ended with a status other than 0."""

    def __init__(
        self, *, argv: Sequence[str], status: int, stdout: str, stderr: str, journal: str = ""
    ) -> None:
        """Keep what the command was and said; `journal` is the tail of the box's journal."""
        super().__init__(
            f"exit status {status}: {' '.join(argv)}\n"
            f"{section('stdout', stdout)}{section('stderr', stderr)}{section('journal', journal)}"
        )
        self.argv = tuple(argv)
        self.status = status
        self.stdout = stdout
        self.stderr = stderr


def section(title: str, text: str) -> str:
    """Return `text` under a heading, or nothing if it is blank."""
    return f"--- {title} ---\n{text.rstrip()}\n" if text.strip() else ""
