# SPDX-License-Identifier: Apache-2.0
"""Questions that a worker answers: of a scheduler, with values that can be pickled."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from debvisor_timers.errors import NotFoundError
from debvisor_timers.history.buckets import Period
from debvisor_timers.history.filter import RunFilter, outcomes_named, triggers_named
from debvisor_timers.operations.applying.diff import unified_diff
from debvisor_timers.operations.auditing.audit_read import AuditFilter
from debvisor_timers.operations.documents.audit import audit_document, proof_document
from debvisor_timers.operations.documents.graph import graph_document
from debvisor_timers.operations.documents.jobs import job_more_document
from debvisor_timers.operations.documents.plans import plan_document
from debvisor_timers.operations.documents.rehearsal import rehearsal_document
from debvisor_timers.operations.documents.runs import run_details_document, run_document
from debvisor_timers.operations.documents.settings import settings_document
from debvisor_timers.operations.documents.status import status_document
from debvisor_timers.operations.documents.tasks import task_document
from debvisor_timers.operations.documents.timeline import timeline_document
from debvisor_timers.operations.past.document import document as statistics_document
from debvisor_timers.operations.past.history import HistoryQuery
from debvisor_timers.operations.runs.log_lines import LogPage, LogWish
from debvisor_timers.operations.runs.which_run import Choice
from debvisor_timers.scheduler.guide import JobScheduler

Document = Mapping[str, Any]


def meant(scheduler: JobScheduler, text: str) -> str:
    """Return the id of the job that `text` means."""
    return scheduler.meant_job(text)


def meant_whole(scheduler: JobScheduler, text: str) -> str:
    """Return the same; how an id begins is not enough."""
    return scheduler.meant_job(text, whole=True)


def details(scheduler: JobScheduler, job_id: str) -> Document:
    """Return what is known of one job beyond its row in the list."""
    return job_more_document(scheduler.show(job_id))


@dataclass(frozen=True, slots=True, kw_only=True)
class PastQuestion:
    """Which runs are wanted; statuses, triggers: in words; before: the page begins there."""

    jobs: Sequence[str] = ()
    since: datetime | None = None
    until: datetime | None = None
    statuses: Sequence[str] = ()
    triggers: Sequence[str] = ()
    owner: str = ""
    tags: Mapping[str, str] = field(default_factory=dict)
    limit: int = 20
    offset: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class PastPage:
    """A page of runs; has_more: older ones follow. at: when it was made. notes: for people."""

    runs: list[Document]
    has_more: bool
    at: datetime
    notes: list[str]


def past_runs(scheduler: JobScheduler, asked: PastQuestion) -> PastPage:
    """Return a page of runs."""
    query = HistoryQuery(
        wanted=RunFilter(
            jobs=tuple(asked.jobs) or None,
            since=asked.since,
            until=asked.until,
            outcomes=outcomes_named(asked.statuses),
            triggers=triggers_named(asked.triggers),
        ),
        owner=asked.owner,
        tags=asked.tags,
        limit=asked.limit,
        offset=asked.offset,
    )
    at, page = scheduler.now(), scheduler.history(query)
    return PastPage(
        runs=[run_document(run) for run in page.runs],
        has_more=page.has_more,
        at=at,
        notes=list(page.notes),
    )


def run_details(scheduler: JobScheduler, job_id: str, run_id: str) -> Document:
    """Return one run in full. Raises NotFoundError."""
    found = scheduler.show_run(job_id, Choice(id=run_id))
    if found.run.id != run_id and not found.run.id.startswith(run_id):
        raise NotFoundError(
            f"there is no run {run_id!r} of job {job_id!r}",
            fix=f"GET /api/v1/jobs/{job_id}/history lists its runs",
        )
    return run_details_document(found)


def log(scheduler: JobScheduler, wish: LogWish) -> LogPage:
    """Return lines that a job or a run printed. Raises NotFoundError."""
    return scheduler.log(wish)


def statistics(
    scheduler: JobScheduler,
    jobs: Sequence[str],
    since: datetime | None,
    until: datetime | None,
    by: Period | None,
) -> tuple[list[Document], list[str]]:
    """Return the numbers of the past of each job, and what people should know."""
    found = scheduler.stats(jobs, since=since, until=until, by=by)
    return [statistics_document(job, found.window) for job in found.jobs], list(found.notes)


def rehearsed(scheduler: JobScheduler, job_id: str, *, force: bool) -> Document:
    """Return what would happen if the job were run now."""
    return rehearsal_document(scheduler.rehearse(job_id), force=force)


def status(scheduler: JobScheduler) -> Document:
    """Return what needs attention."""
    return status_document(scheduler.status())


def settings(scheduler: JobScheduler) -> Document:
    """Return the settings in force, without secrets."""
    return settings_document(scheduler.settings())


def plan(scheduler: JobScheduler, *, with_diff: bool) -> Document:
    """Return what an apply would change; with_diff: in which lines."""
    made = scheduler.plan()
    found = plan_document(made)
    if with_diff:
        for job, told in zip(made.jobs, found["jobs"], strict=True):
            told["diff"] = list(unified_diff(job))
    return found


def graph(scheduler: JobScheduler, job_id: str) -> Document:
    """Return which job depends on which other: of all, or around one."""
    return graph_document(scheduler.graph(job_id))


def timeline(scheduler: JobScheduler, jobs: Sequence[str], day: str, days: int) -> Document:
    """Return a day or a week; day: a time as systemd reads it, empty for now."""
    moment = scheduler.timestamp(day) if day else scheduler.now()
    return timeline_document(scheduler.timeline(jobs, day=moment, days=days))


def task_types(scheduler: JobScheduler) -> list[Document]:
    """Return every task type."""
    return [task_document(each) for each in scheduler.known_task_types()]


def task_type(scheduler: JobScheduler, name: str) -> Document:
    """Return one task type. Raises NotFoundError."""
    return task_document(scheduler.known_task_type(name))


def audit(scheduler: JobScheduler, wanted: AuditFilter) -> list[Document]:
    """Return who changed what, newest first."""
    return [audit_document(record) for record in scheduler.audit(wanted)]


def proof(scheduler: JobScheduler) -> Document:
    """Return whether the audit is whole."""
    return proof_document(scheduler.verify_audit())


def metrics(scheduler: JobScheduler) -> str:
    """Return the metrics in the text format of Prometheus."""
    return scheduler.metrics().text.decode()


def timestamp(scheduler: JobScheduler, text: str) -> datetime:
    """Return the instant that systemd reads from a text."""
    return scheduler.timestamp(text)
