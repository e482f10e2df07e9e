# SPDX-License-Identifier: Apache-2.0
"""Unit files as pure values: read as systemd reads them, written back byte for byte."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

_SPACE = " \t\n\r"
_COMMENT = ("#", ";")
_BYTE_ORDER_MARK = "\ufeff"

# systemd 257: a line ends with any combination of these three in which none comes twice.
_END_OF_LINE = re.compile(r"\n(?:\r\0?|\0\r?)?|\r(?:\n\0?|\0\n?)?|\0(?:\n\r?|\r\n?)?")


@dataclass(frozen=True, slots=True)
class Line:
    """One line as systemd counts them: comments inside and continuations belong to it.

    raw: the text in the file, with its end of line.
    section: the section that the line stands in; a header stands in the section it opens.
    key, value: empty for a header, a comment, a blank line, and a line that makes no sense.
    """

    raw: str
    section: str
    key: str = ""
    value: str = ""
    is_header: bool = False


@dataclass(frozen=True, slots=True)
class UnitFile:
    """A unit file: every line in its order, comments, duplicates and odd spacing included."""

    lines: tuple[Line, ...] = ()

    @classmethod
    def parse(cls, text: str) -> UnitFile:
        """Return `text` as a value; any text will do, `format` gives it back unchanged."""
        lines = []
        section = ""
        for raw, logical in _split(text):
            line = _read_line(raw, logical, section)
            section = line.section
            lines.append(line)
        return cls(tuple(lines))

    def format(self) -> str:
        """Return the text of the file."""
        return "".join(line.raw for line in self.lines)

    def sections(self) -> tuple[str, ...]:
        """Return the names of the sections, each once, in order of their first header."""
        return tuple(dict.fromkeys(line.section for line in self.lines if line.is_header))

    def get(self, section: str, key: str) -> tuple[str, ...]:
        """Return every value of `key` in `section`, in order, as systemd would be handed it."""
        return tuple(
            line.value for line in self.lines if line.key == key and line.section == section
        )

    def items(self, section: str) -> tuple[tuple[str, str], ...]:
        """Return (key, value) of every assignment in `section`, in order."""
        return tuple(
            (line.key, line.value) for line in self.lines if line.key and line.section == section
        )

    def set(self, section: str, key: str, values: Iterable[str]) -> UnitFile:
        """Return the file with exactly `values` for `key`; no values remove it.

        They take the place of the first old value, or go to the end of the section, which is
        made when there is none. Raises ValueError for what a single line cannot hold.
        """
        new = [Line(_assignment(section, key, value), section, key, value) for value in values]
        old = [n for n, at in enumerate(self.lines) if at.key == key and at.section == section]
        if not old and not new:
            return self
        kept = [at for n, at in enumerate(self.lines) if n not in set(old)]
        if old:
            place = old[0]
        elif section in self.sections():
            place = _end_of_section(kept, section)
        else:
            place = len(kept)
            header = f"\n[{section}]\n" if kept else f"[{section}]\n"
            new[:0] = UnitFile.parse(header).lines
        return _joined(kept[:place], new, kept[place:])


def statements(text: str) -> list[tuple[str, str]]:
    """Return (section, key) of each assignment in order; a header is (section, "").

    A line that systemd would pass over with a warning is (section, the line itself): whoever
    compares what is there with what should be there finds it.
    """
    found = []
    section = ""
    for logical in _logical_lines(text):
        stripped = logical.strip(_SPACE)
        if not stripped or stripped[0] in "#;":
            continue
        if stripped[0] == "[":
            section = stripped[1:-1] if stripped[-1] == "]" else stripped
            found.append((section, ""))
        else:
            key, equals, _ = stripped.partition("=")
            found.append((section, key.rstrip(_SPACE) if equals and key else stripped))
    return found


def is_unusual(text: str) -> bool:
    """Return False when each line of `text` is a line for systemd too: nearly always."""
    return (
        "\\\n" in text
        or text.endswith("\\")
        or "\r" in text
        or "\0" in text
        or _BYTE_ORDER_MARK in text
    )


def _logical_lines(text: str) -> Iterable[str]:
    if is_unusual(text):
        return [logical for _, logical in _split(text)]
    return text.split("\n")


def _read_line(raw: str, logical: str, section: str) -> Line:
    stripped = logical.strip(_SPACE)
    if stripped.startswith("["):
        # Without its bracket systemd 257 refuses the whole file; here it opens a section too.
        name = stripped[1:-1] if stripped.endswith("]") else stripped
        return Line(raw, name, is_header=True)
    key, equals, value = stripped.partition("=")
    if not equals or not key:
        return Line(raw, section)
    return Line(raw, section, key.rstrip(_SPACE), value.lstrip(_SPACE))


def _split(text: str) -> Iterator[tuple[str, str]]:
    """Yield (raw text, what systemd makes of it) of each line; a comment makes nothing."""
    raw = logical = ""
    continues = False
    for content, physical in _physical_lines(text):
        raw += physical
        is_comment = content.lstrip(_SPACE).startswith(_COMMENT)
        if is_comment and continues:
            continue
        if not is_comment:
            continues = _ends_escaped(content)
            logical += f"{content[:-1]} " if continues else content
        if not continues:
            yield raw, logical
            raw = logical = ""
    if raw:
        yield raw, logical


def _physical_lines(text: str) -> Iterator[tuple[str, str]]:
    """Yield (content, content with its end of line); the first byte order mark is no content."""
    start = 0
    mark_seen = False
    while start < len(text):
        match = _END_OF_LINE.search(text, start)
        content_end, end = match.span() if match else (len(text), len(text))
        content = text[start:content_end]
        if not mark_seen and content.startswith(_BYTE_ORDER_MARK):
            mark_seen = True
            content = content[1:]
        yield content, text[start:end]
        start = end


def _ends_escaped(content: str) -> bool:
    return (len(content) - len(content.rstrip("\\"))) % 2 == 1


def _assignment(section: str, key: str, value: str) -> str:
    text = f"{key}={value}\n"
    whole = f"[{section}]\n{text}[end]\n"
    lines = UnitFile.parse(whole).lines
    if lines[1:-1] != (Line(text, section, key, value),) or not lines[-1].is_header:
        raise ValueError(f"no single line can hold {key!r} = {value!r} in section {section!r}")
    return text


def _end_of_section(lines: list[Line], section: str) -> int:
    """Return the place after the last line of `section` that is not blank."""
    return 1 + max(n for n, at in enumerate(lines) if at.section == section and at.raw.strip())


def _joined(before: list[Line], new: list[Line], after: list[Line]) -> UnitFile:
    if new and before:
        before = [*before[:-1], _terminated(before[-1])]
    text = "".join(line.raw for line in (*before, *new, *after))
    return UnitFile.parse(text)


def _terminated(line: Line) -> Line:
    """Return `line` so that another can follow it: the last of a file may lack its end."""
    content = [content for content, _ in _physical_lines(line.raw)][-1]
    if line.raw.endswith(("\n", "\r", "\0")) and not _ends_escaped(content):
        return line
    _, logical = next(_split(line.raw))
    return Line(f"{logical}\n", line.section, line.key, line.value, line.is_header)
