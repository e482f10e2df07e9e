# SPDX-License-Identifier: Apache-2.0
"""Unit files as the twin reads them: sections, keys, lists that an empty value empties."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache


@dataclass(frozen=True, slots=True)
class Line:
    """One assignment: where it stands, and what it says."""

    number: int
    section: str
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class UnitText:
    """The assignments of a unit file in order; lines that are none are left out."""

    lines: tuple[Line, ...] = ()

    def get(self, section: str, key: str) -> tuple[str, ...]:
        """Return all values of `key` since the last empty one."""
        values: list[str] = []
        for line in self.lines:
            if line.section == section and line.key == key:
                values = [*values, line.value] if line.value else []
        return tuple(values)

    def last(self, section: str, key: str, default: str = "") -> str:
        """Return the last value of `key`."""
        values = self.get(section, key)
        return values[-1] if values else default

    def words(self, section: str, key: str) -> tuple[str, ...]:
        """Return the words of all values of `key`: a list of units."""
        return tuple(word for value in self.get(section, key) for word in value.split())

    def is_on(self, section: str, key: str) -> bool:
        """Return True when the boolean `key` is set to true."""
        return self.last(section, key).lower() in {"1", "yes", "y", "true", "t", "on"}


@lru_cache(maxsize=4096)
def parse_unit(text: str) -> UnitText:
    """Return the assignments of `text`."""
    section = ""
    found = []
    for number, line in _joined_lines(text):
        if line.startswith("[") and line.endswith("]"):
            section = line[1:-1]
        elif "=" in line:
            key, _, value = line.partition("=")
            found.append(Line(number, section, key.strip(), value.strip()))
    return UnitText(tuple(found))


def _joined_lines(text: str) -> Iterator[tuple[int, str]]:
    """Yield each line that says something, with its number; a trailing backslash joins lines."""
    joined, start = "", 0
    for number, line in enumerate(text.splitlines(), start=1):
        stripped = line.strip()
        if stripped.startswith(("#", ";")) or not (stripped or joined):
            continue
        start = start if joined else number
        joined += stripped
        if stripped.endswith("\\"):
            joined = joined[:-1] + " "
            continue
        yield start, joined
        joined = ""
    if joined:
        yield start, joined
