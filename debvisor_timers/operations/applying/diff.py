# SPDX-License-Identifier: Apache-2.0
"""A change of units as text, for people."""

from __future__ import annotations

import difflib
from collections.abc import Iterator

from debvisor_timers.operations.applying.plan import JobPlan
from debvisor_timers.systemd.ports import Entry, FileEntry


def unified_diff(job: JobPlan) -> Iterator[str]:
    """Yield the lines of a unified diff of every unit file and link that changes for `job`."""
    for change in job.entries:
        yield from difflib.unified_diff(
            _lines(change.before),
            _lines(change.after),
            fromfile=change.name if change.before is not None else "/dev/null",
            tofile=change.name if change.after is not None else "/dev/null",
            lineterm="",
        )


def _lines(entry: Entry | None) -> list[str]:
    if entry is None:
        return []
    return entry.text.splitlines() if isinstance(entry, FileEntry) else [f"-> {entry.target}"]
