# SPDX-License-Identifier: Apache-2.0
"""A job of the original scheduler, as its JSON has it, in the keys of a job file."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from debvisor_timers.calendar.cron import parse_cron
from debvisor_timers.errors import ScheduleError
from debvisor_timers.jobs.faults import quoted
from debvisor_timers.jobs.names import JOB_ID
from debvisor_timers.source import Problem, Severity, Span

ZONE = "UTC"
"""The zone of its times where a job names none."""

_PRIORITIES = ("low", "normal", "high", "critical")
_CRON_FIELDS = (
    ("minute",),
    ("hour",),
    ("day_of_month", "day"),
    ("month",),
    ("day_of_week", "weekday"),
)
_COUNTERS = frozenset(
    {
        *("execution_count", "success_count", "failure_count", "total_executions"),
        *("successful_executions", "failed_executions", "success_rate", "retry_count"),
        *("average_duration_seconds", "last_execution", "next_execution", "last_run", "next_run"),
        *(
            "last_status",
            "last_result",
            "status",
            "state",
            "created_at",
            "updated_at",
            "created_by",
        ),
        *("execution_history", "history"),
    }
)
"""What it has counted and computed: no definition, and no runs that a history could show."""
_REQUIRES = {
    "requires": "requires",
    "required": "requires",
    "after": "after",
    "optional": "optional",
}
_MAY_BE_NULL = frozenset({"timezone", "timeout_seconds"})
"""Fields that say something by null: the zone of the host, no limit. Others are as if missing."""
_CONFLICTS = frozenset({"conflict", "conflicts"})
_LONGEST_TIMEOUT = 10**9


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """One job as it was written. prefix: what goes before its fields in messages: `jobs[3].`."""

    file: Path
    data: Mapping[str, Any]
    prefix: str = ""

    @property
    def job_id(self) -> str:
        """Return its id, empty where it has none."""
        job_id = self.data.get("job_id")
        return job_id if isinstance(job_id, str) else ""

    def problem(self, name: str, message: str, *, fix: str = "") -> Problem:
        """Return what is wrong with one of its fields."""
        return Problem(
            span=Span(file=self.file), key=f"{self.prefix}{name}", message=message, fix=fix
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Ids:
    """Which jobs there are. mapped: ours for each that is imported. known: those of this host."""

    mapped: Mapping[str, str]
    known: frozenset[str] = frozenset()


@dataclass(slots=True, kw_only=True)
class Translation:
    """The keys of one job, and what is to be said of it; left: the fields that are no part of it.

    places: which field each key is from.
    """

    keys: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    left: list[str] = field(default_factory=list)
    places: dict[str, str] = field(default_factory=dict)


class FieldError(Exception):
    """A field that cannot be carried over."""

    def __init__(self, message: str, *, fix: str = "", place: str = "") -> None:
        """Keep the message and the fix; place: where in the field."""
        super().__init__(message)
        self.message = message
        self.fix = fix
        self.place = place


def translate(job: Original, ids: Ids) -> Translation:
    """Return the keys of a job; nothing that is not understood is guessed."""
    done = Translation()
    data = {
        name: value for name, value in job.data.items() if value is not None or name in _MAY_BE_NULL
    }
    for name in ("name", "cron_expression", "task_type"):
        if name not in data:
            done.problems.append(job.problem(name, "is missing", fix="write it into the file"))
    for name, read in _FIELDS.items():
        if name not in data:
            continue
        try:
            keys = read(data[name], data, ids)
        except FieldError as error:
            place = f"{name}{error.place}"
            done.problems.append(job.problem(place, error.message, fix=error.fix))
        else:
            done.keys.update(keys)
            done.places.update(dict.fromkeys(keys, name))
    for name in data.keys() - _FIELDS.keys() - {"job_id", "task_config", "timezone"}:
        if name in _COUNTERS:
            done.left.append(name)
        else:
            problem = job.problem(name, "is no field that is known: it is left out")
            done.problems.append(replace(problem, severity=Severity.WARNING))
    return done


def _name(value: object, _data: Mapping[str, Any], _ids: Ids) -> dict[str, Any]:
    return {"name": _line(value)}


def _description(value: object, _data: Mapping[str, Any], _ids: Ids) -> dict[str, Any]:
    if not isinstance(value, str):
        raise FieldError(f"{_shown(value)} is not text")
    return {"description": " ".join(value.split())} if value.strip() else {}


def _schedule(value: object, data: Mapping[str, Any], _ids: Ids) -> dict[str, Any]:
    text = value if isinstance(value, str) else _joined(value)
    try:
        parse_cron(text)
    except ScheduleError as error:
        raise FieldError(error.message, fix=error.fix) from error
    zone = data.get("timezone", ZONE)
    return {"schedule": {"cron": text} if zone is None else {"cron": text, "timezone": _line(zone)}}


def _joined(value: object) -> str:
    if not isinstance(value, Mapping):
        raise FieldError(f"{_shown(value)} is neither text nor a mapping of five fields")
    known = {name for names in _CRON_FIELDS for name in names}
    for name in value.keys() - known:
        raise FieldError("is no field of a cron expression", place=f".{name}")
    return " ".join(_cron_field(value, names) for names in _CRON_FIELDS)


def _cron_field(value: Mapping[str, object], names: Sequence[str]) -> str:
    there = [name for name in names if name in value]
    if len(there) != 1:
        fault = "is missing" if not there else f"is there twice, also as {there[1]}"
        raise FieldError(fault, place=f".{names[0]}")
    one = value[there[0]]
    each = one if isinstance(one, list) and one else [one]
    if any(isinstance(part, bool) or not isinstance(part, int | str) for part in each):
        raise FieldError(f"{_shown(one)} is neither a number nor text", place=f".{there[0]}")
    text = ",".join(str(part).strip() for part in each)
    if not text or len(text.split()) != 1:
        raise FieldError(f"{_shown(one)} is not one field", place=f".{there[0]}")
    return text


def _task(value: object, data: Mapping[str, Any], _ids: Ids) -> dict[str, Any]:
    config = data.get("task_config", {})
    if not isinstance(config, Mapping):
        raise FieldError(f"has a task_config that is not a mapping: {_shown(config)}")
    return {"task": {"type": _line(value), **({"config": config} if config else {})}}


def _owner(value: object, _data: Mapping[str, Any], _ids: Ids) -> dict[str, Any]:
    return {"owner": _line(value)} if value else {}


def _priority(value: object, _data: Mapping[str, Any], _ids: Ids) -> dict[str, Any]:
    if isinstance(value, str) and value.lower() in _PRIORITIES:
        return {"priority": value.lower()}
    if isinstance(value, int) and not isinstance(value, bool) and 0 <= value < len(_PRIORITIES):
        return {"priority": _PRIORITIES[value]}
    raise FieldError(
        f"{_shown(value)} is no priority",
        fix="write 0 to 3, or low, normal, high or critical",
    )


def _enabled(value: object, _data: Mapping[str, Any], _ids: Ids) -> dict[str, Any]:
    if not isinstance(value, bool):
        raise FieldError(f"{_shown(value)} is neither true nor false")
    return {"enabled": value}


def _timeout(value: object, _data: Mapping[str, Any], _ids: Ids) -> dict[str, Any]:
    return {"timeout": "infinity" if value is None else _seconds(value)}


def _retries(value: object, _data: Mapping[str, Any], _ids: Ids) -> dict[str, Any]:
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise FieldError(f"{_shown(value)} is no number of retries")
    return {"retries": {"max": value}}


def _tags(value: object, _data: Mapping[str, Any], _ids: Ids) -> dict[str, Any]:
    pairs = value.items() if isinstance(value, Mapping) else map(_pair, enumerate(_list(value)))
    tags: dict[str, str] = {}
    for name, each in pairs:
        if isinstance(each, bool) or not isinstance(each, str | int):
            raise FieldError(f"{_shown(each)} is not text", place=f".{name}")
        if name in tags:
            raise FieldError(f"has {quoted(name)} twice")
        tags[name] = str(each)
    return {"tags": tags} if tags else {}


def _pair(numbered: tuple[int, object]) -> tuple[str, str]:
    number, item = numbered
    name, equals, value = item.partition("=") if isinstance(item, str) else ("", "", "")
    if not equals or not name:
        raise FieldError(f"{_shown(item)} is not NAME=VALUE", place=f"[{number}]")
    return name, value


def _dependencies(value: object, _data: Mapping[str, Any], ids: Ids) -> dict[str, Any]:
    needs: list[dict[str, Any]] = []
    conflicts: list[dict[str, Any]] = []
    for number, item in enumerate(_list(value)):
        one = {"job_id": item} if isinstance(item, str) else item
        place = f"[{number}]"
        if not isinstance(one, Mapping):
            raise FieldError(f"{_shown(item)} is neither an id nor a mapping", place=place)
        for name in one.keys() - {"job_id", "dependency_type", "type", "timeout_seconds"}:
            raise FieldError("is no field that is known", place=f"{place}.{name}")
        kind = _kind(one, place)
        job = _other(one.get("job_id"), ids, f"{place}.job_id", may_lack=kind == "optional")
        wait = one.get("timeout_seconds")
        waits = {} if wait is None else {"wait": _seconds(wait, f"{place}.timeout_seconds")}
        if kind in _CONFLICTS:
            conflicts.append({"job": job, **waits})
        else:
            needs.append({"job": job, "type": kind, **waits})
    lists = {"depends_on": needs, "conflicts_with": conflicts}
    return {name: each for name, each in lists.items() if each}


def _kind(one: Mapping[str, object], place: str) -> str:
    value = one.get("dependency_type", one.get("type", "requires"))
    kind = value.lower() if isinstance(value, str) else ""
    if kind in _CONFLICTS:
        return kind
    if kind not in _REQUIRES:
        raise FieldError(
            f"{_shown(value)} is no type of dependency",
            fix="write requires, optional or conflicts",
            place=f"{place}.dependency_type",
        )
    return _REQUIRES[kind]


def _other(value: object, ids: Ids, place: str, *, may_lack: bool) -> str:
    """Return the id of another job, as it is here."""
    name = value if isinstance(value, str) else ""
    if name in ids.mapped:
        return ids.mapped[name]
    if name in ids.known or (may_lack and JOB_ID.fullmatch(name)):
        return name
    raise FieldError(
        f"there is no job {_shown(value)}, neither among these nor on this host",
        fix="import it together with this one, or take it out",
        place=place,
    )


def _seconds(value: object, place: str = "") -> str:
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not 0 < float(str(value)) < _LONGEST_TIMEOUT:
        raise FieldError(f"{_shown(value)} is no number of seconds", place=place)
    return f"{int(value) if isinstance(value, float) and value.is_integer() else value}s"


def _list(value: object) -> Sequence[object]:
    if not isinstance(value, list):
        raise FieldError(f"{_shown(value)} is not a list")
    return value


def _line(value: object) -> str:
    if not isinstance(value, str) or not value:
        raise FieldError(f"{_shown(value)} is not text")
    return value


def _shown(value: object) -> str:
    return quoted(value) if isinstance(value, str) else quoted(repr(value)[:60])


_Reader = Callable[[Any, Mapping[str, Any], Ids], dict[str, Any]]

_FIELDS: Mapping[str, _Reader] = {
    "name": _name,
    "description": _description,
    "cron_expression": _schedule,
    "task_type": _task,
    "owner": _owner,
    "priority": _priority,
    "timeout_seconds": _timeout,
    "max_retries": _retries,
    "dependencies": _dependencies,
    "tags": _tags,
    "enabled": _enabled,
}
"""What reads each field, in the order in which a job file has them."""


def new_ids(jobs: Sequence[Original]) -> Iterator[tuple[str, str]]:
    """Yield each id with ours: the same where it is legal, else the nearest one that is free."""
    given = [job.job_id for job in jobs if job.job_id]
    taken = {job_id for job_id in given if JOB_ID.fullmatch(job_id)}
    for job_id in dict.fromkeys(given):
        if JOB_ID.fullmatch(job_id):
            yield job_id, job_id
            continue
        base = re.sub(r"[^a-z0-9]+", "-", job_id.lower())[:58].strip("-") or "job"
        ours, number = base, 2
        while ours in taken:
            ours, number = f"{base}-{number}", number + 1
        taken.add(ours)
        yield job_id, ours
