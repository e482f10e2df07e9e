# SPDX-License-Identifier: Apache-2.0
"""task list, task show: which task types there are, and where they come from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from debvisor_timers.errors import NotFoundError
from debvisor_timers.jobs.document import Value
from debvisor_timers.jobs.faults import did_you_mean, quoted
from debvisor_timers.jobs.task_files import TaskTypes, installed_handlers, load_task_types
from debvisor_timers.jobs.task_types import TaskType
from debvisor_timers.operations.host import Host


class Origin(StrEnum):
    """Where a task type comes from."""

    SHIPPED = "shipped"
    OWN = "tasks.d"
    INSTALLED = "installed"


@dataclass(frozen=True, slots=True, kw_only=True)
class KnownType:
    """A task type. place: the file that declares it, or the handler that is installed.

    lacking: Debian packages that it needs and that are not installed.
    """

    name: str
    origin: Origin
    place: str
    declared: TaskType
    defaults: Mapping[str, Value]
    lacking: tuple[str, ...] = ()


def known_types(host: Host) -> list[KnownType]:
    """Return every task type, in order of the names."""
    types = load_task_types(host.layout.tasks)
    declared = {name: _declared(types, name, each) for name, each in types.everything.items()}
    installed = {
        name: KnownType(
            name=name,
            origin=Origin.INSTALLED,
            place=", ".join(handlers),
            declared=TaskType(handler=handlers[0]),
            defaults={},
        )
        for name, handlers in installed_handlers().items()
    }
    return [known for _, known in sorted({**installed, **declared}.items())]


def known_type(host: Host, name: str) -> KnownType:
    """Return the task type of that name or alias; raise NotFoundError."""
    types = load_task_types(host.layout.tasks)
    own_name = types.own_name(name)
    declared = types.get(name)
    if declared is not None:
        known = _declared(types, own_name, declared)
        missing = host.machine.missing_packages(declared.packages) if declared.packages else ()
        lacking = tuple(each for each in declared.packages if each in missing)
        return KnownType(
            name=known.name,
            origin=known.origin,
            place=known.place,
            declared=declared,
            defaults=known.defaults,
            lacking=lacking,
        )
    found = {each.name: each for each in known_types(host)}
    if name not in found:
        raise NotFoundError(
            f"there is no task type {quoted(name)}{did_you_mean(name, found)}",
            fix="see: debvisor-timers task list",
        )
    return found[name]


def _declared(types: TaskTypes, name: str, declared: TaskType) -> KnownType:
    is_own = name in types.own.places
    return KnownType(
        name=name,
        origin=Origin.OWN if is_own else Origin.SHIPPED,
        place=str(types.place(name)),
        declared=declared,
        defaults=types.defaults(name),
    )
