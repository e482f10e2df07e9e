# SPDX-License-Identifier: Apache-2.0
"""From a value to the text after `KEY=`: one filter for each way in which systemd reads it."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import timedelta

from debvisor_timers.errors import RenderError
from debvisor_timers.jobs.duration import format_timespan

LONGEST_ARGUMENT = 131_071
"""Bytes of one argument or NAME=value that the kernel hands to a program."""

LONGEST_LINE = 1_000_000
"""Bytes; a unit with a line of 1,100,000 was not loaded (systemd 257)."""


class Escaped(str):
    """Text made by a filter: the only thing that a template may put into a unit file."""

    __slots__ = ()


# Not valid for systemd, though Python can hold it: NUL, surrogates, and the noncharacters, which
# systemd 257 takes for broken UTF-8 (it drops the assignment, or the property cannot be read).
_UNREPRESENTABLE = re.compile(
    "[\0\ud800-\udfff\ufdd0-\ufdef"
    + "".join(chr(plane << 16 | low) for plane in range(17) for low in (0xFFFE, 0xFFFF))
    + "]"
)

_SPACE = " \t"
_CONTROL = re.compile("[\x00-\x08\x0a-\x1f\x7f-\x9f]")

# Ends a line, moves the cursor or turns the reading direction: never literally in a unit file.
_INVISIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069]+")

_NEEDS_NOTHING = re.compile(r"[A-Za-z0-9_./:=,@+^~!?*#{}()\[\]<>|&-]+").fullmatch
_NEEDS_QUOTES = re.compile(r"[ '\"\\]")
_KEY = re.compile(r"[A-Za-z][A-Za-z0-9-]*").fullmatch
_UNIT_NAME = re.compile(r"[A-Za-z0-9:_.\\@-]{1,255}").fullmatch

_QUOTED = {ord("%"): "%%", ord('"'): '\\"', ord("\\"): "\\\\", ord("\n"): "\\n", ord("\t"): "\\t"}
_ARGUMENT = _QUOTED | {ord("$"): "$$"}


def argument(text: str) -> Escaped:
    """Return `text` as one argument of an Exec line: the program is handed it byte for byte.

    Quoted only where it must be, and printable text stays as it is, for whoever reads the unit.
    """
    return _item(text, _ARGUMENT)


def arguments(words: Iterable[str]) -> Escaped:
    """Return `words` as arguments of an Exec line, with a space between."""
    return Escaped(" ".join([argument(word) for word in words]))


def assignment(variable: tuple[str, str]) -> Escaped:
    """Return (name, value) for Environment= or LogExtraFields=, where `$` means nothing."""
    return _item("=".join(variable), _QUOTED)


def description(text: str) -> Escaped:
    """Return `text` for Description=: one line for people.

    What has no place in it becomes a space, a backslash at the end, which would swallow the next
    line, becomes two.
    """
    line = _UNREPRESENTABLE.sub("\ufffd", _INVISIBLE.sub(" ", text)).strip()
    return Escaped(_closed(line).replace("%", "%%"))


def plain(text: str) -> Escaped:
    """Return `text` for a key that takes one value as it stands, but for specifiers."""
    if text != text.strip(_SPACE):
        raise RenderError(f"{text!r} begins or ends with a space, which systemd would remove")
    return Escaped(verbatim(text).replace("%", "%%"))


def pattern_path(text: str) -> Escaped:
    """Return `text` for a key that takes a path with wildcards: none of ours is one."""
    return plain(re.sub(r"([*?\[\]\\])", r"\\\1", text))


def unit_names(names: Iterable[str]) -> Escaped:
    """Return the names of units as a list with spaces between."""
    listed = list(names)
    for name in listed:
        if not _UNIT_NAME(name):
            raise RenderError(f"{name!r} is no name of a unit")
    return Escaped(" ".join(listed))


def verbatim(text: str) -> Escaped:
    """Return `text`, written in systemd's own syntax (specifiers included), as one line."""
    _check(text)
    if _CONTROL.search(text):
        raise RenderError(f"{text!r} has control characters, which a unit file cannot hold")
    line = text.strip(_SPACE)
    if _closed(line) != line:
        raise RenderError(f"{text!r} ends with a backslash, which would swallow the next line")
    return Escaped(line)


def key(text: str) -> Escaped:
    """Return `text` as the key of a directive."""
    if not _KEY(text):
        raise RenderError(f"{text!r} is no name of a directive")
    return Escaped(text)


def timespan(duration: timedelta | None) -> Escaped:
    """Return `duration` in systemd's spelling; None is `infinity`."""
    return Escaped("infinity" if duration is None else format_timespan(duration))


def seconds(duration: timedelta) -> Escaped:
    """Return `duration` as our programs read it: in seconds, `3600s` or `0.5s`."""
    whole, rest = divmod(duration // timedelta(microseconds=1), 1_000_000)
    return Escaped(f"{whole}.{rest:06}".rstrip("0").rstrip(".") + "s")


FILTERS: Mapping[str, Callable[..., Escaped]] = {
    function.__name__: function
    for function in (
        argument,
        arguments,
        assignment,
        description,
        key,
        pattern_path,
        plain,
        seconds,
        timespan,
        unit_names,
        verbatim,
    )
}
"""The filters of the templates, by the names that they have there."""


def _item(text: str, table: Mapping[int, str]) -> Escaped:
    if len(text) < LONGEST_ARGUMENT and _NEEDS_NOTHING(text):
        return Escaped(text)
    _check(text)
    if len(text.encode()) > LONGEST_ARGUMENT:
        raise RenderError(
            f"{text[:40]!r}... is longer than the {LONGEST_ARGUMENT} bytes that a program can be"
            " handed",
            fix="put it into a file, or into the job's input",
        )
    escaped = text.translate(table)
    if not escaped.isprintable():
        escaped = "".join(c if c.isprintable() else _hexadecimal(c) for c in escaped)
    # A lone semicolon would separate two commands.
    if text in {"", ";"} or not text.isprintable() or _NEEDS_QUOTES.search(text):
        return Escaped(f'"{escaped}"')
    return Escaped(escaped)


def _hexadecimal(character: str) -> str:
    return "".join(f"\\x{byte:02x}" for byte in character.encode())


def _check(text: str) -> None:
    match = _UNREPRESENTABLE.search(text)
    if match:
        name = unicodedata.name(match[0], f"U+{ord(match[0]):04X}")
        raise RenderError(f"{text!r} has the character {name}, which systemd refuses")


def _closed(line: str) -> str:
    backslashes = len(line) - len(line.rstrip("\\"))
    return f"{line}\\" if backslashes % 2 else line
