# SPDX-License-Identifier: Apache-2.0
"""What is asked of one job: keys with their new values."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from debvisor_timers.jobs.emit import Writable

KeyPath = tuple[str, ...]
"""A key, or one within its value: `("schedule", "timezone")`."""

NewKeys = Mapping[KeyPath, Writable | None]
"""Values to write, as YAML has them; None takes a key away."""

_LONGEST_ID = 64
_SCHEDULE = "schedule"
_TIMES = {"cron": "on_calendar", "on_calendar": "cron"}


class ChangeKind(StrEnum):
    """What becomes of the job."""

    CREATE = "create"
    UPDATE = "update"
    DELETE = "delete"


@dataclass(frozen=True, slots=True, kw_only=True)
class Change:
    """One change of one job."""

    job_id: str
    kind: ChangeKind
    keys: NewKeys = field(default_factory=dict)


def merged(job: Mapping[str, Writable], keys: NewKeys) -> dict[str, Writable]:
    """Return the keys of a job with those of `keys` set or taken away."""
    result = dict(job)
    for path, value in keys.items():
        if value is not None or _has(result, path):
            _set(result, _as_written(result, path, value), value)
    return result


def _has(mapping: Mapping[str, Writable], path: KeyPath) -> bool:
    inner = mapping.get(path[0])
    if len(path) == 1 or inner is None:
        return inner is not None
    if path == (_SCHEDULE, "cron") and isinstance(inner, str):
        return True
    return isinstance(inner, Mapping) and _has(inner, path[1:])


def _as_written(job: dict[str, Writable], path: KeyPath, value: Writable | None) -> KeyPath:
    """Return where a key of the schedule is to be written, and make room for it there.

    A bare text is a cron expression. The two ways to name a time exclude each other.
    """
    if path[0] != _SCHEDULE or len(path) == 1:
        return path
    now = job.get(_SCHEDULE)
    if path == (_SCHEDULE, "cron") and value is not None and not isinstance(now, Mapping):
        return (_SCHEDULE,)
    if isinstance(now, str):
        now = {"cron": now}
    if isinstance(now, Mapping):
        other = _TIMES.get(path[1]) if value is not None else None
        job[_SCHEDULE] = {key: one for key, one in now.items() if key != other}
    return path


def _set(mapping: dict[str, Writable], path: KeyPath, value: Writable | None) -> None:
    name, rest = path[0], path[1:]
    if rest:
        inner = mapping.get(name)
        below = dict(inner) if isinstance(inner, Mapping) else {}
        _set(below, rest, value)
        value = below or None
    if value is None:
        mapping.pop(name, None)
    else:
        mapping[name] = value


def new_job_id(name: str, is_taken: Callable[[str], bool]) -> str:
    """Return an id for a job of that name: `daily-backup`, or `daily-backup-2` if taken."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode()
    stem = re.sub(r"[^a-z0-9]+", "-", plain.lower()).strip("-") or "job"
    number, job_id = 1, stem[:_LONGEST_ID].rstrip("-")
    while is_taken(job_id):
        number += 1
        ending = f"-{number}"
        job_id = stem[: _LONGEST_ID - len(ending)].rstrip("-") + ending
    return job_id
