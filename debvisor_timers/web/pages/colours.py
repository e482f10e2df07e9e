# SPDX-License-Identifier: Apache-2.0
"""YAML, unit files and differences with their words told apart, as HTML without any style."""

from __future__ import annotations

import re
from collections.abc import Iterable

from markupsafe import Markup, escape

_SECTION = re.compile(r"\[[^\]]+\]\s*$")
_DIRECTIVE = re.compile(r"(?P<key>[A-Za-z][A-Za-z0-9-]*)(?P<sign>=)(?P<rest>.*)$", re.DOTALL)
_KEY = re.compile(
    r"(?P<before>\s*(?:- )*[{]?\s*)(?P<key>[A-Za-z0-9_.-]+|\"[^\"]*\")(?P<sign>:)(?P<rest>\s.*|)$",
    re.DOTALL,
)
_COMMENT = re.compile(r"(?P<before>.*?(?:^|\s))(?P<comment>#.*)$", re.DOTALL)


def unit_line(line: str) -> Markup:
    """Return a line of a unit file with its section, key or comment marked."""
    if line.startswith(("#", ";")):
        return _span("c", line)
    if _SECTION.match(line):
        return _span("h", line)
    if found := _DIRECTIVE.match(line):
        return _span("k", found["key"]) + found["sign"] + escape(found["rest"])
    return escape(line)


def yaml_line(line: str) -> Markup:
    """Return a line of YAML with its key and its comment marked; only the looks depend on it."""
    comment = Markup()
    if (found := _COMMENT.match(line)) and _is_outside_quotes(found["before"]):
        line, comment = found["before"], _span("c", found["comment"])
    if found := _KEY.match(line):
        key = _span("k", found["key"])
        return escape(found["before"]) + key + found["sign"] + escape(found["rest"]) + comment
    return escape(line) + comment


def with_code(text: str) -> Markup:
    """Return a sentence in which what stands between backticks is code, as it is meant."""
    parts = text.split("`")
    if len(parts) % 2 == 0:
        return escape(text)
    marked = (
        Markup("<code>{}</code>").format(part) if number % 2 else escape(part)
        for number, part in enumerate(parts)
    )
    return Markup().join(marked)


def diff_lines(text: str) -> Iterable[tuple[str, str]]:
    """Yield each line of a unified difference with its kind: add, del, at or same."""
    for line in text.splitlines():
        if line.startswith(("+++", "---", "@@")):
            yield "at", line
        else:
            yield {"+": "add", "-": "del"}.get(line[:1], "same"), line


def _span(kind: str, text: str) -> Markup:
    return Markup('<span class="{}">{}</span>').format(kind, text)


def _is_outside_quotes(text: str) -> bool:
    return text.count('"') % 2 == 0 and text.count("'") % 2 == 0
