# SPDX-License-Identifier: Apache-2.0
"""What a job is doing, in words for people."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from debvisor_timers.operations.holding.words import paused_words
from debvisor_timers.operations.times import relative

if TYPE_CHECKING:
    from debvisor_timers.operations.list import JobRow

_AT_REST = {"scheduled", "watching", "at boot", "after others", "on demand"}
"""States in which a paused job is paused, and nothing else."""


def state_words(row: JobRow) -> str:
    """Return what the job is doing: `waiting for backup (running)`, `attempt 2 of 4 in 45s`."""
    if row.pause is None:
        return _doing(row)
    paused = paused_words(row.pause)
    return paused if str(row.state) in _AT_REST else f"{row.state}, {paused}"


def _doing(row: JobRow) -> str:
    run = row.under_way
    if row.skipped:
        left = row.skip_next.left if row.skip_next else 1
        return f"{row.state}, skips next" + (f" {left}" if left > 1 else "")
    if run is None:
        return str(row.state)
    if run.retry_at is not None:
        now = datetime.now(UTC)
        then = relative(run.retry_at, now=now) if run.retry_at > now else "now"
        return f"{run.waiting.removeprefix('for ')} {then}"
    if run.waiting:
        return f"waiting {run.waiting}"
    words = ["running"]
    if run.attempt > 1:
        words.append(f"attempt {run.attempt} of {run.max_attempts}")
    if row.progress is not None:
        words.append(row.progress.words)
    return ", ".join(words)
