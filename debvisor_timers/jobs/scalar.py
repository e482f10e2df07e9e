# SPDX-License-Identifier: Apache-2.0
"""What a YAML scalar is before a key gives it a type: plain text, quoted text, or nothing."""

from __future__ import annotations

from enum import Enum
from typing import Final


class Plain(str):
    """A scalar written without quotes: its raw text, which a key may read as a number or as true.

    Quoted text is an ordinary `str`. So `0123`, `1.10` and `yes` stay what was written wherever
    text is wanted, and only a key that wants a number or a truth value looks closer.
    """

    __slots__ = ()


class Null(Enum):
    """The type of NULL."""

    NULL = "null"

    def __repr__(self) -> str:
        """Return how YAML writes it."""
        return "null"


NULL: Final = Null.NULL
"""A key without a value (`name:`, `name: null`, `name: ~`); never the same as a missing key."""

NULL_SPELLINGS = frozenset({"", "~", "null", "Null", "NULL"})
"""The plain scalars that mean nothing. Source: YAML 1.2.2, 10.3.2 core schema."""
