# SPDX-License-Identifier: Apache-2.0
"""YAML's own errors in our words: where they really are, and how to mend them."""

from __future__ import annotations

import re
from dataclasses import dataclass

from yaml.error import Mark, MarkedYAMLError

_QUOTE = 'put the value in quotes: "{value}"'
_INDENT = "check the indentation, and quotes around a value with a colon"


@dataclass(frozen=True, slots=True, kw_only=True)
class SyntaxFault:
    """What is wrong with the YAML: line and column count from 1."""

    message: str
    fix: str
    line: int
    column: int


@dataclass(frozen=True, slots=True)
class _Rule:
    pattern: re.Pattern[str]
    message: str
    fix: str
    at_context: bool = False


def _rule(pattern: str, message: str, fix: str, *, at_context: bool = False) -> _Rule:
    return _Rule(re.compile(pattern), message, fix, at_context)


# Searched in order in "problem | context".
_RULES = (
    _rule(r"tab character", "a tab is used for indentation", "use spaces"),
    _rule(r"alias", "* begins an alias in YAML", _QUOTE, at_context=True),
    _rule(r"anchor", "& begins an anchor in YAML", _QUOTE, at_context=True),
    _rule(r"scanning a tag|tag handle|tag prefix", "! begins a tag in YAML", _QUOTE),
    _rule(r"cannot start any token", "a value cannot begin with {char}", _QUOTE),
    _rule(r"end of stream.*quoted", "the quote is not closed", "close it", at_context=True),
    _rule(r"document indicator.*quoted", "the quote is not closed", "close it", at_context=True),
    _rule(
        r"flow mapping", "the {{ is not closed, or a comma is missing", "close it", at_context=True
    ),
    _rule(
        r"flow sequence", "the [ is not closed, or a comma is missing", "close it", at_context=True
    ),
    _rule(
        r"unknown escape",
        "unknown escape in double quotes",
        "write \\\\ for a backslash, or use single quotes",
    ),
    _rule(r"escape code", "the escape is no Unicode character", "write the character itself"),
    _rule(
        r"another document",
        "a second document begins here",
        "remove the line, or use one file for each",
    ),
    _rule(r"mapping values are not", "a colon cannot stand here", _INDENT),
    _rule(
        r"block sequence entries are not",
        "a list cannot begin here",
        "begin it on a line of its own",
    ),
    _rule(r"unexpected ':'", "a colon cannot stand here", "write a space after it"),
    _rule(r"expected '-'", "an entry of the list was expected", "check the indentation"),
    _rule(r"expected key|could not find expected ':'", "a key with a colon was expected", _INDENT),
    _rule(
        r"document start", "something stands after the end of the mapping", "check the indentation"
    ),
    _rule(r"directive|incompatible YAML", "a directive (%) has no place here", "remove the line"),
)


def explain_syntax(error: MarkedYAMLError, lines: list[str]) -> SyntaxFault:
    """Return what `error` means; `lines`: those of the file."""
    said = f"{error.problem or ''} | {error.context or ''}"
    rule = next((rule for rule in _RULES if rule.pattern.search(said)), None)
    mark = _mark(error, at_context=rule is not None and rule.at_context)
    line, column = (mark.line, mark.column) if mark else (0, 0)
    if rule is None:
        return _place(said.strip(" |"), "check the syntax of YAML", line, column)
    rest = lines[line][column:] if line < len(lines) else ""
    if "\t" in rest[:1]:
        return _place("a tab is used for indentation", "use spaces", line, column)
    words = {"char": _shown(rest[:1]), "value": _shown(_value(rest))}
    return _place(rule.message.format(**words), rule.fix.format(**words), line, column)


def _mark(error: MarkedYAMLError, *, at_context: bool) -> Mark | None:
    first, second = error.problem_mark, error.context_mark
    return (second or first) if at_context else (first or second)


def _value(rest: str) -> str:
    return (
        re.split(r"\s+#|$", rest, maxsplit=1)[0]
        .rstrip()
        .replace("\\", "\\\\")
        .replace('"', '\\"')[:60]
    )


def _place(message: str, fix: str, line: int, column: int) -> SyntaxFault:
    return SyntaxFault(message=message, fix=fix, line=line + 1, column=column + 1)


def _shown(text: str) -> str:
    return text if text.isprintable() else ascii(text)[1:-1]
