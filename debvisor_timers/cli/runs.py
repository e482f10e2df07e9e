# SPDX-License-Identifier: Apache-2.0
"""How runs look in JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debvisor_timers.cli import times

if TYPE_CHECKING:
    from datetime import timedelta

    from debvisor_timers.history.last import LastRun
    from debvisor_timers.history.runs import Run


def last_document(last: LastRun | Run | None) -> dict[str, object] | None:
    """Return the last run of a job for programs, None when there is none."""
    if last is None:
        return None
    return {
        "run": last.id,
        "status": str(last.status),
        "outcome": str(last.outcome),
        "start": times.iso(last.start),
        "end": times.iso(last.end),
        "duration_seconds": seconds(last.duration),
        "exit_status": last.exit_status,
    }


def run_document(run: Run) -> dict[str, object]:
    """Return one run for programs."""
    return {
        "run": run.id,
        "job": run.job,
        "generation": run.generation,
        "trigger": str(run.trigger),
        "by": run.by,
        "scheduled_for": times.iso(run.scheduled_for),
        "start": times.iso(run.start),
        "end": times.iso(run.end),
        "duration_seconds": seconds(run.duration),
        "status": str(run.status),
        "outcome": str(run.outcome),
        "reason": run.reason,
        "exit_status": run.exit_status,
        "signal": run.signal,
        "cpu_seconds": seconds(run.cpu),
        "memory_peak_bytes": run.memory_peak,
    }


def seconds(duration: timedelta | None) -> float | None:
    """Return a duration in seconds, None for None."""
    return None if duration is None else duration.total_seconds()
