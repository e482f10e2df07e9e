# SPDX-License-Identifier: Apache-2.0
"""What an apply would change, and what one has changed, for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from debvisor_timers.history.document import iso
from debvisor_timers.source import problem_document

if TYPE_CHECKING:
    from debvisor_timers.operations.applying.apply import ApplyResult
    from debvisor_timers.operations.applying.plan import Plan


def plan_document(plan: Plan) -> dict[str, Any]:
    """Return `plan` for programs: stable keys, times in ISO 8601."""
    return {
        "current_generation": plan.generation - 1,
        "generation": plan.generation,
        "unchanged": plan.unchanged,
        "foreign": list(plan.foreign),
        "warnings": [problem_document(problem) for problem in plan.warnings],
        "jobs": [
            {
                "job": job.job_id,
                "change": str(job.change),
                "next_before": iso(job.next_before),
                "next_after": iso(job.next_after),
                "jitter_seconds": job.jitter.total_seconds(),
                "edited": list(job.edited),
                "entries": [change.name for change in job.entries],
            }
            for job in plan.jobs
        ],
    }


def apply_document(result: ApplyResult) -> dict[str, object]:
    """Return what an apply did, for programs."""
    return {
        "generation": result.generation,
        "created": result.created,
        "updated": result.updated,
        "removed": result.removed,
        "unchanged": result.unchanged,
        "recovery": str(result.recovery),
        "timers_held": result.timers_held,
        "unarmed": [{"unit": held.unit, "path": held.path} for held in result.unarmed],
    }
