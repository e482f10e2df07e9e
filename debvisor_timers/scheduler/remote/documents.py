# SPDX-License-Identifier: Apache-2.0
"""From the JSON of a server to the values of the Python API."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import cast

from debvisor_timers.errors import UnreachableError
from debvisor_timers.scheduler.scheduled_job import Counts, Dependencies, ScheduledJob
from debvisor_timers.scheduler.values import (
    CronExpression,
    JobDependency,
    JobExecutionResult,
    JobPriority,
    JobStatus,
    naive,
)

Document = Mapping[str, object]

_BUSY = frozenset({"running", "waiting", "retrying"})


def document(value: object) -> Document:
    """Return an object of JSON. Raises UnreachableError for what is none."""
    if not isinstance(value, dict):
        raise _strange("an object", value)
    return value


def documents(value: object) -> Sequence[Document]:
    """Return a list of objects. Raises UnreachableError for what is none."""
    if not isinstance(value, list):
        raise _strange("a list", value)
    return [document(each) for each in value]


def texts(value: object) -> Sequence[str]:
    """Return a list of texts. Raises UnreachableError for what is none."""
    if not isinstance(value, list):
        raise _strange("a list", value)
    return [str(each) for each in value]


def job_of(
    said: Document,
    count: Callable[[], Counts],
    on_change: Callable[[str, list[JobDependency]], object],
) -> ScheduledJob:
    """Return the job that a server tells of; count: asks how often it has run."""
    job_id = str(said["job_id"])
    cron, timeout = said.get("cron_expression"), said.get("timeout_seconds")
    several = [_dependency(each) for each in documents(said.get("dependencies") or [])]
    return ScheduledJob(
        job_id=job_id,
        name=str(said.get("name") or job_id),
        cron_expression=None if cron is None else CronExpression(str(cron)),
        timezone=_text_or_none(said.get("timezone")),
        task_type=str(said.get("task_type") or ""),
        task_config=document(said.get("task_config") or {}),
        priority=JobPriority.of(str(said.get("priority") or "normal")),
        enabled=bool(said.get("enabled", True)),
        owner=str(said.get("owner") or ""),
        description=str(said.get("description") or ""),
        timeout_seconds=None if timeout is None else _number(timeout),
        max_retries=int(_number(said.get("max_retries") or 0)),
        tags={name: str(text) for name, text in document(said.get("tags") or {}).items()},
        dependencies=Dependencies(several, lambda wanted: on_change(job_id, wanted)),
        last_execution=_naive(said.get("last_execution")),
        next_execution=_naive(said.get("next_execution")),
        state=str(said.get("state") or ""),
        _count=count,
    )


def run_of(said: Document, read_output: Callable[[], tuple[str, str]]) -> JobExecutionResult:
    """Return the run that a server tells of; read_output: asks what it printed."""
    code, attempts = said.get("exit_code"), said.get("attempts")
    status = JobStatus(str(said["status"]))
    started = _moment(said.get("start_time"))
    if started is None:
        raise _strange("the time when a run began", started)
    return JobExecutionResult(
        job_id=str(said["job_id"]),
        execution_id=str(said["execution_id"]),
        status=status,
        outcome=str(said.get("outcome") or ""),
        reason=str(said.get("reason") or ""),
        started=started,
        ended=_moment(said.get("end_time")),
        exit_code=0 if status is JobStatus.COMPLETED else _number_or_none(code),
        trigger=str(said.get("trigger") or ""),
        attempts=_number_or_none(attempts),
        _read_output=read_output,
    )


def status_of(said: Document) -> str:
    """Return the status of a job's run under way, or else of its last one; empty for none."""
    state, last = said.get("state"), said.get("last")
    if said.get("under_way") or state in _BUSY:
        return str(JobStatus.PENDING if state == "waiting" else JobStatus.RUNNING)
    return str(last.get("status") or "") if isinstance(last, dict) else ""


def _dependency(said: Document) -> JobDependency:
    seconds = said.get("timeout_seconds")
    return JobDependency(
        str(said["job_id"]),
        str(said.get("dependency_type") or "requires"),  # type: ignore[arg-type]
        None if seconds is None else _number(seconds),
    )


def _moment(value: object) -> datetime | None:
    try:
        return None if value is None else datetime.fromisoformat(str(value))
    except ValueError:
        raise _strange("a time", value) from None


def _naive(value: object) -> datetime | None:
    moment = _moment(value)
    return None if moment is None else naive(moment)


def _number(value: object) -> float:
    try:
        return float(cast(float, value))
    except (TypeError, ValueError):
        raise _strange("a number", value) from None


def _number_or_none(value: object) -> int | None:
    return value if isinstance(value, int) else None


def _text_or_none(value: object) -> str | None:
    return None if value is None else str(value)


def _strange(wanted: str, value: object) -> UnreachableError:
    return UnreachableError(
        f"the server answers with {value!r:.100}, which is not {wanted}",
        fix="see whether it is of the same version: GET /api/v1/health",
    )
