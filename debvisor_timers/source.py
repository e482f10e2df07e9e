# SPDX-License-Identifier: Apache-2.0
"""Where a value was written (Span), and what is wrong with it (Problem)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path


class Severity(StrEnum):
    """How bad a problem is: an error stops everything, a warning is said and passed over."""

    ERROR = "error"
    WARNING = "warning"


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """A place in a file: line and column count from 1, `length` characters are underlined.

    A span of a whole file (unreadable, not UTF-8) has line 0 and is printed without a position.
    """

    file: Path
    line: int = 0
    column: int = 0
    length: int = 1

    def __str__(self) -> str:
        """Return `file:line:column`, or the file alone when the span is the whole file."""
        return f"{self.file}:{self.line}:{self.column}" if self.line else str(self.file)


@dataclass(frozen=True, slots=True, kw_only=True)
class Problem:
    """One thing that is wrong: what, where, how to mend.

    key: the dotted key the message is about (`schedule.cron`), empty for the file itself.
    source_line: the text of the line that `span` points at, for the caret; empty when unknown.
    fix: an instruction without a full stop, empty when there is nothing useful to say.
    """

    span: Span
    message: str
    key: str = ""
    fix: str = ""
    severity: Severity = Severity.ERROR
    source_line: str = ""

    @property
    def is_error(self) -> bool:
        """Return True when this problem stops everything."""
        return self.severity is Severity.ERROR


def format_problem(problem: Problem) -> str:
    """Return `problem` as text for people: position, message, the line with a caret, the fix."""
    subject = f"{problem.key}: " if problem.key else ""
    lines = [f"{problem.span}: {problem.severity}: {subject}{problem.message}"]
    if problem.span.line and problem.source_line:
        lines += _excerpt(problem)
    if problem.fix:
        lines.append(f" fix: {problem.fix}")
    return "\n".join(lines)


def _excerpt(problem: Problem) -> Iterable[str]:
    number = f"{problem.span.line:>5}"
    line = problem.source_line.replace("\t", " ")
    carets = "^" * max(1, min(problem.span.length, len(line) - problem.span.column + 1))
    yield f"{number} | {line}"
    yield f"{' ' * len(number)} | {' ' * (problem.span.column - 1)}{carets}"


def problem_document(problem: Problem) -> dict[str, object]:
    """Return one problem for programs; line and column are null when it is about the whole file."""
    return {
        "file": str(problem.span.file),
        "line": problem.span.line or None,
        "column": problem.span.column or None,
        "severity": str(problem.severity),
        "key": problem.key,
        "message": problem.message,
        "fix": problem.fix,
    }
