# SPDX-License-Identifier: Apache-2.0
"""Commands and scripts that end at once where systemd runs, since a timer of the package's does
their work: told from their text alone, and only where it is certain."""

from __future__ import annotations

import re
import shlex
from collections.abc import Sequence

_RUNNING = {"/run/systemd/system", "/run/systemd/system/"}
_EXISTS = {"-d", "-e"}
_PURE = re.compile(r"[^$`*?<>(){}|&;]*")
_SEPARATORS = {";", "&", "||", "&&", "|"}
_GUARD = re.compile(
    r"""(?:if\ +(?P<if>[^\n;]+?)\s*;?\s*then\s+(?:\#[^\n]*\s+)*exit(?:\ +0)?\s*;?\s*fi
    |(?P<and>[^\n]+?)\ *&&\ *exit(?:\ +0)?[ \t]*)(?=[\n;]|\Z)""",
    re.VERBOSE,
)
_BEFORE = re.compile(r"(?:\#[^\n]*|[ \t]*|set +-[a-z]+[ \t]*)\n")


def does_nothing(command: str) -> bool:
    """Return True for a command that does nothing where systemd is PID 1: it asks for
    /run/systemd/system first. False where that is not certain.
    """
    tokens = _tokens(command)
    if not tokens:
        return False
    if "||" in tokens and _asks(tokens[: tokens.index("||")]):
        rest = tokens[tokens.index("||") + 1 :]
        return "&&" not in rest and not _goes_on(rest)
    return _chain_ends(tokens)


def script_does_nothing(text: str) -> bool:
    """Return True for a shell script whose first command ends it where systemd is PID 1."""
    if not re.match(r"#! ?/bin/(?:ba|da)?sh\b|#! ?/usr/bin/(?:ba|da)?sh\b", text):
        return False
    at = 0
    while match := _BEFORE.match(text, at):
        at = match.end()
    guard = _GUARD.match(text, at)
    return guard is not None and _asks(_tokens(guard["if"] or guard["and"]))


def _tokens(command: str) -> list[str]:
    lexer = shlex.shlex(command, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        return list(lexer)
    except ValueError:
        return []


def _goes_on(tokens: Sequence[str]) -> bool:
    """Return True where another command may follow that runs whatever became of those before it.

    shlex gives signs that touch each other as one token: `);`.
    """
    signs = [token for token in tokens if set(token) <= set("();<>|&")]
    return any(
        token not in {"&&", ">&", "<&"} and re.search(r";|\|\||&|\).", token) for token in signs
    )


def _chain_ends(tokens: Sequence[str]) -> bool:
    """Return True for `A && B && ...` in which one that asks is not met, and nothing comes before.

    What comes before it are tests, which change nothing.
    """
    rest = list(tokens)
    while rest:
        if rest[0] == "if":
            return _if_ends(rest)
        end = rest.index("&&") if "&&" in rest else len(rest)
        part = rest[:end]
        if set(part) & _SEPARATORS or not _is_test(part):
            return False
        if _asks_not(part):
            return not _goes_on(rest[end + 1 :])
        rest = rest[end + 1 :]
    return False


def _if_ends(tokens: Sequence[str]) -> bool:
    """Return True for `if A && B; then ...; fi` alone, whose condition is not met."""
    if tokens[-1] != "fi" or {"else", "elif"} & set(tokens):
        return False
    if tokens.count("if") != 1 or tokens.count("fi") != 1:
        return False
    if "then" not in tokens:
        return False
    condition = list(tokens[1 : tokens.index("then")])
    while condition and condition[-1] == ";":
        condition.pop()
    while condition:
        end = condition.index("&&") if "&&" in condition else len(condition)
        part = condition[:end]
        if set(part) & _SEPARATORS or not _is_test(part):
            return False
        if _asks_not(part):
            return "||" not in condition and ";" not in condition
        condition = condition[end + 1 :]
    return False


def _inside(tokens: Sequence[str]) -> list[str]:
    """Return the expression of a test; nothing for any other command."""
    words = list(tokens)
    if words[:1] == ["!"]:
        words = words[1:]
    if words[:1] == ["["] and words[-1:] == ["]"]:
        return words[1:-1]
    return words[1:] if words[:1] == ["test"] else []


def _is_test(tokens: Sequence[str]) -> bool:
    inside = _inside(tokens)
    return bool(inside) and all(_PURE.fullmatch(token) for token in inside)


def _asks(tokens: Sequence[str]) -> bool:
    """Return True for a test that is met where systemd runs."""
    inside = _inside(tokens)
    return tokens[:1] != ["!"] and len(inside) == 2 and _is_there(inside)


def _is_there(words: Sequence[str]) -> bool:
    return len(words) == 2 and words[0] in _EXISTS and words[1] in _RUNNING


def _asks_not(tokens: Sequence[str]) -> bool:
    """Return True for a test that is not met where systemd runs."""
    inside = _inside(tokens)
    if tokens[:1] == ["!"]:
        return _is_there(inside)
    if "-o" in inside:
        return False
    part: list[str] = []
    for word in [*inside, "-a"]:
        if word != "-a":
            part.append(word)
            continue
        if part[:1] == ["!"] and _is_there(part[1:]):
            return True
        part = []
    return False
