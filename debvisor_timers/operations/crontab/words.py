# SPDX-License-Identifier: Apache-2.0
"""Words of a line of a unit file, as systemd 257 takes it apart: quotes, escapes, specifiers."""

from __future__ import annotations

import re

_ESCAPES = {
    "a": "\a",
    "b": "\b",
    "f": "\f",
    "n": "\n",
    "r": "\r",
    "t": "\t",
    "v": "\v",
    "\\": "\\",
    '"': '"',
    "'": "'",
    "s": " ",
}
_NUMBER = re.compile(r"x([0-9A-Fa-f]{2})|([0-3][0-7]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})")


class WordError(ValueError):
    """A line that systemd would not take, or takes by rules that no job has."""


def split_words(line: str) -> list[str]:
    """Return the words of `line`. Raises WordError for an open quote or an unknown escape."""
    words: list[str] = []
    word: list[str] | None = None
    quote = ""
    at = 0
    while at < len(line):
        char = line[at]
        at += 1
        if char == "\\":
            text, at = _escape(line, at)
            word = [*(word or []), text]
        elif quote:
            if char == quote:
                quote = ""
            else:
                word = [*(word or []), char]
        elif char in "\"'" and word is None:
            quote, word = char, []
        elif char in "\"'":
            quote = char
        elif char in " \t\n":
            words += [] if word is None else ["".join(word)]
            word = None
        else:
            word = [*(word or []), char]
    if quote:
        raise WordError(f"an open {quote}")
    return [*words, *([] if word is None else ["".join(word)])]


def without_specifiers(text: str) -> str:
    """Return `text` with %% as %. Raises WordError for a specifier, which only a unit has."""
    parts = text.split("%%")
    for part in parts:
        if found := re.search("%.?", part):
            raise WordError(f"the specifier {found[0]}")
    return "%".join(parts)


def without_variables(text: str) -> str:
    """Return an argument with $$ as $. Raises WordError for a variable that systemd puts in."""
    parts = text.split("$$")
    if any("$" in part for part in parts):
        raise WordError("a variable ($), which systemd puts in, and no shell is there to do it")
    return "$".join(parts)


def _escape(line: str, at: int) -> tuple[str, int]:
    char = line[at : at + 1]
    if char in _ESCAPES:
        return _ESCAPES[char], at + 1
    match = _NUMBER.match(line, at)
    if match is None:
        raise WordError(f"the escape \\{char}")
    digits = match[1] or match[3] or match[4]
    number = int(match[2], 8) if match[2] else int(digits, 16)
    if not 0 < number < 0x110000 or (number > 0x7F and (match[1] or match[2])):
        raise WordError(f"the escape \\{match[0]}")
    return chr(number), match.end()
