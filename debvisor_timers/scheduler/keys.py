# SPDX-License-Identifier: Apache-2.0
"""Arguments of the Python API as keys of a job file."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import timedelta
from typing import TYPE_CHECKING, TypedDict

from debvisor_timers.errors import UsageError
from debvisor_timers.scheduler.values import (
    DependencyType,
    JobDependency,
    JobPriority,
    as_number,
    number_of_seconds,
)

if TYPE_CHECKING:
    from debvisor_timers.jobs.emit import Writable
    from debvisor_timers.jobs.model import Job
    from debvisor_timers.operations.editing.change import KeyPath

_PROGRAMS = ("command", "script", "task")


class NewJobFields(TypedDict, total=False):
    """What `create_job` can set besides name, cron_expr and task_type.

    timeout_seconds, retry_delay_seconds: of an attempt, and between two. command, script: in place
    of a task. keys: any other key of a job file, dotted, with its value, as in
    {"resources.memory_max": "1G"}. None is as if nothing was said; to `update_job` it says that
    the key is to go.
    """

    task_config: Mapping[str, object] | None
    priority: JobPriority | int | str | None
    enabled: bool | None
    owner: str | None
    description: str | None
    timeout_seconds: float | timedelta | None
    max_retries: int | None
    retry_delay_seconds: float | timedelta | None
    dependencies: Sequence[JobDependency] | None
    tags: Mapping[str, str] | None
    timezone: str | None
    user: str | None
    command: Sequence[str] | None
    script: str | None
    keys: Mapping[str, object] | None


class JobFields(NewJobFields, total=False):
    """What `update_job` can set; cron_expr: None takes the schedule away."""

    name: str | None
    cron_expr: str | None
    task_type: str | None


def new_fields(
    name: str, cron_expr: str | None, task_type: str | None, more: NewJobFields
) -> JobFields:
    """Return what `create_job` was given as one; what is None was not said."""
    fields = JobFields(name=name)
    fields.update(more)  # type: ignore[typeddict-item]
    if cron_expr is not None:
        fields["cron_expr"] = cron_expr
    if task_type is not None:
        fields["task_type"] = task_type
    return fields


_TEXTS: Mapping[str, KeyPath] = {
    "name": ("name",),
    "owner": ("owner",),
    "description": ("description",),
    "timezone": ("schedule", "timezone"),
    "user": ("user",),
    "script": ("script",),
    "task_type": ("task", "type"),
    "enabled": ("enabled",),
    "max_retries": ("retries", "max"),
}
_SECONDS: Mapping[str, KeyPath] = {
    "timeout_seconds": ("timeout",),
    "retry_delay_seconds": ("retries", "delay"),
}


def keys_of(
    fields: JobFields, before: Job | None = None, *, is_update: bool = False
) -> dict[KeyPath, Writable | None]:
    """Return the keys that `fields` write; before: the job that changes, as its file has it.

    is_update: that it changes; before is None as well for one that a batch has just made.

    Raises UsageError for a value that no key can have.
    """
    known = JobFields.__optional_keys__
    unknown = sorted(set(fields) - known)
    if unknown:
        raise UsageError(
            f"a job has no {unknown[0]!r}", fix=f"it has: {', '.join(sorted(known))}, job_id"
        )
    keys = dict(_keys(fields, before, is_update=is_update))
    programs = {path[0] for path, value in keys.items() if value is not None} & set(_PROGRAMS)
    if len(programs) > 1:
        raise UsageError(
            f"a job has one of task_type, command and script, not {' and '.join(sorted(programs))}",
            fix="give one of them",
        )
    if programs and is_update:
        keys.update({(name,): None for name in _PROGRAMS if name not in programs})
    return keys


def _keys(
    fields: JobFields, before: Job | None, *, is_update: bool
) -> Iterator[tuple[KeyPath, Writable | None]]:
    values: Mapping[str, object] = {**fields}
    for name, path in _TEXTS.items():
        if name in values:
            yield path, None if values[name] is None else writable(values[name])
    for name, path in _SECONDS.items():
        if name in values:
            yield path, _seconds(values[name], name)
    if "cron_expr" in fields:
        cron = fields["cron_expr"]
        yield (("schedule",), None) if cron is None else (("schedule", "cron"), cron)
    if "priority" in fields:
        priority = fields["priority"]
        yield ("priority",), None if priority is None else _priority(priority)
    if fields.get("task_config") or (is_update and "task_config" in fields):
        config = fields["task_config"]
        yield ("task", "config"), None if config is None else writable(config)
    yield from _several(fields, before, is_update=is_update)


def _several(
    fields: JobFields, before: Job | None, *, is_update: bool
) -> Iterator[tuple[KeyPath, Writable | None]]:
    if "command" in fields:
        yield ("command",), _command(fields["command"])
    if "tags" in fields:
        yield ("tags",), writable(_mapping(fields["tags"], "tags")) or None
    if "dependencies" in fields:
        yield from dependency_keys(fields["dependencies"] or (), before, is_update=is_update)
    for name, value in _mapping(fields.get("keys"), "keys").items():
        yield tuple(str(name).split(".")), None if value is None else writable(value)


def dependency_keys(
    several: Iterable[JobDependency], before: Job | None, *, is_update: bool = True
) -> Iterator[tuple[KeyPath, Writable | None]]:
    """Yield depends_on and conflicts_with of a job with these dependencies.

    What the job needs of the system stays, and so does how it needs a job that it needs still.
    """
    wanted = checked_dependencies(several)
    needs: list[Writable] = []
    conflicts: list[Writable] = []
    kept = {(each.job, str(each.type)): each for each in (before.depends_on if before else ())}
    units = [each.unit for each in (before.depends_on if before else ())]
    needs += [{"unit": unit} for unit in units if unit is not None]
    for one in wanted:
        item = one.written()
        old = kept.get((one.job_id, str(one.dependency_type)))
        if old is not None and old.max_age is not None:
            item["max_age"] = as_number(old.max_age.total_seconds())
        (conflicts if one.dependency_type is DependencyType.CONFLICTS else needs).append(item)
    yield ("depends_on",), needs or None
    for each in before.conflicts_with if before else ():
        for other in conflicts:
            if isinstance(other, dict) and other["job"] == each.job and "wait" not in other:
                other["policy"] = str(each.policy)
    if conflicts or is_update:
        yield ("conflicts_with",), conflicts or None


def checked_dependencies(several: Iterable[JobDependency]) -> list[JobDependency]:
    """Return them as a list. Raises UsageError where one is none."""
    wanted: list[object] = list(several) if isinstance(several, Iterable) else [several]
    found = [one for one in wanted if isinstance(one, JobDependency)]
    if wrong := [one for one in wanted if not isinstance(one, JobDependency)]:
        raise UsageError(f"{wrong[0]!r} is no dependency", fix="give a JobDependency(job_id)")
    if not isinstance(several, Iterable):
        raise UsageError(f"{several!r} is no list of dependencies", fix="put it into a list")
    return found


def _command(command: object) -> Writable | None:
    if isinstance(command, str):  # which is a sequence, too: of its letters
        raise UsageError(
            f"command is the text {command!r}",
            fix='give a list of a program and its arguments, or say it as script="..."',
        )
    return None if command is None else writable(command)


def _mapping(value: object, name: str) -> Mapping[object, object]:
    if value is None:
        return {}
    if not isinstance(value, Mapping):
        raise UsageError(f"{name} is {value!r}", fix="give a dict")
    return value


def _seconds(value: object, name: str) -> Writable | None:
    if value is None:
        return None
    return "infinity" if value == math.inf else as_number(number_of_seconds(value, name))


def _priority(value: JobPriority | int | str) -> str:
    try:
        return JobPriority.of(value).word
    except ValueError as error:
        raise UsageError(
            f"{value!r} is no priority", fix="give a JobPriority, or critical, high, normal, low"
        ) from error


def writable(value: object) -> Writable:
    """Return a value as a job file can hold it. Raises UsageError for one that it cannot."""
    from debvisor_timers.jobs.scalar import NULL

    if value is None:
        return NULL
    if value is ...:
        return "..."
    if isinstance(value, str | bool | int | float):
        return value
    if isinstance(value, timedelta):
        return as_number(value.total_seconds())
    if isinstance(value, Mapping):
        return {str(name): writable(each) for name, each in value.items()}
    if isinstance(value, Iterable) and not isinstance(value, bytes):
        # `...` stands for the rest in examples, which is none.
        return [writable(each) for each in value if each is not ...]
    raise UsageError(
        f"a job file cannot hold {value!r}",
        fix="give text, numbers, True, False, None, lists and mappings",
    )


def as_json(value: object) -> object:
    """Return what a job file can hold as JSON has it; `writable` is the way back."""
    from debvisor_timers.jobs.scalar import NULL

    if value is NULL:
        return None
    if isinstance(value, Mapping):
        return {str(name): as_json(each) for name, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [as_json(each) for each in value]
    return value
