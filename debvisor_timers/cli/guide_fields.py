# SPDX-License-Identifier: Apache-2.0
"""Jobs and runs by the names that the guide has for their fields, beside our own in JSON."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debvisor_timers.cli import times
from debvisor_timers.cli.runs import seconds

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from debvisor_timers.history.runs import Run
    from debvisor_timers.jobs.model import Job
    from debvisor_timers.operations.list import JobRow
    from debvisor_timers.operations.past.counts import RunCounts


def job_fields(row: JobRow, counts: Mapping[str, RunCounts] | None) -> dict[str, object]:
    """Return what the guide has of a job; counts: of all jobs, None where they are not known."""
    from debvisor_timers.operations.past.counts import RunCounts

    job = row.job
    own = None if counts is None else counts.get(row.job_id, RunCounts())
    last = row.last
    return {
        "job_id": row.job_id,
        "description": job.description if job else "",
        "cron_expression": _expression(job),
        "task_type": job.task.type if job and job.task else "",
        "task_config": job.task.config if job and job.task else {},
        "priority": str(job.priority) if job else None,
        "timeout_seconds": seconds(job.timeout) if job else None,
        "max_retries": job.retries.max if job else 0,
        "tags": dict(job.tags) if job else {},
        "dependencies": list(_dependencies(job)) if job else [],
        "execution_count": own.executions if own else None,
        "failure_count": own.failures if own else None,
        "last_execution": times.iso((last.start or last.end) if last else None),
        "next_execution": times.iso(row.next_start),
    }


def _expression(job: Job | None) -> str | None:
    """Return the cron expression, or what stands in its place: systemd's own syntax."""
    if job is None or job.schedule is None:
        return None
    return job.schedule.cron or "; ".join(job.schedule.on_calendar)


def _dependencies(job: Job) -> Iterator[dict[str, object]]:
    for need in job.depends_on:
        if need.job is not None:
            yield {
                "job_id": need.job,
                "dependency_type": str(need.type),
                "timeout_seconds": seconds(need.wait),
            }
    for conflict in job.conflicts_with:
        yield {
            "job_id": conflict.job,
            "dependency_type": "conflicts",
            "timeout_seconds": seconds(conflict.wait),
        }


def run_fields(run: Run) -> dict[str, object]:
    """Return what the guide has of a run, but for what our own document says by the same name."""
    return {
        "job_id": run.job,
        "execution_id": run.id,
        "start_time": times.iso(run.start),
        "end_time": times.iso(run.end),
        "exit_code": run.exit_status,
    }
