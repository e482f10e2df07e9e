# SPDX-License-Identifier: Apache-2.0
"""Places in a crontab, and what is said about them."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from debvisor_timers.jobs.files import printable
from debvisor_timers.source import Problem, Severity, Span


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Some characters of a line: its number, its text, the first one's column, how many."""

    line: int
    text: str
    column: int = 1
    length: int = 1


def error(path: Path, place: Place, message: str, fix: str) -> Problem:
    """Return what keeps a line, or the whole file, from becoming jobs."""
    span = Span(
        file=path, line=place.line, column=max(place.column, 1), length=max(place.length, 1)
    )
    text = printable(place.text, span)
    return Problem(span=span, message=message, fix=fix, source_line=text)


def warning(path: Path, place: Place, message: str, fix: str) -> Problem:
    """Return what a person has to know of a line."""
    problem = error(path, place, message, fix)
    return Problem(
        span=problem.span,
        message=message,
        fix=fix,
        source_line=problem.source_line,
        severity=Severity.WARNING,
    )
