# SPDX-License-Identifier: Apache-2.0
"""Completion for bash, which breaks words at `=`: `--owner=ad` comes as `--owner`, `=` and `ad`."""

from __future__ import annotations

import os
from collections.abc import Iterable

from click.parser import split_arg_string
from click.shell_completion import BashComplete, add_completion_class


class BashWords(BashComplete):
    """What click has for bash, with words put together again that bash has broken.

    click (8.1) takes a `=` that stands alone for the value of an option.
    """

    def get_completion_args(self) -> tuple[list[str], str]:
        """Return the words before the cursor, and the one at it."""
        words = split_arg_string(os.environ["COMP_WORDS"])
        at = int(os.environ["COMP_CWORD"])
        typed = joined(words[1 : at + 1])
        return (typed[:-1], typed[-1]) if at < len(words) and typed else (typed, "")

    def complete(self) -> str:
        """Return the answer: of each word the part that goes where the broken one stands."""
        words, incomplete = self.get_completion_args()
        value = incomplete.partition("=")[2] if incomplete.startswith("-") else incomplete
        there = value[: value.rfind("=") + 1]
        items = self.get_completions(words, incomplete)
        for item in items:
            item.value = item.value.removeprefix(there)
        return "\n".join(self.format_completion(item) for item in items)


def joined(words: Iterable[str]) -> list[str]:
    """Return the words with those made one that a `=` between them has been."""
    found: list[str] = []
    is_open = False
    for word in words:
        if found and (is_open or word == "="):
            found[-1] += word
            is_open = word == "="
        else:
            found.append(word)
    return found


def use() -> None:
    """Let click complete so for bash."""
    add_completion_class(BashWords)
