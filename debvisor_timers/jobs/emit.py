# SPDX-License-Identifier: Apache-2.0
"""Values as the text of YAML, as a person would write them into a job file."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeGuard

from debvisor_timers.jobs.scalar import NULL, Null, Plain

Writable = str | int | float | Null | Sequence["Writable"] | Mapping[str, "Writable"]
"""What can be written: text, numbers, truth values, NULL, lists and mappings of these."""

INDENT = 2
_WIDEST = 80

_WORD = r"[A-Za-z0-9_./@%+=-]+"
_PLAIN = re.compile(rf"(?:-{{0,2}}[A-Za-z0-9]|[/_.])(?:{_WORD})?(?: {_WORD})*")
# What YAML 1.1 or 1.2 reads as something else than text.
_NO_TEXT = re.compile(
    r"(?:y|n|yes|no|true|false|on|off|null|\.inf|\.nan)"
    r"|[-+]?[0-9._]+(?:e[-+]?[0-9]+)?|0[xob][0-9a-f_]+|[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}.*",
    re.IGNORECASE,
)
# What would end a plain text, or begin something else, within brackets.
_ENDS_IN_BRACKETS = re.compile(r"[,\[\]{}#:\n]|^[-?](?:$|\s)")
_ESCAPES = {'"': r"\"", "\\": r"\\", "\n": r"\n", "\t": r"\t", "\r": r"\r", "\0": r"\0"}


@dataclass(frozen=True, slots=True)
class Written:
    """A value behind its key: what stands in the line of the key, and the lines below it."""

    head: str
    lines: tuple[str, ...] = ()


def is_list(value: Writable) -> TypeGuard[Sequence[Writable]]:
    """Return True for a list; text is none."""
    return isinstance(value, Sequence) and not isinstance(value, str)


def on_one_line(value: Writable, *, style: str | None = None) -> str:
    """Return `value` as one line that may stand anywhere, also within brackets.

    style: the quotes of the text that it takes the place of.
    """
    if isinstance(value, Mapping):
        pairs = (f"{_text(key, None)}: {on_one_line(one)}" for key, one in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, str):
        as_it_was = isinstance(value, Plain) and not _ENDS_IN_BRACKETS.search(value)
        return str(value) if as_it_was else _text(value, style)
    if isinstance(value, Sequence):
        return f"[{', '.join(map(on_one_line, value))}]"
    if value is NULL:
        return "null"
    return str(value).lower() if isinstance(value, bool) else str(value)


def in_block(value: Writable, *, column: int, style: str | None = None, spread: int = 0) -> Written:
    """Return `value` as it stands behind a key, its lines below beginning at `column`.

    spread: so many levels are never put on one line, however short they are.
    """
    if isinstance(value, str) and not isinstance(value, Plain) and _can_be_literal(value):
        header = "|" if value.endswith("\n") else "|-"
        lines = value.removesuffix("\n").split("\n")
        return Written(header, tuple(f"{' ' * column}{line}" if line else "" for line in lines))
    line = on_one_line(value, style=style)
    is_short = not spread and column + len(line) < _WIDEST and not _has_long_text(value)
    if isinstance(value, Mapping) and value and not is_short:
        return Written("", tuple(mapping_lines(value, column=column, spread=spread - 1)))
    if is_list(value) and value and not is_short:
        return Written("", tuple(item_lines(value, column=column)))
    return Written(line)


def mapping_lines(value: Mapping[str, Writable], *, column: int, spread: int = 0) -> Iterable[str]:
    """Yield the lines of a mapping whose keys begin at `column`."""
    for key, one in value.items():
        written = in_block(one, column=column + INDENT, spread=max(spread, 0))
        yield f"{' ' * column}{_text(key, None)}: {written.head}".rstrip(" ")
        yield from written.lines


def item_lines(items: Iterable[Writable], *, column: int) -> Iterable[str]:
    """Yield the lines of a list whose dashes stand at `column`."""
    for item in items:
        written = in_block(item, column=column + INDENT)
        if written.head or not written.lines:
            yield f"{' ' * column}- {written.head}"
            yield from written.lines
        else:
            yield f"{' ' * column}- {written.lines[0].lstrip(' ')}"
            yield from written.lines[1:]


def _text(text: str, style: str | None) -> str:
    if style == "'" and text.isprintable():
        return f"'{text.replace(chr(39), chr(39) * 2)}'"
    if style != '"' and _PLAIN.fullmatch(text) and not _NO_TEXT.fullmatch(text):
        return text
    return f'"{"".join(map(_escaped, text))}"'


def _escaped(char: str) -> str:
    if char in _ESCAPES:
        return _ESCAPES[char]
    if char.isprintable():
        return char
    number = ord(char)
    if number < 0x100:
        return f"\\x{number:02x}"
    return f"\\u{number:04x}" if number < 0x10000 else f"\\U{number:08x}"


def _can_be_literal(text: str) -> bool:
    """Return True for text that stands below its key line by line and is read back unchanged."""
    lines = text.removesuffix("\n").split("\n")
    if "\n" not in text or not lines[-1] or text[0] in " \t":
        return False
    return all((line.strip() or not line) and _is_printable(line) for line in lines) and bool(
        lines[0]
    )


def _is_printable(line: str) -> bool:
    return line.replace("\t", "").isprintable()


def _has_long_text(value: Writable) -> bool:
    """Return True where something in `value` reads better over several lines."""
    if isinstance(value, str):
        return "\n" in value
    if isinstance(value, Mapping):
        return any(map(_has_long_text, value.values()))
    return isinstance(value, Sequence) and any(map(_has_long_text, value))
