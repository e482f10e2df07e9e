# SPDX-License-Identifier: Apache-2.0
"""What an edit of jobs has done, or would do, for programs."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from debvisor_timers.history.document import iso
from debvisor_timers.operations.applying.diff import unified_diff
from debvisor_timers.source import problem_document

if TYPE_CHECKING:
    from collections.abc import Iterator

    from debvisor_timers.operations.applying.edits import FileEdit
    from debvisor_timers.operations.editing.edit import EditResult
    from debvisor_timers.source import Problem


def edit_document(result: EditResult, *, with_diff: bool) -> dict[str, object]:
    """Return what became of which jobs, files and units; with_diff: of each line, too."""
    plan, applied = result.plan, result.result
    document: dict[str, object] = {
        "jobs": list(result.jobs),
        "changed": bool(result.files or plan),
        "applied": applied is not None,
        "generation": applied.generation if applied else None,
        "files": [str(file.path) for file in result.files],
        "changes": [
            {
                "job": job.job_id,
                "change": str(job.change),
                "next_before": iso(job.next_before),
                "next_after": iso(job.next_after),
            }
            for job in (plan.jobs if plan else ())
        ],
        "warnings": [problem_document(problem) for problem in edit_warnings(result)],
        "pending": {
            "jobs": list(result.pending.jobs),
            "settings": [str(path) for path in result.pending.settings],
            "errors": [problem_document(problem) for problem in result.pending.errors],
        },
    }
    if with_diff:
        document["diff"] = list(edit_diff(result, units=True))
    return document


def edit_warnings(result: EditResult) -> list[Problem]:
    """Return the warnings about files that were edited; those of others are no news."""
    files = {file.path for file in result.files}
    found = result.plan.warnings if result.plan else ()
    return [problem for problem in found if problem.span.file in files]


def edit_diff(result: EditResult, *, units: bool) -> Iterator[str]:
    """Yield the lines of a diff of the files; units: and of the units."""
    for file in result.files:
        yield from _file_diff(file)
    for job in result.plan.jobs if result.plan and units else ():
        yield from unified_diff(job)


def _file_diff(file: FileEdit) -> Iterator[str]:
    return difflib.unified_diff(
        (file.before or b"").decode(errors="replace").splitlines(),
        (file.after or b"").decode(errors="replace").splitlines(),
        fromfile=str(file.path) if file.before is not None else "/dev/null",
        tofile=str(file.path) if file.after is not None else "/dev/null",
        lineterm="",
    )
