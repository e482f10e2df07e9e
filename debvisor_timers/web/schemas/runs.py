# SPDX-License-Identifier: Apache-2.0
"""Runs of jobs, their statistics, and what they printed."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Literal

from pydantic import BaseModel

Status = Literal["pending", "running", "completed", "failed", "skipped"]
Outcome = Literal[
    "waiting", "running", "succeeded", "failed", "timed_out", "stopped", "lost", "skipped"
]


class LastRun(BaseModel):
    """The newest run of a job that was not skipped."""

    run: str
    status: Status
    outcome: Outcome
    reason: str
    start: datetime | None
    end: datetime | None
    duration_seconds: float | None
    exit_status: int | None
    attempts: int | None
    max_attempts: int | None


class UnderWay(BaseModel):
    """A run that is under way, or waits."""

    run: str
    start: datetime
    trigger: str
    by: str
    status: Status
    outcome: Outcome
    attempt: int
    max_attempts: int | None
    waiting_for: str | None
    next_attempt: datetime | None


class Attempt(BaseModel):
    """One try within a run."""

    attempt: int
    start: datetime | None
    end: datetime | None
    duration_seconds: float | None
    outcome: Outcome
    reason: str
    exit_status: int | None
    signal: str | None


class RunName(BaseModel):
    """A run of another job that this one answers."""

    job: str
    run: str


class Execution(BaseModel):
    """A run of a job: by the names of the guide, and by those of `history --json`."""

    job_id: str
    execution_id: str
    status: Status
    start_time: datetime | None
    end_time: datetime | None
    duration_seconds: float | None
    exit_code: int | None
    run: str
    job: str
    generation: int | None
    trigger: str
    trigger_runs: list[RunName]
    retry_of: str | None
    by: str
    scheduled_for: datetime | None
    start: datetime | None
    end: datetime | None
    waited_seconds: float | None
    outcome: Outcome
    reason: str
    exit_status: int | None
    signal: str | None
    attempts: int
    max_attempts: int | None
    each_attempt: list[Attempt]
    count: int
    last_scheduled_for: datetime | None
    overlapped: str | None
    cpu_seconds: float | None
    memory_peak_bytes: int | None
    task_result: Any


class ExecutionDetails(Execution):
    """A run with the newest lines that it printed; truncated: there were older ones."""

    invocations: list[str]
    stdout: str
    stderr: str
    truncated: bool


class Executions(BaseModel):
    """A page of runs, newest first; next: where the older ones are, null for none."""

    executions: list[Execution]
    count: int
    next: str | None
    notes: list[str]


class Started(BaseModel):
    """That a run was asked for, and has not ended; execution_id: null until it has begun."""

    job_id: str
    execution_id: str | None
    status: Status
    start_time: datetime | None
    end_time: datetime | None
    duration_seconds: float | None
    exit_code: int | None
    retry_of: str | None
    location: str


class Need(BaseModel):
    """What a run asks of another job before it begins."""

    job: str
    type: str
    wait_seconds: float | None
    max_age_seconds: float | None


class Rehearsed(BaseModel):
    """What would happen if the job were run now."""

    job: str
    job_id: str
    dry_run: Literal[True]
    service: str
    program: str
    user: str
    timeout_seconds: float | None
    max_attempts: int
    asks_for: list[Need]
    needs_units: list[str]
    locks: list[dict[str, Any]]
    paused: dict[str, Any] | None
    refused: str | None
    unit: str


class Stopped(BaseModel):
    """Whether a run was under way, and was ended."""

    job_id: str
    stopped: bool


class LogLine(BaseModel):
    """A line that a run printed, or that systemd or our programs said of it."""

    id: str
    time: datetime
    stream: Literal["stdout", "stderr", "systemd", "debvisor-timers"]
    text: str
    priority: int | None
    invocation: str | None


class Log(BaseModel):
    """The newest lines, oldest first; after: the id to go on from, null where there is no line."""

    job_id: str
    execution_id: str | None
    lines: list[LogLine]
    count: int
    after: str | None


class Numbers(BaseModel):
    """How runs went: counts, durations, what they used."""

    total_executions: int
    successful_executions: int
    failed_executions: int
    timed_out_executions: int
    lost_executions: int
    stopped_executions: int
    skipped_executions: int
    skipped_starts: int
    success_rate: float | None
    average_duration_seconds: float | None
    median_duration_seconds: float | None
    p95_duration_seconds: float | None
    longest_duration_seconds: float | None
    retried_executions: int
    further_attempts: int
    catch_ups: int
    waited_executions: int
    waited_seconds: float | None
    longest_wait_seconds: float | None
    cpu_seconds: float | None
    median_cpu_seconds: float | None
    memory_peak_bytes: int | None
    median_memory_peak_bytes: int | None


class Period(Numbers):
    """The same of a day or a week."""

    start: datetime
    end: datetime


class JobStatistics(Numbers):
    """The numbers of one job's past; with trends, and what was unusual."""

    job_id: str
    name: str
    since: datetime | None
    until: datetime | None
    last_execution: datetime | None
    next_execution: datetime | None
    timeout_seconds: float | None
    first_execution: datetime | None
    last: dict[str, Any] | None
    under_way: int
    streak: dict[str, Any] | None
    duration_trend: dict[str, Any]
    failure_trend: dict[str, Any]
    unusual: list[dict[str, Any]]
    by: str | None
    periods: list[Period]


class AllStatistics(BaseModel):
    """The numbers of all jobs."""

    jobs: list[JobStatistics]
    count: int
    notes: list[str]
