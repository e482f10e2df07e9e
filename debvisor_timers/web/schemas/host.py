# SPDX-License-Identifier: Apache-2.0
"""The host as a whole: settings, plan and apply, graph, timeline, tasks, audit."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, Field

from debvisor_timers.web.schemas.envelope import FileProblem
from debvisor_timers.web.schemas.jobs import Mark, Unarmed
from debvisor_timers.web.schemas.runs import LastRun


class Finding(BaseModel):
    """One thing that needs attention, and the command that mends it."""

    kind: str
    subject: str
    message: str
    fix: str


class HostStatus(BaseModel):
    """Whether all is well, as `status --json` has it."""

    jobs: int
    timers: int
    healthy: bool
    findings: list[Finding]
    notes: list[str]


class Settings(BaseModel):
    """The settings in force, as `config list --json` has them; secrets are left out."""

    paths: dict[str, str]
    jobs: int
    keep_generations: int
    starts_per_minute: int
    history: dict[str, Any]
    metrics: dict[str, Any]
    defaults: dict[str, Any]
    pools: dict[str, int]
    channels: dict[str, Any]
    calendars: dict[str, int]
    maintenance_windows: list[Any]
    handlers: dict[str, dict[str, Any]]
    problems: list[FileProblem]


class PlannedJob(BaseModel):
    """What an apply would do with a job."""

    job: str
    change: Literal["create", "update", "remove"]
    next_before: datetime | None
    next_after: datetime | None
    jitter_seconds: float
    edited: list[str]
    entries: list[str]
    diff: list[str] | None = None


class Plan(BaseModel):
    """What an apply would change."""

    current_generation: int
    generation: int
    unchanged: int
    foreign: list[str]
    warnings: list[FileProblem]
    jobs: list[PlannedJob]


class Applied(BaseModel):
    """What an apply has changed."""

    generation: int
    created: int
    updated: int
    removed: int
    unchanged: int
    recovery: str
    timers_held: bool
    unarmed: list[Unarmed]


class GraphJob(BaseModel):
    """A job in the graph."""

    job: str
    name: str
    schedule: str
    defined: bool
    enabled: bool
    last: LastRun | None


class GraphEdge(BaseModel):
    """That a job needs another one, or is in conflict with it."""

    kind: str
    job: str
    needs: str


class Graph(BaseModel):
    """Which job depends on which other; alone: how many jobs have no edge."""

    job: str | None
    jobs: list[GraphJob]
    edges: list[GraphEdge]
    alone: int


class PastRun(BaseModel):
    """A run in a timeline."""

    run: str
    start: datetime
    end: datetime | None
    duration_seconds: float | None
    outcome: str
    reason: str
    starts: int


class FutureRun(BaseModel):
    """A run to come."""

    start: datetime
    latest_start: datetime
    scheduled: datetime | None
    skipped: str | None
    may_be_skipped: str | None


class TimelineJob(BaseModel):
    """How a job ran in that time, and will."""

    job: str
    enabled: bool
    defined: bool
    starts: float
    past: list[PastRun]
    runs: list[FutureRun]


class Quarter(BaseModel):
    """How many runs start in a quarter of an hour."""

    start: datetime
    starts: float
    jobs: list[str]


class Timeline(BaseModel):
    """A day or a week."""

    start: datetime
    end: datetime
    now: datetime
    zone: str
    jobs: list[TimelineJob]
    load: list[Quarter]
    constant: list[str]
    cut: list[str]
    notes: list[str]


class TaskType(BaseModel):
    """A type that a job's task can name."""

    type: str
    from_: Annotated[str, Field(alias="from")]
    place: str
    summary: str
    description: str
    aliases: list[str]
    exec: list[str] | None
    handler: str | None
    path: list[str]
    parameters: dict[str, Any] | None
    defaults: dict[str, Any]
    packages: list[str]
    example: Any


class TaskTypes(BaseModel):
    """All of them."""

    tasks: list[TaskType]
    count: int


class AuditEntry(BaseModel):
    """Who has changed what, or has tried to."""

    number: int | None
    time: datetime
    verb: str | None
    jobs: list[str]
    file: str | None
    what: str
    result: str
    error: str | None
    generation: int | None
    uid: int | None
    user: str
    login_uid: int | None
    login_user: str | None
    sudo_uid: int | None
    sudo_user: str | None
    token: str | None
    address: str | None
    door: str
    host: str | None
    diff: str
    proven: bool
    digest: str | None


class Audit(BaseModel):
    """A page of the audit, newest first."""

    entries: list[AuditEntry]
    count: int
    next: str | None


class ChainFault(BaseModel):
    """What is not as it was written."""

    fault: str
    number: int | None
    text: str


class Proof(BaseModel):
    """Whether the audit is whole."""

    whole: bool
    checked: int
    first: int | None
    last: int | None
    head: str | None
    vacuumed: int
    unsent: int
    attempts: int
    noted: str | None
    findings: list[ChainFault]


class Maintenance(BaseModel):
    """The maintenance that the host is in; null while it is in none."""

    maintenance: Mark | None
