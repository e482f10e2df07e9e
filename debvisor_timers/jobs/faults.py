# SPDX-License-Identifier: Apache-2.0
"""What a check of a value says when it fails: the message, the fix, which characters."""

from __future__ import annotations

from collections.abc import Iterable
from difflib import get_close_matches

from pydantic_core import PydanticCustomError

from debvisor_timers.jobs.scalar import NULL

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
    folded = {name.lower().replace("-", "_"): name for name in known}
    wanted = word.lower().replace("-", "_")
    begin_so = [name for name in folded if name.startswith(wanted)] if len(wanted) > 2 else []
    matches = get_close_matches(wanted, folded, n=1, cutoff=0.7) or begin_so
    return folded[matches[0]] if matches else ""


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """Return `; did you mean 'x'?` for the nearest known word, empty when none is near."""
    match = nearest(word, known)
    return f"; did you mean '{match}'?" if match else ""


def kind_of(value: object) -> str:
    """Return what `value` is, for a message: quoted text, `a list`, `nothing`."""
    if value is NULL:
        return "nothing"
    if isinstance(value, dict):
        return "a mapping"
    if isinstance(value, list | tuple):
        return "a list"
    return quoted(value)
