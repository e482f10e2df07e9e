# SPDX-License-Identifier: Apache-2.0
"""A day or a week for programs: what ran, and what will."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from debvisor_timers.history.document import iso

if TYPE_CHECKING:
    from debvisor_timers.history.figures import RunFigures
    from debvisor_timers.operations.coming.timeline import Row, Timeline


def timeline_document(line: Timeline) -> dict[str, object]:
    """Return the runs of each job, and how many jobs start in each quarter of an hour."""
    return {
        "start": iso(line.start),
        "end": iso(line.end),
        "now": iso(line.now),
        "zone": line.zone,
        "jobs": [_row(row) for row in line.rows],
        "load": [
            {"start": iso(quarter.start), "starts": quarter.load, "jobs": list(quarter.jobs)}
            for quarter in line.quarters
        ],
        "constant": list(line.constant),
        "cut": list(line.cut),
        "notes": list(line.notes),
    }


def _row(row: Row) -> dict[str, object]:
    return {
        "job": row.job_id,
        "enabled": row.enabled,
        "defined": not row.is_gone,
        "starts": row.starts,
        "past": [_past(run) for run in row.past],
        "runs": [
            {
                "start": iso(run.at),
                "latest_start": iso(run.latest),
                "scheduled": iso(run.scheduled),
                "skipped": run.skipped or None,
                "may_be_skipped": run.may_be_skipped or None,
            }
            for run in row.runs
        ],
    }


def _past(run: RunFigures) -> dict[str, object]:
    end = None if run.duration is None else run.start + run.duration
    return {
        "run": run.id,
        "start": iso(_moment_of(run.start)),
        "end": None if end is None else iso(_moment_of(end)),
        "duration_seconds": run.duration,
        "outcome": str(run.outcome),
        "reason": run.reason,
        "starts": run.elapses,
    }


def _moment_of(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)
