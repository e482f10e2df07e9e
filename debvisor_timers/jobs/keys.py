# SPDX-License-Identifier: Apache-2.0
"""The table of keys, read off the models: what `explain`, the schema and the man page show."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from functools import cache
from types import NoneType, UnionType
from typing import Annotated, Any, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from debvisor_timers.jobs.config import Config
from debvisor_timers.jobs.field import Shown, fields_of, model_in
from debvisor_timers.jobs.model import JobKeys
from debvisor_timers.jobs.task_types import TaskType


@dataclass(frozen=True, slots=True, kw_only=True)
class Key:
    """One key of a file.

    name: dotted, `schedule.cron`; a key that holds a list of mappings has theirs below it,
    `triggers.boot`.
    type: for people, such as `text`, `duration` or `once | skip`.
    default: for people; empty where the key is required.
    directive: what it becomes in a unit; empty where it is nothing of its own there.
    example: a value as YAML would hold it. beside: keys that it needs beside this one.
    """

    name: str
    type: str
    default: str
    directive: str
    help: str
    example: object
    since: str
    beside: Mapping[str, object] = field(default_factory=dict)

    @property
    def is_required(self) -> bool:
        """Return True when there is no default."""
        return not self.default


@cache
def table() -> tuple[Key, ...]:
    """Return the keys of a job, each followed by the keys below it."""
    return tuple(_walk(JobKeys, ""))


@cache
def config_table() -> tuple[Key, ...]:
    """Return the keys of config.yaml; those of `defaults` that are as in a job are left out."""
    names = {f"defaults.{key.name}" for key in table()}
    return tuple(key for key in _walk(Config, "") if key.name not in names)


@cache
def task_table() -> tuple[Key, ...]:
    """Return the keys of a task type; those of `defaults` that are as in a job are left out."""
    names = {f"defaults.{key.name}" for key in table()}
    return tuple(key for key in _walk(TaskType, "") if key.name not in names)


_UNRANKED = 100


def _walk(model: type[BaseModel], prefix: str) -> Iterator[Key]:
    fields = fields_of(model).items()
    for name, info in sorted(fields, key=lambda item: _RANK.get(prefix + item[0], _UNRANKED)):
        if info.description is None:
            continue
        yield _key(prefix + name, info)
        below = model_in(info.annotation)
        if below:
            yield from _walk(below, f"{prefix}{name}.")


# The order in which people think of a job: first these, the rest as the models have it, the last.
_RANK = {
    name: rank
    for rank, name in enumerate(
        (
            *("name", "description", "was", "schedule", "triggers"),
            *("command", "script", "shell", "task", "input"),
        )
    )
} | {
    name: rank
    for rank, name in enumerate(
        (
            *("environment", "environment_files", "credentials", "encrypted_credentials"),
            *("working_directory", "umask", "sandbox", "private_network", "conditions"),
            *("resources", "depends_on", "conflicts_with", "overlap", "pool", "where"),
            *("notify", "ping", "enabled", "unit"),
        ),
        start=_UNRANKED + 1,
    )
}


def _key(name: str, field: FieldInfo) -> Key:
    extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
    shown = extra.get("x-default")
    return Key(
        name=name,
        type=_type(field),
        default=""
        if field.is_required()
        else str(shown or _plain(field.get_default(call_default_factory=True))),
        directive=str(extra["x-directive"]),
        help=field.description or "",
        example=(field.examples or [None])[0],
        since=str(extra["x-since"]),
        beside=_beside(extra.get("x-beside")),
    )


def _beside(told: object) -> Mapping[str, object]:
    return {str(name): value for name, value in told.items()} if isinstance(told, dict) else {}


def _plain(default: object) -> str:
    if isinstance(default, bool):
        return "true" if default else "false"
    return str(default) if default or default == 0 else "nothing"


def _type(field: FieldInfo) -> str:
    return _kind(field.metadata) or _name(field.annotation)


def _kind(metadata: Iterable[object]) -> str:
    # The last one: a type made of another type carries the other's name first.
    return next((one.name for one in reversed([*metadata]) if isinstance(one, Shown)), "")


def _name(annotation: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        return _kind(arguments) or _name(arguments[0])
    if origin is tuple:
        return f"list of {_several(_name(arguments[0]))}"
    if origin is dict:
        return f"mapping of {_several(_name(arguments[0]))} to {_name(arguments[1])}"
    if origin in {Union, UnionType}:
        return _name(next(one for one in arguments if one is not NoneType))
    if isinstance(annotation, type) and issubclass(annotation, StrEnum):
        return " | ".join(annotation)
    return "mapping"


def _several(name: str) -> str:
    return name if name == "text" else f"{name}s"
