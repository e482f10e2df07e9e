# SPDX-License-Identifier: Apache-2.0
"""The lines of a job in its file, without the secrets in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from debvisor_timers.jobs.files import LINE_BREAK, read_source
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.redact import redact
from debvisor_timers.source import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSource:
    """The lines of a job, the first of which is line `first` of the file."""

    file: Path
    first: int
    lines: tuple[str, ...]


def job_source(job: Job) -> JobSource | None:
    """Return the lines of a job with the comments above it; None where its file cannot be read.

    Where the file was written since, they may be others.
    """
    source = read_source(job.source.file)
    if isinstance(source, Problem) or not job.source.line:
        return None
    lines = LINE_BREAK.split(source.text)
    first, last = _block(lines, job.source.line - 1)
    text = redact("\n".join(lines[first:last]))
    return JobSource(file=job.source.file, first=first + 1, lines=tuple(text.split("\n")))


def _block(lines: Sequence[str], at: int) -> tuple[int, int]:
    """Return where the block begins whose key is in line `at`, and the line after its last."""
    if at >= len(lines):
        return 0, 0
    indent = _indent(lines[at])
    first = at
    while first and lines[first - 1].lstrip().startswith("#") and _indent(lines[first - 1]):
        first -= 1
    last = at + 1
    for number in range(at + 1, len(lines)):
        line = lines[number]
        if not line.strip():
            continue
        if _indent(line) <= indent:
            break
        last = number + 1
    return first, last


def _indent(line: str) -> int:
    return len(line) - len(line.lstrip(" "))
