# SPDX-License-Identifier: Apache-2.0
"""config list: the settings in force, and where everything is."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from debvisor_timers.jobs.config import CONFIG_NAME, Config, load_config
from debvisor_timers.jobs.load import load_definitions
from debvisor_timers.jobs.redact import REDACTED, redact, redact_words
from debvisor_timers.jobs.secrets import says_secret
from debvisor_timers.jobs.task_types import TaskType
from debvisor_timers.jobs.tasks import as_json
from debvisor_timers.operations.host import Host
from debvisor_timers.source import Problem

_WITH_ADDRESSES = frozenset({"channels", "pings"})
"""Keys of config.yaml below which the path of an address is all that lets somebody send."""
_ADDRESS = re.compile(r"(?P<origin>https?://[^/\s]+)/[^\s]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Settings:
    """What the files of the configuration say, secrets left out.

    paths: where things are, by what they are. written: config.yaml as it is written, as JSON has
    it. days: how many each calendar has. tasks: the types that tasks.d declares.
    jobs: how many there are.
    """

    paths: Mapping[str, Path]
    config: Config
    written: Mapping[str, Any]
    days: Mapping[str, int]
    tasks: Mapping[str, TaskType]
    jobs: int
    problems: tuple[Problem, ...]


def settings(host: Host) -> Settings:
    """Return the settings of this host; what is wrong with the files is among them."""
    layout = host.layout
    definitions = load_definitions(layout.config)
    loaded = load_config(layout.config / CONFIG_NAME)
    written = as_json(loaded.document.value) if loaded.document else {}
    return Settings(
        paths={
            "config": layout.config / CONFIG_NAME,
            "jobs": layout.jobs,
            "tasks": layout.tasks,
            "templates": layout.config / "templates",
            "units": layout.units,
            "state": layout.state,
            "history": layout.index,
        },
        config=definitions.config,
        written=_without_addresses(without_secrets(written)),
        days={name: len(days) for name, days in definitions.calendars.items()},
        tasks=definitions.task_types.own.types,
        jobs=len(definitions.jobs),
        problems=tuple(problem for problem in definitions.problems if problem.is_error),
    )


def _without_addresses(written: Any) -> Any:
    """Return config.yaml without the paths of addresses: who has one may send there, too."""
    if not isinstance(written, Mapping):
        return written
    found = {key: _origins(one) if key in _WITH_ADDRESSES else one for key, one in written.items()}
    defaults = written.get("defaults")
    if isinstance(defaults, Mapping) and "ping" in defaults:
        found["defaults"] = {**defaults, "ping": _origins(defaults["ping"])}
    return found


def _origins(value: Any) -> Any:
    """Return a value of JSON with addresses cut to their hosts."""
    if isinstance(value, Mapping):
        return {key: _origins(each) for key, each in value.items()}
    if isinstance(value, list):
        return [_origins(each) for each in value]
    return _ADDRESS.sub(rf"\g<origin>/{REDACTED}", value) if isinstance(value, str) else value


def without_secrets(value: Any, name: str = "") -> Any:
    """Return a value of JSON without secrets: by the name of their key, or by their looks."""
    if isinstance(value, Mapping):
        return {key: without_secrets(each, key) for key, each in value.items()}
    if isinstance(value, list) and all(isinstance(each, str) for each in value):
        return redact_words(value) if not says_secret(name) else [REDACTED for _ in value]
    if isinstance(value, list):
        return [without_secrets(each, name) for each in value]
    if not isinstance(value, str):
        return value
    start = f"{name}="
    return redact(f"{start}{value}").removeprefix(start) if name else redact(value)
