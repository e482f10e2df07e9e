# SPDX-License-Identifier: Apache-2.0
"""Values as the YAML of a job file; each is read back as exactly what it was."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence

# Nothing that the core schema of YAML 1.2, or an older reader, takes for more than text.
_PLAIN = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*")
_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "null", "y", "n", "nan", "inf"})
_LONGEST_LINE = 88


def yaml_of(value: Mapping[str, object]) -> str:
    """Return a mapping (of mappings, lists, text, numbers, truth values, None) as YAML."""
    return "\n".join((*_block(value, 0), ""))


def _block(value: Mapping[str, object], depth: int) -> Iterator[str]:
    for name, each in value.items():
        yield from _entry(f"{'  ' * depth}{_scalar(name)}:", each, depth)


def _entry(start: str, value: object, depth: int) -> Iterator[str]:
    """Yield `start` with a value behind it where it fits the line, else below it."""
    line = f"{start} {_flow(value)}"
    if len(line) <= _LONGEST_LINE and (depth or not isinstance(value, Mapping)):
        yield line
    elif isinstance(value, Mapping) and value:
        yield start
        yield from _block(value, depth + 1)
    elif isinstance(value, Sequence) and not isinstance(value, str) and value:
        yield start
        for each in value:
            yield f"{'  ' * (depth + 1)}- {_flow(each)}"
    else:
        yield line


def _flow(value: object) -> str:
    if isinstance(value, Mapping):
        pairs = (f"{_scalar(name)}: {_flow(each)}" for name, each in value.items())
        return f"{{{', '.join(pairs)}}}"
    if isinstance(value, Sequence) and not isinstance(value, str):
        return f"[{', '.join(map(_flow, value))}]"
    return _scalar(value)


def _scalar(value: object) -> str:
    if not isinstance(value, str):
        return json.dumps(value)
    if _PLAIN.fullmatch(value) and value.lower() not in _WORDS:
        return value
    return "".join(map(_printable, json.dumps(value, ensure_ascii=False)))


def _printable(letter: str) -> str:
    return letter if letter.isprintable() else f"\\U{ord(letter):08x}"
