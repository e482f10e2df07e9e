# SPDX-License-Identifier: Apache-2.0
"""Bodies of requests."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

JobId = Annotated[str, Field(min_length=1, max_length=200)]
Text = Annotated[str, Field(max_length=10_000)]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Seconds = Annotated[float, Field(gt=0, le=10**9)]


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class DependencyWish(_Body):
    """What one job makes of another; timeout_seconds: how long a run waits for it."""

    job_id: JobId
    dependency_type: Literal["requires", "after", "optional", "conflicts"] = "requires"
    timeout_seconds: Seconds | None = None


class JobFields(_Body):
    """Fields of a job; those that are left out stay as they are, null takes one away."""

    cron_expression: Annotated[str, Field(min_length=1, max_length=500)] | None = None
    timezone: Name | None = None
    task_type: Name | None = None
    task_config: dict[str, Any] | None = None
    command: Annotated[list[Text], Field(min_length=1, max_length=1000)] | None = None
    script: Annotated[str, Field(min_length=1, max_length=200_000)] | None = None
    priority: Literal["critical", "high", "normal", "low"] | None = None
    enabled: bool | None = None
    owner: Name | None = None
    description: Text | None = None
    timeout_seconds: Seconds | None = None
    max_retries: Annotated[int, Field(ge=0, le=1000)] | None = None
    retry_delay_seconds: Seconds | None = None
    dependencies: Annotated[list[DependencyWish], Field(max_length=1000)] | None = None
    tags: dict[str, str] | None = None
    user: Name | None = None
    keys: Annotated[
        dict[str, Any] | None,
        Field(description="Any other key of a job file, dotted: resources.memory_max."),
    ] = None


class NewJob(JobFields):
    """A job to be made; job_id: made from the name where none is given."""

    name: Name
    job_id: JobId | None = None


class JobUpdate(JobFields):
    """Fields to change; version: that of the job as it was read, so that no change is lost."""

    name: Name | None = None
    version: Annotated[str, Field(max_length=200)] | None = None


class ApplyWish(_Body):
    """What an apply may do.

    remove: may remove jobs. allow_empty: all of them. expect_generation: refuse unless this is the
    newest one.
    """

    remove: bool = False
    allow_empty: bool = False
    overwrite_edits: bool = False
    expect_generation: Annotated[int, Field(ge=0, le=10**9)] | None = None


class Until(_Body):
    """Until when something is held back, and why; until: null for no end."""

    until: Annotated[datetime, Field(strict=False)] | None = None
    reason: Annotated[str, Field(max_length=1000)] = ""


class Chosen(_Body):
    """Which jobs are meant: by their ids, by tags, or all; one of the three."""

    jobs: Annotated[list[JobId], Field(max_length=10_000)] = []
    tags: dict[str, str] = {}
    all: bool = False


class PauseWish(Chosen, Until):
    """Which jobs are to be held back, until when, and why."""


class SkipWish(_Body):
    """How many of the next runs by the schedule are to be skipped; 0 takes it back."""

    count: Annotated[int, Field(ge=0, le=10_000)] = 1
