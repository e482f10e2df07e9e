# SPDX-License-Identifier: Apache-2.0
"""A run that is only rehearsed, for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debvisor_timers.history.document import seconds
from debvisor_timers.operations.documents.holding import mark_document

if TYPE_CHECKING:
    from debvisor_timers.operations.runs.rehearse import Lock, Rehearsal


def rehearsal_document(told: Rehearsal, *, force: bool) -> dict[str, object]:
    """Return what would happen if a job were run now; force: nothing is asked of other jobs."""
    return {
        "job": told.job_id,
        "job_id": told.job_id,
        "dry_run": True,
        "service": told.service,
        "program": told.program,
        "user": told.user,
        "timeout_seconds": seconds(told.timeout),
        "max_attempts": told.attempts,
        "asks_for": [
            {
                "job": need.job_id,
                "type": str(need.kind),
                "wait_seconds": seconds(need.wait),
                "max_age_seconds": seconds(need.max_age),
            }
            for need in told.needs
            if not force
        ],
        "needs_units": list(told.units),
        "locks": [_lock_document(lock) for lock in told.locks],
        "paused": mark_document(told.pause),
        "refused": told.refused or None,
        "unit": told.text,
    }


def _lock_document(lock: Lock) -> dict[str, object]:
    return {
        "pool": lock.name if lock.is_pool else None,
        "job": None if lock.is_pool else lock.name,
        "places": lock.places,
        "of": lock.of,
        "policy": "skip" if lock.skips else "wait",
        "wait_seconds": seconds(lock.wait),
    }
