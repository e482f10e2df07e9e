# SPDX-License-Identifier: Apache-2.0
"""Several jobs changed as one, which jobs have runs, and runs that are forgotten."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from debvisor_timers.web.schemas.requests import JobId, JobUpdate, NewJob


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Creation(_Body):
    """A job to be made, with the id of the change."""

    kind: Literal["create"]
    job_id: JobId
    fields: NewJob


class Update(_Body):
    """A job to be changed."""

    kind: Literal["update"]
    job_id: JobId
    fields: JobUpdate


class Deletion(_Body):
    """A job to be deleted."""

    kind: Literal["delete"]
    job_id: JobId


Wish = Annotated[Creation | Update | Deletion, Field(discriminator="kind")]


class Several(_Body):
    """Changes of jobs by their whole ids, in order; a job may have several."""

    changes: Annotated[list[Wish], Field(min_length=1, max_length=10_000)]


class Changed(BaseModel):
    """The ids of the jobs that were made, changed or deleted."""

    jobs: list[str]
    count: int


class KeptRuns(BaseModel):
    """The ids of the jobs that have runs."""

    jobs: list[str]
    count: int


class Kept(_Body):
    """The ids of the runs that are not to be forgotten."""

    keep: Annotated[list[Annotated[str, Field(max_length=64)]], Field(max_length=100_000)]


class Forgotten(BaseModel):
    """How many runs were forgotten."""

    job_id: str
    forgotten: int


class Printed(BaseModel):
    """What a run printed, the newest lines of each stream; truncated: there were older ones."""

    job_id: str
    execution_id: str
    stdout: str
    stderr: str
    truncated: bool
