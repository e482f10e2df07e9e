# SPDX-License-Identifier: Apache-2.0
"""What a check of a value says when it fails: the message, the fix, which characters."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from pydantic_core import PydanticCustomError

FAULT = "fault"
"""The type of every error that our own checks raise, as pydantic reports it."""


def fault(message: str, *, fix: str = "", start: int = 0, length: int = 0) -> PydanticCustomError:
    """Return the error that a check raises.

    start, length: which characters of the value are wrong; a length of 0 means all of it.
    """
    context = {"message": message, "fix": fix, "start": start, "length": length}
    # The message is passed as a value, since the template would interpret braces in it.
    return PydanticCustomError(FAULT, "{message}", context)


def quoted(value: object) -> str:
    """Return a value as it is quoted in a message: short, on one line."""
    text = value if isinstance(value, str) else repr(value)
    shown = text if text.isprintable() else ascii(text)[1:-1]
    return f"'{shown}'" if len(shown) <= 80 else f"'{shown[:77]}...'"


def nearest(word: str, known: Iterable[str]) -> str:
    """Return the known word that `word` is most likely meant to be, empty when none is near."""
    names = list(known)
    folded = {name.lower().replace("-", "_"): name for name in names}
    matches = get_close_matches(word.lower().replace("-", "_"), folded, n=1, cutoff=0.6)
    return folded[matches[0]] if matches else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the nearest known word, empty when none is near."""
    match = nearest(word, known)
    return f"; did you mean '{match}'?" if match else ""
