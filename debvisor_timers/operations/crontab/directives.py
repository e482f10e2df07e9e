# SPDX-License-Identifier: Apache-2.0
"""Directives of a timer and its service as keys of a job; those that have none are named."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping

from debvisor_timers.jobs.crontab.write import Node
from debvisor_timers.jobs.owned import SERVICE, TIMER, UNIT
from debvisor_timers.operations.crontab.words import (
    WordError,
    split_words,
    without_specifiers,
    without_variables,
)

Values = dict[str, dict[str, list[str]]]
"""By section and directive, the values that are left when empty ones have reset it."""

_TRUE = {"1", "yes", "y", "true", "t", "on"}
_KEY = re.compile("use the key `([a-z_.]+)`")
_SILENT = {
    "Unit": {"Description", "Documentation", "SourcePath"},
    "Timer": {
        *("Unit", "AccuracySec", "FixedRandomDelay", "OnCalendar", "Persistent", "OnBootSec"),
        *("RandomizedDelaySec", "DeferReactivation"),
    },
    "Service": {"Type"},
}
"""Directives that are read elsewhere, or that say nothing about what is run and when."""
_RESOURCES = {
    "MemoryMax": "memory_max",
    "MemoryHigh": "memory_high",
    "CPUQuota": "cpu_quota",
    "TasksMax": "tasks_max",
    "IOWeight": "io_weight",
}
_PLAIN = {
    "User": "user",
    "Group": "group",
    "WorkingDirectory": "working_directory",
    "UMask": "umask",
    "TimeoutStopSec": "stop_timeout",
}


class _Job:
    """The keys of a job in the making, and what was left out of it."""

    def __init__(self) -> None:
        self.keys: dict[str, Node] = {}
        self.left: list[str] = []
        self.schedule: dict[str, Node] = {}
        self.unit: dict[str, dict[str, Node]] = {}

    def leave(self, section: str, name: str, why: str) -> None:
        """Note that a directive is not in the job."""
        self.left.append(f"[{section}] {name}=: {why}")


def keys_of(timer: Values, service: Values) -> tuple[dict[str, Node], list[str]]:
    """Return the keys of the job, and a line for each directive that it does not have."""
    job = _Job()
    title = _last(service, "Unit", "Description") or _last(timer, "Unit", "Description")
    if title:
        _try(job, "Unit", "Description", lambda: _set(job.keys, "name", without_specifiers(title)))
    _timer(job, timer)
    _command(job, service)
    _service(job, service)
    _unit(job, service)
    if job.unit:
        job.keys["unit"] = job.unit
    return job.keys, job.left


def _timer(job: _Job, timer: Values) -> None:
    section = timer.get("Timer", {})
    if times := section.get("OnCalendar"):
        job.schedule["on_calendar"] = times[0] if len(times) == 1 else times
        if _is_true(timer, "Persistent"):
            job.schedule["catch_up"] = "once"
        _jitter(job, timer)
        job.keys["schedule"] = job.schedule
        if not _is_true(timer, "DeferReactivation"):
            job.keys["overlap"] = "queue"
    if delays := section.get("OnBootSec"):
        job.keys["triggers"] = [{"boot": delay} for delay in delays]
    for name, values in section.items():
        if name not in _SILENT["Timer"] and values:
            _other(job, "Timer", name, values, TIMER)
    for name, values in timer.get("Unit", {}).items():
        if name not in _SILENT["Unit"] and values:
            why = "it is that of the timer, and holds for all its times; a job has it for each run"
            job.leave("Unit", name, why)


def _is_true(timer: Values, name: str) -> bool:
    return _last(timer, "Timer", name).lower() in _TRUE


def _jitter(job: _Job, timer: Values) -> None:
    delay = _last(timer, "Timer", "RandomizedDelaySec")
    if delay in {"", "0"}:
        return
    job.schedule["jitter"] = delay
    if not _is_true(timer, "FixedRandomDelay"):
        why = "each run had a delay of its own; a job keeps one"
        job.leave("Timer", "RandomizedDelaySec", why)


def _command(job: _Job, service: Values) -> None:
    commands = service.get("Service", {}).get("ExecStart", [])
    if len(commands) != 1:
        why = f"{len(commands)} of them; a job has one: put all into the key script"
        job.leave("Service", "ExecStart", why)
        job.keys["command"] = ["/bin/false"]
        return
    try:
        job.keys["command"] = list(_argv(commands[0]))
    except WordError as error:
        job.leave("Service", "ExecStart", f"has {error}; write command or script by hand")
        job.keys["command"] = ["/bin/false"]


def _argv(line: str) -> list[str]:
    words = split_words(line)
    if not words or ";" in words:
        raise WordError("several commands" if words else "no command")
    prefix = re.match(r"[-@:+!|]*", words[0])
    signs = prefix[0] if prefix else ""
    if wrong := signs.replace(":", ""):
        raise WordError(f"the prefix {wrong}, which a job has no key for")
    words[0] = words[0][len(signs) :]
    words = [without_specifiers(word) for word in words]
    return words if ":" in signs else [without_variables(word) for word in words]


def _service(job: _Job, service: Values) -> None:
    section = service.get("Service", {})
    kind = _last(service, "Service", "Type") or "simple"
    if kind not in {"oneshot", "simple", "exec", "idle"}:
        job.leave("Service", "Type", f"{kind}: a job is a oneshot, which ends with its program")
    limit = "TimeoutStartSec" if kind == "oneshot" else "RuntimeMaxSec"
    both = _last(service, "Service", "TimeoutSec") if kind == "oneshot" else ""
    job.keys["timeout"] = _last(service, "Service", limit) or both or "infinity"
    for name, values in section.items():
        if not values or name in {"ExecStart", limit, *_SILENT["Service"]}:
            continue
        _try(job, "Service", name, lambda n=name, v=values: _directive(job, n, v))  # type: ignore[misc]


def _directive(job: _Job, name: str, values: list[str]) -> None:
    keys = job.keys
    if name == "Environment":
        pairs = [word for value in values for word in split_words(without_specifiers(value))]
        keys["environment"] = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
    elif name == "EnvironmentFile":
        keys["environment_files"] = [without_specifiers(value) for value in values]
    elif name in _PLAIN:
        keys[_PLAIN[name]] = without_specifiers(values[-1])
    elif name == "PrivateNetwork":
        keys["private_network"] = values[-1].lower() in _TRUE
    elif name == "LoadCredential":
        keys["credentials"] = _pairs(values)
    elif name == "LoadCredentialEncrypted":
        keys["encrypted_credentials"] = _pairs(values)
    elif name in _RESOURCES:
        resources = keys.setdefault("resources", {})
        assert isinstance(resources, dict)  # noqa: S101 - made here
        resources[_RESOURCES[name]] = values[-1]
    elif name == "TimeoutSec":
        keys["stop_timeout"] = values[-1]
    else:
        _other(job, "Service", name, values, SERVICE)


def _pairs(values: list[str]) -> dict[str, Node]:
    found: dict[str, Node] = {}
    for value in values:
        name, colon, path = without_specifiers(value).partition(":")
        if not colon:
            raise WordError("a credential without a path")
        found[name] = path
    return found


def _unit(job: _Job, service: Values) -> None:
    section = service.get("Unit", {})
    after = _words(section.get("After", []))
    needed = [word for word in _words(section.get("Requires", [])) if word in after]
    if needed:
        job.keys["depends_on"] = [{"unit": word} for word in needed]
    conditions: dict[str, Node] = {}
    for name, values in section.items():
        if not values or name in _SILENT["Unit"]:
            continue
        refusal = UNIT.get(name)
        key = _KEY.search(refusal.fix) if refusal else None
        if key and key[1].startswith("conditions."):
            conditions[key[1].partition(".")[2]] = _condition(name, values)
        elif name == "Requires" and len(needed) == len(_words(values)):
            continue
        elif name == "After" and (rest := [word for word in _words(values) if word not in needed]):
            job.unit.setdefault("Unit", {})["After"] = " ".join(rest)
        elif name != "After":
            _other(job, "Unit", name, values, UNIT)
    if conditions:
        job.keys["conditions"] = conditions


def _condition(name: str, values: list[str]) -> Node:
    if name == "ConditionACPower":
        return values[-1].lower() in _TRUE
    return values[0] if len(values) == 1 else values


def _words(values: list[str]) -> list[str]:
    return " ".join(values).split()


def _other(
    job: _Job, section: str, name: str, values: list[str], owned: Mapping[str, object]
) -> None:
    """Put a directive under `unit`, or name it where that may not have it."""
    if name in owned:
        job.leave(section, name, str(owned[name]) or "it is set for each job")
        return
    lines: Node = values[0] if len(values) == 1 else values
    job.unit.setdefault(section, {})[name] = lines


def _try(job: _Job, section: str, name: str, step: Callable[[], None]) -> None:
    try:
        step()
    except WordError as error:
        job.leave(section, name, f"has {error}")


def _set(keys: dict[str, Node], name: str, value: Node) -> None:
    keys[name] = value


def _last(values: Values, section: str, name: str) -> str:
    found = values.get(section, {}).get(name)
    return found[-1] if found else ""
