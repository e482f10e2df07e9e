# SPDX-License-Identifier: Apache-2.0
"""What is wrong with a file, for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from debvisor_timers.source import Problem


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
