# SPDX-License-Identifier: Apache-2.0
"""The [X-Debvisor] section: which unit files are ours, and which of them were edited by hand."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from debvisor_timers.render.unitfile import UnitFile, is_unusual
from debvisor_timers.source import Span

SECTION = "X-Debvisor"
"""systemd passes over sections whose name begins with X-."""

_END = "\n"
_HEADER = f"{_END}[{SECTION}]\n"
_CONTROL = re.compile("[\\\\\x00-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")

# What we write ourselves: the section comes last, and nothing before it can swallow its header.
_AS_WRITTEN = re.compile(
    r"Job=([a-z0-9-]+)\nSource=([^\n]*)\nGeneration=([0-9]+)\nDigest=([0-9a-f]+)\n"
).fullmatch


@dataclass(frozen=True, slots=True, kw_only=True)
class Ownership:
    """What a unit file of ours says about itself.

    source: `file:line` of the job; what cannot stand in a line is written as \\xHH.
    generation: the apply that wrote it, 0 when that cannot be read any more.
    digest: that of the file as it was written.
    """

    job: str
    source: str
    generation: int
    digest: str


def read_ownership(text: str) -> Ownership | None:
    """Return what the [X-Debvisor] section of a unit file says; None: the file is not ours."""
    _, match = _split(text)
    if match is None:
        return _read_slowly(text)
    job, source, generation, written = match.groups()
    return Ownership(job=job, source=source, generation=int(generation), digest=written)


def digest(text: str) -> str:
    """Return 32 hexadecimal digits of SHA-256 over a unit file without its [X-Debvisor] section.

    So neither a job that moves in its file nor the apply of another job changes it.
    """
    body, match = _split(text)
    if match is None:
        lines = UnitFile.parse(text).lines
        body = "".join(line.raw for line in lines if line.section != SECTION)
    return _digest(body)


def is_edited(text: str) -> bool:
    """Return True when a unit file of ours is no longer what we wrote."""
    ownership = read_ownership(text)
    return ownership is not None and ownership.digest != digest(text)


def sign(body: str, *, job: str, source: Span, generation: int) -> str:
    """Return the unit file `body` with its [X-Debvisor] section at the end."""
    place = _CONTROL.sub(_hexadecimal, f"{source.file}:{source.line}")
    return (
        f"{body}{_HEADER}Job={job}\nSource={place}\nGeneration={generation}\n"
        f"Digest={_digest(body + _END)}\n"
    )


def renumbered(text: str, generation: int) -> str:
    """Return a unit file of ours as that generation writes it: nothing else of it changes."""
    _, match = _split(text)
    if match is None:
        return text
    head, _, tail = text.rpartition(f"\nGeneration={match[3]}\n")
    return f"{head}\nGeneration={generation}\n{tail}"


def _split(text: str) -> tuple[str, re.Match[str] | None]:
    """Return the text before the section, and the section; None: it is not as we write it."""
    body, _, tail = text.partition(_HEADER)
    match = _AS_WRITTEN(tail)
    if match is None or is_unusual(text):
        return text, None
    return body + _END, match


def _digest(body: str) -> str:
    return hashlib.sha256(body.encode(errors="surrogateescape")).hexdigest()[:32]


def _read_slowly(text: str) -> Ownership | None:
    unit = UnitFile.parse(text)

    def last(key: str) -> str:
        return unit.get(SECTION, key)[-1] if unit.get(SECTION, key) else ""

    if not last("Job"):
        return None
    generation = last("Generation")
    return Ownership(
        job=last("Job"),
        source=last("Source"),
        generation=int(generation) if re.fullmatch("[0-9]{1,18}", generation) else 0,
        digest=last("Digest"),
    )


def _hexadecimal(match: re.Match[str]) -> str:
    return "".join(f"\\x{byte:02x}" for byte in match[0].encode(errors="surrogateescape"))
