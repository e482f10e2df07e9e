# SPDX-License-Identifier: Apache-2.0
"""Jobs, as answers have them."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from pydantic import BaseModel

from debvisor_timers.web.schemas.runs import LastRun, UnderWay


class Dependency(BaseModel):
    """What one job makes of another, by the names of the guide."""

    job_id: str
    dependency_type: str
    timeout_seconds: float | None


class Mark(BaseModel):
    """That something is held back: since when, until when, by whom and why."""

    since: datetime | None
    until: datetime | None
    by: str
    reason: str


class Progress(BaseModel):
    """How far the task that runs has come."""

    fraction: float | None
    text: str


class Job(BaseModel):
    """A job: by the names of the guide, and by those of `list --json`.

    version: another one whenever its file has changed; If-Match and `version` in a change take it.
    """

    job_id: str
    name: str
    description: str
    cron_expression: str | None
    timezone: str | None
    task_type: str
    task_config: dict[str, Any]
    priority: str | None
    enabled: bool
    owner: str
    timeout_seconds: float | None
    max_retries: int
    tags: dict[str, str]
    dependencies: list[Dependency]
    execution_count: int | None
    failure_count: int | None
    last_execution: datetime | None
    next_execution: datetime | None
    job: str
    schedule: str
    state: str
    last: LastRun | None
    next_start: datetime | None
    skipped: str | None
    paused: Mark | None
    skip_next: int
    under_way: UnderWay | None
    progress: Progress | None
    version: str


class Exposure(BaseModel):
    """What `systemd-analyze security` says of the job's service."""

    score: float
    rating: str


class JobDetails(Job):
    """All that is known of one job, as `show --json` has it."""

    source: str | None
    on_calendar: list[str]
    attempts: dict[str, Any] | None
    depends_on: list[dict[str, Any]] | None
    needed_by: list[dict[str, Any]] | None
    conflicts_with: list[dict[str, Any]] | None
    pool: dict[str, Any] | None
    next_starts: list[datetime]
    sandbox: str | None
    exposure: Exposure | None
    units: dict[str, str]


class Jobs(BaseModel):
    """A page of jobs in order of their ids.

    count: of those in it; total: of all that were asked for. next: where the others are, null
    for none. maintenance: the one that the host is in.
    """

    jobs: list[Job]
    count: int
    total: int
    next: str | None
    maintenance: Mark | None


class Deleted(BaseModel):
    """That a job is gone; its history stays."""

    job_id: str
    deleted: bool


class PausedJob(Mark):
    """A job that is held back now."""

    job: str


class Paused(BaseModel):
    """The jobs that are held back now; running: those of which a run is under way, and goes on."""

    paused: list[PausedJob]
    running: list[str]


class Unarmed(BaseModel):
    """A path unit that was left stopped: its path is there, so it would start its job at once."""

    unit: str
    path: str


class Resumed(BaseModel):
    """The jobs that may start again."""

    resumed: list[str]
    not_paused: list[str]
    unarmed: list[Unarmed]


class Skipping(BaseModel):
    """How many runs are to be skipped now, and were before; runs: when."""

    job: str
    skip_next: int
    before: int
    runs: list[datetime]
