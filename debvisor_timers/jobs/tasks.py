# SPDX-License-Identifier: Apache-2.0
"""The task of a job: a type, and the configuration that it is given."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Strict

from debvisor_timers.jobs import values
from debvisor_timers.jobs.faults import fault, kind_of, quoted
from debvisor_timers.jobs.field import REQUIRED, Model, Shown, key
from debvisor_timers.jobs.scalar import NULL, Plain

TYPE_PATTERN = "^[A-Za-z0-9]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?$"

_INTEGER = re.compile(r"[-+]?[0-9]+")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_WORDS: Mapping[str, bool] = {
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
}


def check_type(name: str) -> str:
    """Return the name of a task type."""
    if not re.fullmatch(TYPE_PATTERN, name) or name.endswith("\n"):
        raise fault(
            f"{quoted(name)} is not a name of a task type",
            fix="write letters, digits, `_`, `-` and `.`, as in vm_snapshot",
        )
    return name


def as_json(value: Any) -> Any:
    """Return what YAML says as JSON has it: plain scalars become numbers, truth values and null.

    Raises a fault for a number that JSON cannot hold.
    Source: YAML 1.2.2, 10.3.2 core schema; octal and hexadecimal numbers stay text.
    """
    if isinstance(value, Mapping):
        return {str(name): as_json(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_json(each) for each in value]
    if value is NULL:
        return None
    return _scalar(value) if isinstance(value, Plain) else value


def _scalar(text: Plain) -> object:
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text) if len(text) < 4000 else str(text)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if math.isinf(number):
            raise fault(f"the number {quoted(text)} is too large", fix="write it in quotes")
        return number
    return str(text)


def read_config(value: Any) -> Any:
    """Return a mapping of YAML as JSON has it; raise a fault for anything else."""
    if value is NULL:
        return {}
    if not isinstance(value, Mapping):
        message = f"{kind_of(value)} is not a mapping of parameters"
        raise fault(message, fix="write it as config: {vm_id: vm-123}")
    return as_json(value)


TaskName = Annotated[
    str,
    Strict(),
    AfterValidator(check_type),
    Shown("name", {**values.ANY_TEXT, "pattern": TYPE_PATTERN}),
]
TaskConfig = Annotated[
    dict[str, Any], BeforeValidator(read_config), Shown("mapping", {"type": "object"})
]


class Task(Model):
    """What a job does, as a task of some type."""

    type: TaskName = key(
        REQUIRED,
        help="The type of the task, one that comes with the program (debvisor-timers-tasks(7)) or "
        "that a file of tasks.d declares.",
        directive="ExecStart=",
        example="vm_snapshot",
        beside={"config": {"vm_id": "vm-123"}},
    )
    config: TaskConfig = key(
        {},
        help="The parameters of the task type: text, numbers, `true` and `false`, lists and "
        "mappings. Text in quotes stays text.",
        directive="ExecStart=",
        example={"vm_id": "vm-123", "retention_days": 7},
        beside={"type": "vm_snapshot"},
        shown_default="nothing",
    )

    @property
    def config_text(self) -> str:
        """Return the configuration as one line of JSON."""
        return config_text(self.config)


def config_text(config: Mapping[str, Any]) -> str:
    """Return a configuration as one line of JSON, as a handler is given it."""
    return json.dumps(config, ensure_ascii=False)
