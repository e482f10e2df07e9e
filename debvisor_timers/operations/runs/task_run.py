# SPDX-License-Identifier: Apache-2.0
"""task run: a task once, now, as a transient unit that is kept apart as a job of its type is."""

from __future__ import annotations

import json
import os
import secrets
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debvisor_timers.errors import NotFoundError, PermissionRefusedError, UsageError
from debvisor_timers.jobs.duration import format_timespan
from debvisor_timers.jobs.faults import did_you_mean, quoted
from debvisor_timers.jobs.load import load_files
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.parameters import properties_of
from debvisor_timers.jobs.scalar import Plain
from debvisor_timers.jobs.task_files import TaskTypes, installed_handlers
from debvisor_timers.jobs.task_types import TaskType
from debvisor_timers.jobs.tasks import as_json
from debvisor_timers.operations.host import Host
from debvisor_timers.render.service import service_values

_ID = "task"


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What is to be done.

    settings: PARAM=VALUE each. config: a JSON object with more of them. credentials: NAME:PATH
    each, for tasks that read secrets.
    """

    task_type: str
    settings: Sequence[str] = ()
    config: str = ""
    credentials: Sequence[str] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class TransientTask:
    """How systemd-run does it; unit: its service. config: with the defaults of the type."""

    unit: str
    command: tuple[str, ...]
    config: Mapping[str, Any]


def transient_task(host: Host, types: TaskTypes, wanted: Wanted) -> TransientTask:
    """Return the argv that does a task now, waits for it, and ends as it does.

    Raises NotFoundError for no such type, UsageError for a wrong configuration,
    PermissionRefusedError without root.
    """
    if os.geteuid() != 0:
        raise PermissionRefusedError("only root may run tasks", fix="run the command with sudo")
    known = types.get(wanted.task_type)
    if known is None and not installed_handlers(wanted.task_type):
        raise NotFoundError(
            f"there is no task type {quoted(wanted.task_type)}"
            f"{did_you_mean(wanted.task_type, types.everything)}",
            fix="see: debvisor-timers task list",
        )
    config = config_of(known, wanted)
    job = _job(host, wanted, config)
    unit = f"debvisor-task-{wanted.task_type.replace('_', '-')}-{secrets.token_hex(3)}.service"
    values = service_values(job, host.layout, types)
    argv = ["systemd-run", f"--unit={unit}", "--wait", "--pipe", "--collect", "--quiet"]
    argv += ["--expand-environment=no"]  # it would read $NAME in parameters as a variable
    argv += [f"--description=Task {wanted.task_type}, once"]
    argv += [f"--setenv={name}={value}" for name, value in values["environment"]]
    argv += [f"--property={name}={value}" for name, value in _properties(job, values)]
    return TransientTask(
        unit=unit,
        command=(*argv, "--", *values["command"]),
        config=known.complete(config) if known else config,
    )


def config_of(known: TaskType | None, wanted: Wanted) -> dict[str, Any]:
    """Return the configuration that is wanted; raise UsageError for one that cannot be.

    A value is read as YAML reads it, as JSON where it begins with [ or {, and as it stands where
    the parameter is text.
    """
    config = _json(wanted.config) if wanted.config else {}
    properties = properties_of(known.parameters or {}) if known else {}
    for setting in wanted.settings:
        name, equals, text = setting.partition("=")
        if not name or not equals:
            raise UsageError(f"{quoted(setting)} is no parameter", fix="write it as NAME=VALUE")
        config[name] = text if _is_text(properties.get(name, {}), text) else _value(text)
    wrong = list(known.wrong_in(config)) if known else []
    if wrong:
        first, *more = [
            f"{'.'.join(map(str, each.path))}: {each.message}" if each.path else each.message
            for each in wrong
        ]
        raise UsageError(
            "; ".join([first, *more]),
            fix=wrong[0].fix or f"see: debvisor-timers task show {wanted.task_type}",
        )
    return config


def _is_text(parameter: Mapping[str, Any], text: str) -> bool:
    """Return whether a value can but be text: a machine may be called 7, or yes."""
    kinds = parameter.get("type", ())
    kinds = {kinds} if isinstance(kinds, str) else set(kinds)
    is_nested = text[:1] in {"[", "{"} and kinds & {"array", "object"}
    return "string" in kinds and not kinds & {"integer", "number", "boolean"} and not is_nested


def _json(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text, parse_constant=_no_number)
    except ValueError as error:
        raise UsageError(f"--config is no JSON: {error}", fix='as in {"vm_id": "vm-1"}') from error
    if not isinstance(value, dict):
        raise UsageError("--config is no mapping", fix='as in {"vm_id": "vm-1"}')
    return value


def _value(text: str) -> Any:
    return _parsed(text) if text[:1] in {"[", "{"} else as_json(Plain(text))


def _no_number(word: str) -> float:
    raise ValueError(f"{word} is no number of JSON")


def _parsed(text: str) -> Any:
    try:
        return json.loads(text, parse_constant=_no_number)
    except ValueError as error:
        raise UsageError(f"{quoted(text)} is no JSON: {error}", fix='as in ["a", "b"]') from error


def _job(host: Host, wanted: Wanted, config: Mapping[str, Any]) -> Job:
    """Return a job that has such a task and nothing else: all else is as the type sets it."""
    task = {"type": wanted.task_type, "config": dict(config)}
    body: dict[str, object] = {"task": task}
    if wanted.credentials:
        pairs = [each.partition(":") for each in wanted.credentials]
        if wrong := [name for name, _, path in pairs if not (name and path)]:
            raise UsageError(
                f"the credential {quoted(wrong[0])} has no path", fix="write it as NAME:PATH"
            )
        body["credentials"] = {name: path for name, _, path in pairs}
    with tempfile.TemporaryDirectory(prefix="debvisor-timers-") as folder:
        file = Path(folder) / "task.yaml"
        file.write_text(json.dumps({"jobs": {_ID: body}}), encoding="utf-8")
        definitions = load_files([file], config=host.layout.config)
        found = definitions.jobs.get(_ID)
        mine = [each for each in definitions.problems if each.span.file == file and each.is_error]
    if found is None:
        words = "; ".join(each.message for each in mine) or "the task cannot be run"
        raise UsageError(words, fix="; ".join(each.fix for each in mine if each.fix))
    return found


def _properties(job: Job, values: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Yield the properties of the transient unit, as systemd-run takes them: nothing is escaped."""
    yield "Type", "oneshot"
    yield "Slice", values["slice"]
    yield "KillMode", "control-group"
    if job.timeout is not None:
        yield "TimeoutStartSec", format_timespan(job.timeout)
    yield "TimeoutStopSec", format_timespan(values["stop_timeout"])
    for name, value in (
        ("User", values["user"]),
        ("Group", values["group"]),
        ("WorkingDirectory", values["working_directory"]),
        ("UMask", values["umask"]),
        ("UnsetEnvironment", values["unset"]),
        ("PrivateNetwork", "yes" if values["private_network"] else ""),
    ):
        if value:
            yield name, value
    for path in values["environment_files"]:
        yield "EnvironmentFile", path
    for credential in values["credentials"]:
        yield "LoadCredential", credential
    for credential in values["encrypted_credentials"]:
        yield "LoadCredentialEncrypted", credential
    for unit in values["depends_on"]:
        yield "Requires", unit
        yield "After", unit
    for name in ("conditions", "unit_directives", "limits", "sandbox", "service_directives"):
        yield from values[name]
