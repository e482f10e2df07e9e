# SPDX-License-Identifier: Apache-2.0
"""From arguments of the Python API to the JSON that a server takes."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from datetime import timedelta

from debvisor_timers.scheduler.keys import (
    JobFields,
    as_json,
    checked_dependencies,
    keys_of,
    writable,
)
from debvisor_timers.scheduler.values import JobDependency, JobPriority, as_number

_NAMES = {"cron_expr": "cron_expression"}
"""Arguments that the guide calls otherwise in JSON."""
_ENDLESS = {"timeout_seconds": "timeout", "retry_delay_seconds": "retries.delay"}
"""Arguments that may be infinite, each with its key."""


def body_of(fields: JobFields, *, is_update: bool = False) -> dict[str, object]:
    """Return `fields` as the body of a request; None, in an update, takes a key away.

    Raises UsageError for a value that no key can have, as the calls on the host itself do.
    """
    keys_of(fields, is_update=is_update)
    said: dict[str, object] = {**fields}
    endless = {path: "infinity" for name, path in _ENDLESS.items() if said.get(name) == math.inf}
    if endless:  # JSON has no such number; a job file has a word for it
        said["keys"] = {**endless, **(fields.get("keys") or {})}
    return {
        _NAMES.get(name, name): _json(name, value)
        for name, value in said.items()
        if (is_update or value is not None) and not (name in _ENDLESS and value == math.inf)
    }


def dependencies_body(several: Iterable[JobDependency]) -> list[object]:
    """Return dependencies as a request has them. Raises UsageError where one is none."""
    return [each.to_dict() for each in checked_dependencies(several)]


def _json(name: str, value: object) -> object:
    if value is None:
        return None
    if name == "dependencies":
        return dependencies_body(value)  # type: ignore[arg-type]
    if name == "priority":
        return JobPriority.of(value).word  # type: ignore[arg-type]
    if name in {"timeout_seconds", "retry_delay_seconds"}:
        seconds = value.total_seconds() if isinstance(value, timedelta) else float(value)  # type: ignore[arg-type]
        return as_number(seconds)
    if name == "keys" and isinstance(value, Mapping):
        return {
            str(key): None if each is None else as_json(writable(each))
            for key, each in value.items()
        }
    return as_json(writable(value))
