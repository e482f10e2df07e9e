# SPDX-License-Identifier: Apache-2.0
"""Which brackets of a YAML text are open at a place, and whether they are ever closed."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass

import yaml
from yaml.error import YAMLError
from yaml.loader import BaseLoader
from yaml.tokens import (
    FlowMappingEndToken,
    FlowMappingStartToken,
    FlowSequenceEndToken,
    FlowSequenceStartToken,
)

_PAIRS = {FlowSequenceStartToken: FlowSequenceEndToken, FlowMappingStartToken: FlowMappingEndToken}
_ENDS = frozenset(_PAIRS.values())
_SCANNER = yaml.CBaseLoader if yaml.__with_libyaml__ else BaseLoader
_CLOSING = {"[": "]", "{": "}"}


@dataclass(frozen=True, slots=True)
class Bracket:
    """An opening bracket: its character, and its line and column from 0."""

    char: str
    line: int
    column: int
    is_closed: bool

    @property
    def closing(self) -> str:
        """Return the character that closes it."""
        return _CLOSING[self.char]


def open_brackets(text: str, line: int, column: int) -> list[Bracket]:
    """Return the brackets that are open at a place (from 0), the innermost last.

    Brackets in quotes and in comments do not count. One that a bracket of the other kind follows
    where its own was due is never closed.
    """
    here: list[Bracket] | None = None
    stack: list[Bracket] = []
    closed: set[Bracket] = set()
    # What cannot be read hides what is behind it.
    with suppress(YAMLError):
        for token in yaml.scan(text, Loader=_SCANNER):
            mark = token.start_mark
            if here is None and (mark.line, mark.column) >= (line, column):
                here = [*stack]
            if type(token) in _PAIRS:
                stack.append(Bracket(text[mark.index], mark.line, mark.column, is_closed=False))
            elif type(token) in _ENDS:
                _close(stack, closed, text[mark.index])
    around = stack if here is None else here
    return [Bracket(each.char, each.line, each.column, is_closed=each in closed) for each in around]


def _close(stack: list[Bracket], closed: set[Bracket], char: str) -> None:
    while stack:
        last = stack.pop()
        if last.closing == char:
            closed.add(last)
            return
