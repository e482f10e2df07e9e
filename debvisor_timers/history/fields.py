# SPDX-License-Identifier: Apache-2.0
"""The files of `NAME=value` lines that begin and end leave."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path


def read_fields(path: Path) -> Mapping[str, str]:
    """Return what stands in the file `path`; nothing where there is none, or it is no file."""
    try:
        # As bytes: text mode would take a carriage return in a value for the end of its line.
        with path.open("rb", buffering=0) as file:
            data = file.read()
    except OSError:
        return {}
    return parse_fields(data.decode("utf-8", "replace"))


def parse_fields(text: str) -> Mapping[str, str]:
    """Return the values of `NAME=value` lines by name."""
    # Not splitlines(): a value may hold any character but the line feed.
    pairs = (line.partition("=") for line in text.split("\n"))
    return {name: value for name, equals, value in pairs if equals}


def format_fields(fields: Mapping[str, str]) -> bytes:
    """Return `fields` as such lines; a value stays on its line, an empty one is left out."""
    lines = (f"{name}={value.replace(chr(10), ' ')}\n" for name, value in fields.items() if value)
    return "".join(lines).encode("utf-8", "surrogateescape")
