# SPDX-License-Identifier: Apache-2.0
"""Lines of a crontab that were commented out because a job has taken their place."""

from __future__ import annotations

import re
from collections.abc import Mapping

_MARK = "#debvisor-timers has this as {job}: "
_MARKED = re.compile(r"#debvisor-timers has this as [a-z0-9-]+: (.*)", re.DOTALL)


def comment_out(text: str, jobs: Mapping[int, str]) -> str:
    """Return a crontab in which each line of `jobs`, number to job id, does nothing any more."""
    lines = text.split("\n")
    for number, job in jobs.items():
        if not _MARKED.fullmatch(lines[number - 1]):
            lines[number - 1] = f"{_MARK.format(job=job)}{lines[number - 1]}"
    return "\n".join(lines)


def original(line: str) -> str:
    """Return a line as it was before `comment_out`; any other line as it is."""
    match = _MARKED.fullmatch(line)
    return match[1] if match else line


def is_out(line: str) -> bool:
    """Return True for a line that `comment_out` has commented out."""
    return _MARKED.fullmatch(line) is not None
