# SPDX-License-Identifier: Apache-2.0
"""Jobs for programs, by our names and those of the guide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debvisor_timers.history.document import iso, seconds
from debvisor_timers.jobs.words import schedule_words
from debvisor_timers.operations.documents.holding import mark_document
from debvisor_timers.operations.documents.runs import last_document
from debvisor_timers.operations.past.counts import RunCounts

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from debvisor_timers.history.under_way import UnderWay
    from debvisor_timers.jobs.dependencies import Dependency
    from debvisor_timers.jobs.model import Job
    from debvisor_timers.operations.list import JobRow
    from debvisor_timers.operations.show import JobDetails


def job_document(row: JobRow, counts: Mapping[str, RunCounts] | None) -> dict[str, object]:
    """Return one job for programs; counts: of all jobs, None where they are not known."""
    return {
        **_guide_fields(row, counts),
        "job": row.job_id,
        "name": row.job.title if row.job else row.job_id,
        "owner": row.job.owner if row.job else "",
        "schedule": schedule_words(row.job) if row.job else "",
        "enabled": bool(row.job and row.job.enabled),
        "state": str(row.state),
        "last": last_document(row.last),
        "next_start": iso(row.next_start),
        "skipped": row.skipped or None,
        "paused": mark_document(row.pause),
        "skip_next": row.skip_next.left if row.skip_next else 0,
        "under_way": under_way_document(row.under_way) if row.under_way else None,
        "progress": _progress_document(row),
    }


def job_details_document(
    details: JobDetails, counts: Mapping[str, RunCounts] | None
) -> dict[str, object]:
    """Return all that is known of one job."""
    return {**job_document(details.row, counts), **job_more_document(details)}


def job_more_document(details: JobDetails) -> dict[str, object]:
    """Return what is known of one job beyond its row in the list."""
    job, exposure = details.row.job, details.exposure
    return {
        "source": str(job.source) if job else None,
        "on_calendar": list(details.on_calendar),
        **_needs(details),
        "next_starts": [iso(start) for start in details.next_starts],
        "sandbox": str(job.sandbox) if job else None,
        "exposure": {"score": exposure.score, "rating": exposure.rating} if exposure else None,
        "units": dict(details.units),
    }


def under_way_document(run: UnderWay) -> dict[str, object]:
    """Return a run that is under way for programs."""
    return {
        "run": run.id,
        "start": iso(run.start),
        "trigger": str(run.trigger),
        "by": run.by,
        "status": str(run.ending.outcome.status),
        "outcome": str(run.ending.outcome),
        "attempt": run.attempt,
        "max_attempts": run.max_attempts,
        "waiting_for": run.waiting.removeprefix("for ") or None,
        "next_attempt": iso(run.retry_at),
    }


def _progress_document(row: JobRow) -> dict[str, object] | None:
    if row.progress is None:
        return None
    return {"fraction": row.progress.fraction, "text": row.progress.text}


def _guide_fields(row: JobRow, counts: Mapping[str, RunCounts] | None) -> dict[str, object]:
    """Return what the guide has of a job."""
    job = row.job
    own = None if counts is None else counts.get(row.job_id, RunCounts())
    last = row.last
    return {
        "job_id": row.job_id,
        "description": job.description if job else "",
        "cron_expression": _expression(job),
        "timezone": job.schedule.timezone if job and job.schedule else None,
        "task_type": job.task.type if job and job.task else "",
        "task_config": job.task.config if job and job.task else {},
        "priority": str(job.priority) if job else None,
        "timeout_seconds": seconds(job.timeout) if job else None,
        "max_retries": job.retries.max if job else 0,
        "tags": dict(job.tags) if job else {},
        "dependencies": list(_dependencies(job)) if job else [],
        "execution_count": own.executions if own else None,
        "failure_count": own.failures if own else None,
        "last_execution": iso((last.start or last.end) if last else None),
        "next_execution": iso(row.next_start),
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


def _needs(details: JobDetails) -> Mapping[str, object]:
    """Return what its runs wait for, and who waits for them; null where the YAML has no such job.

    attempts: how often it is tried.
    """
    job, waits = details.row.job, details.waits
    if job is None or waits is None:
        return dict.fromkeys(("attempts", "depends_on", "needed_by", "conflicts_with", "pool"))
    return {
        "attempts": {
            "max": job.retries.max + 1,
            "delays_seconds": [delay.total_seconds() for delay in job.retries.delays],
        },
        "depends_on": [_need(one) for one in job.depends_on],
        "needed_by": [{"job": one.job, "type": str(one.kind)} for one in details.needed_by],
        "conflicts_with": [
            {"job": one.job, "policy": str(one.policy), "wait_seconds": seconds(one.wait)}
            for one in waits.conflicts.values()
        ],
        "pool": None
        if waits.pool is None
        else {"name": waits.pool[0].name, "slots": waits.pool[0].slots, "size": waits.pool[1]},
    }


def _need(one: Dependency) -> dict[str, object]:
    if one.job is None:
        return {"unit": one.unit}
    return {
        "job": one.job,
        "type": str(one.type),
        "wait_seconds": seconds(one.wait),
        "max_age_seconds": seconds(one.max_age),
    }
