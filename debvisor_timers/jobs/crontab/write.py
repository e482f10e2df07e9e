# SPDX-License-Identifier: Apache-2.0
"""Job files that people read: YAML by hand, every text byte for byte, the same each time."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping, Sequence

from debvisor_timers.jobs.scalar import NULL_SPELLINGS

Node = str | bool | Sequence["Node"] | Mapping[str, "Node"]
"""A value of YAML: text, a truth value, a list, or a mapping."""

_WORD = r"[A-Za-z0-9_./+-]+(?::[A-Za-z0-9_./+-]+)*"
_PLAIN = re.compile(rf"(?=[A-Za-z0-9/]|-[A-Za-z]){_WORD}(?: {_WORD})*")
_NOT_TEXT = re.compile(r"(?i:y|n|yes|no|on|off|true|false|null)|(?:[0-9+.]|-[0-9.]).*")
_DURATION = re.compile(r"[0-9]+(?:us|ms|s|min|h|d|w)?")
_BLOCK = re.compile(
    r"(?:[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?\n)(?:(?:[\x20-\x7e]*[\x21-\x7e])?\n)*"
)
_WIDTH = 96
_DIGEST = "# Digest: "


def job_file(
    title: Sequence[str], jobs: Sequence[tuple[Sequence[str], str, Mapping[str, Node]]]
) -> str:
    """Return a job file: the comment `title`, then for each job its comment, id and keys.

    A digest in the comment tells later whether somebody has edited the file.
    """
    body = "".join(_body(jobs)) if jobs else "jobs: {}\n"
    head = "".join(f"# {line}".rstrip() + "\n" for line in title)
    return f"{head}{_DIGEST}{_digest(head + body)}\n{body}"


def is_as_written(text: str) -> bool:
    """Return True for a file that `job_file` made and nobody has changed since."""
    lines = text.splitlines(keepends=True)
    for number, line in enumerate(lines):
        if line.startswith(_DIGEST):
            rest = "".join(lines[:number] + lines[number + 1 :])
            return line.removeprefix(_DIGEST).strip() == _digest(rest)
        if not line.startswith("#"):
            break
    return False


def scalar(text: str) -> str:
    """Return `text` as one line of YAML; in quotes where it could be read as something else."""
    if _DURATION.fullmatch(text):
        return text if not text.isdigit() else f'"{text}"'
    if _PLAIN.fullmatch(text) and not _NOT_TEXT.fullmatch(text) and text not in NULL_SPELLINGS:
        return text
    if text.isprintable() and "'" not in text and ('"' in text or "\\" in text):
        return f"'{text}'"
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(char if char.isprintable() else _escaped(char) for char in quoted)


def comment(text: str) -> str:
    """Return `text` as it can stand in a comment: printable, one line."""
    return "".join(char if char.isprintable() else " " for char in text)


def _escaped(char: str) -> str:
    code = ord(char)
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:32]


def _body(jobs: Sequence[tuple[Sequence[str], str, Mapping[str, Node]]]) -> Iterator[str]:
    yield "jobs:\n"
    for number, (remarks, job_id, keys) in enumerate(jobs):
        if number:
            yield "\n"
        for line in remarks:
            yield f"  # {comment(line)}".rstrip() + "\n"
        yield f"  {scalar(job_id)}:\n"
        for name, value in keys.items():
            yield from _entry(name, value, 4)


def _entry(name: str, value: Node, indent: int) -> Iterator[str]:
    margin = " " * indent
    key = f"{margin}{scalar(name)}:"
    if isinstance(value, bool):
        yield f"{key} {_flow(value)}\n"
        return
    if isinstance(value, str):
        if value.count("\n") > 1 and _BLOCK.fullmatch(value) and not value.endswith("\n\n"):
            yield f"{key} |\n"
            for line in value[:-1].split("\n"):
                yield f"{margin}  {line}".rstrip() + "\n"
        else:
            yield f"{key} {scalar(value)}\n"
        return
    flow = _flow(value)
    if isinstance(value, Mapping):
        if (
            len(value) <= 2
            and len(key) + len(flow) < _WIDTH
            and all(isinstance(each, str) for each in value.values())
        ):
            yield f"{key} {flow}\n"
            return
        yield f"{key}\n"
        for inner, each in value.items():
            yield from _entry(inner, each, indent + 2)
    elif len(key) + len(flow) < _WIDTH:
        yield f"{key} {flow}\n"
    else:
        yield f"{key}\n"
        for item in value:
            yield f"{margin}  - {_flow(item)}\n"


def _flow(value: Node) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return scalar(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{scalar(k)}: {_flow(v)}" for k, v in value.items()) + "}"
    return "[" + ", ".join(map(_flow, value)) + "]"
