# SPDX-License-Identifier: Apache-2.0
"""Changes that the agent is asked for; what must be read before is read by a worker."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, cast

from debvisor_timers.errors import RefusedError
from debvisor_timers.jobs.load import load_definitions
from debvisor_timers.operations.editing.change import KeyPath, NewKeys
from debvisor_timers.operations.editing.edit import EditOptions
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.scheduler.keys import JobFields, keys_of
from debvisor_timers.scheduler.values import DependencyType, JobDependency
from debvisor_timers.web.backend import Backend
from debvisor_timers.web.principal import Principal
from debvisor_timers.web.schemas.requests import DependencyWish, JobUpdate, NewJob

_TRIES = 5
"""Two that make a job of one name at once would have one id."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Versioned:
    """A change of a job that was of that version; empty: of any."""

    body: JobUpdate
    version: str


async def create(backend: Backend, who: Principal, body: NewJob) -> str:
    """Make a job; return its id. Raises the errors of `create_job_file`."""
    fields = fields_of(body)
    keys = {path: value for path, value in keys_of(fields).items() if value is not None}
    for number in range(_TRIES):
        free = "" if body.job_id else await backend.read(free_id, body.name)
        job_id = body.job_id or free
        try:
            await backend.change(who, _create, job_id, keys)
        except RefusedError as error:
            if body.job_id or number == _TRIES - 1 or "is there already" not in error.message:
                raise
        else:
            return job_id
    raise AssertionError("the last try returns or raises")


async def update(backend: Backend, who: Principal, job_id: str, wish: Versioned) -> None:
    """Change a job. Raises the errors of `update_job_file`."""
    keys = await backend.read(changed_keys, job_id, fields_of(wish.body))
    await backend.change(who, _update, job_id, keys, wish.version)


async def delete(backend: Backend, who: Principal, job_id: str, version: str) -> None:
    """Delete a job. Raises the errors of `delete_job_file`."""
    await backend.change(who, _delete, job_id, version)


def free_id(scheduler: JobScheduler, name: str) -> str:
    """Return an id for a new job of that name."""
    return scheduler.free_job_id(name)


def changed_keys(scheduler: JobScheduler, job_id: str, fields: JobFields) -> dict[KeyPath, Any]:
    """Return the keys that `fields` write into the file of a job."""
    before = load_definitions(scheduler.layout.config).jobs.get(job_id)
    return keys_of(fields, before, is_update=True)


def _create(scheduler: JobScheduler, job_id: str, keys: NewKeys) -> None:
    scheduler.create_job_file(job_id, keys)


def _update(scheduler: JobScheduler, job_id: str, keys: NewKeys, version: str) -> None:
    scheduler.update_job_file(job_id, keys, _options(job_id, version))


def _delete(scheduler: JobScheduler, job_id: str, version: str) -> None:
    scheduler.delete_job_file(job_id, _options(job_id, version))


def _options(job_id: str, version: str) -> EditOptions:
    return EditOptions(versions={job_id: version} if version else {})


def fields_of(body: NewJob | JobUpdate) -> JobFields:
    """Return what a body says by the names of the Python API; only what it names."""
    said: dict[str, Any] = {
        name: getattr(body, name)
        for name in body.model_fields_set
        if name not in {"job_id", "version"}
    }
    if "cron_expression" in said:
        said["cron_expr"] = said.pop("cron_expression")
    if said.get("dependencies") is not None:
        said["dependencies"] = [_dependency(each) for each in said["dependencies"]]
    if isinstance(body, NewJob):
        said = {name: value for name, value in said.items() if value is not None}
    return cast(JobFields, cast(Mapping[str, Any], said))


def _dependency(wish: DependencyWish) -> JobDependency:
    kind = DependencyType(wish.dependency_type)
    return JobDependency(wish.job_id, kind, wish.timeout_seconds)
