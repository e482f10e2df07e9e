# SPDX-License-Identifier: Apache-2.0
"""A small model of how systemd 257 reads values, written from its manual, for the unit tests.

It refuses what systemd would expand, warn about or take for a separator: nothing that we render
may need any of that. The contract tests ask systemd itself.
"""

from __future__ import annotations

import re

_ESCAPES = {"n": b"\n", "t": b"\t", "\\": b"\\", '"': b'"', "'": b"'"}


def read_words(value: str) -> list[str]:
    """Return the words of `value`: quotes and C escapes undone, `%%` as one per cent sign."""
    words = []
    rest = value
    while rest := rest.lstrip(" \t"):
        assert not re.match(r";(?:[ \t]|$)", rest), "a second command"
        word, rest = _read_word(rest)
        words.append(_expand(word.decode(), "%"))
    return words


def read_command(value: str) -> list[str]:
    """Return the argv that the program of `ExecStart=value` is handed."""
    return [_expand(word, "$") for word in read_words(value)]


def read_plain(value: str) -> str:
    """Return `value` of a key that knows specifiers only."""
    return _expand(value, "%")


def _read_word(text: str) -> tuple[bytes, str]:
    word = b""
    quote = ""
    position = 0
    while position < len(text):
        character = text[position]
        if character == "\\":
            piece, length = _read_escape(text[position + 1 :])
            word += piece
            position += 1 + length
            continue
        position += 1
        if quote and character == quote:
            quote = ""
        elif not quote and character in "\"'":
            quote = character
        elif not quote and character in " \t":
            break
        else:
            word += character.encode()
    assert not quote, "a quote that never ends"
    return word, text[position:]


def _read_escape(text: str) -> tuple[bytes, int]:
    if text[0] == "x":
        assert text[1:3] != "00", "NUL cannot be written"
        return bytes([int(text[1:3], 16)]), 3
    return _ESCAPES[text[0]], 1


def _expand(text: str, sign: str) -> str:
    single = re.sub(re.escape(sign * 2), "", text)
    assert sign not in single, f"{text!r} would be expanded"
    return text.replace(sign * 2, sign)
