# SPDX-License-Identifier: Apache-2.0
"""What is held back, for programs: pauses, maintenance, runs that are to be skipped."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debvisor_timers.history.document import iso

if TYPE_CHECKING:
    from debvisor_timers.operations.holding.marks import Mark
    from debvisor_timers.operations.holding.pause import Paused, Resumed
    from debvisor_timers.operations.holding.skip_next import Skipping


def mark_document(mark: Mark | None) -> dict[str, object] | None:
    """Return a pause, or maintenance, for programs."""
    if mark is None:
        return None
    return {
        "since": iso(mark.since),
        "until": iso(mark.until),
        "by": mark.by,
        "reason": mark.reason,
    }


def paused_document(paused: Paused) -> list[dict[str, object]]:
    """Return each job that is held back now, and how."""
    return [{"job": job.job_id, **(mark_document(job.mark) or {})} for job in paused.jobs]


def resumed_document(resumed: Resumed) -> dict[str, object]:
    """Return which jobs may start again, and what was left stopped since it would fire at once."""
    return {
        "resumed": list(resumed.jobs),
        "not_paused": list(resumed.not_paused),
        "unarmed": [{"unit": held.unit, "path": held.path} for held in resumed.unarmed],
    }


def skipping_document(job_id: str, skipping: Skipping) -> dict[str, object]:
    """Return how many runs of a job are to be skipped, were before, and which."""
    return {
        "job": job_id,
        "skip_next": skipping.now.left if skipping.now else 0,
        "before": skipping.before.left if skipping.before else 0,
        "runs": [iso(run.at) for run in skipping.runs],
    }
