# SPDX-License-Identifier: Apache-2.0
"""Task types: what a job does by name, and the Python function that does it."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any

from pydantic import AfterValidator, BeforeValidator, Strict, ValidationError
from pydantic_core import PydanticCustomError

from debvisor_timers.jobs import values
from debvisor_timers.jobs.document import Document, Value
from debvisor_timers.jobs.faults import did_you_mean, fault, kind_of, quoted
from debvisor_timers.jobs.field import REQUIRED, Model, Shown, key
from debvisor_timers.jobs.files import check_owners, list_job_files, read_source
from debvisor_timers.jobs.locate import locate
from debvisor_timers.jobs.scalar import NULL, Plain
from debvisor_timers.jobs.translate import Complaint, complaint_of, complaints_of, unknown_key
from debvisor_timers.source import Problem, Span

TASKS = "tasks"
"""The one key of a file of task types."""

TASKS_FOLDER = "tasks.d"

TYPE_PATTERN = "^[A-Za-z0-9]([A-Za-z0-9_.-]{0,62}[A-Za-z0-9])?$"
HANDLER_PATTERN = r"^[^\W\d]\w*(\.[^\W\d]\w*)*:[^\W\d]\w*(\.[^\W\d]\w*)*$"

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


def check_handler(name: str) -> str:
    """Return where a handler is: `package.module:function`."""
    if not re.fullmatch(HANDLER_PATTERN, name) or name.endswith("\n"):
        raise fault(
            f"{quoted(name)} does not name a Python function",
            fix="write it as package.module:function",
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


def _config(value: Any) -> Any:
    if value is NULL:
        return {}
    if not isinstance(value, Mapping):
        message = f"{kind_of(value)} is not a mapping of parameters"
        raise fault(message, fix="write it as config: {vm_id: vm-123}")
    return as_json(value)


TaskType = Annotated[
    str,
    Strict(),
    AfterValidator(check_type),
    Shown("name", {**values.ANY_TEXT, "pattern": TYPE_PATTERN}),
]
TaskConfig = Annotated[
    dict[str, Any], BeforeValidator(_config), Shown("mapping", {"type": "object"})
]


class Task(Model):
    """What a job does, as a task of some type."""

    type: TaskType = key(
        REQUIRED,
        help="The type of the task. Which function does it stands in a file of tasks.d.",
        directive="ExecStart=",
        example="vm_snapshot",
    )
    config: TaskConfig = key(
        {},
        help="What the handler of the task type is given, as it is: text, numbers, `true` and "
        "`false`, lists and mappings. Text in quotes stays text.",
        directive="ExecStart=",
        example={"vm_id": "vm-123", "retention_days": 7},
        beside={"type": "vm_snapshot"},
        shown_default="nothing",
    )

    @property
    def config_text(self) -> str:
        """Return the configuration as one line of JSON."""
        return json.dumps(self.config, ensure_ascii=False)


class Handler(Model):
    """The Python function that does the tasks of a type."""

    handler: Annotated[
        str,
        Strict(),
        AfterValidator(check_handler),
        Shown("package.module:function", {**values.ANY_TEXT, "pattern": HANDLER_PATTERN}),
    ] = key(
        REQUIRED,
        help="The function that is called with the configuration of the task, in the job's own "
        "unit, as its user. It may be asynchronous.",
        example="backups:make_backup",
    )
    path: tuple[values.AbsolutePath, ...] = key(
        (),
        help="Folders in which Python looks for the module before it looks in its own.",
        example=["/opt/tools"],
        shown_default="none",
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Handlers:
    """What the files of tasks.d say.

    by_type: the handler of each task type. places: where each is declared.
    """

    by_type: Mapping[str, Handler] = field(default_factory=dict)
    places: Mapping[str, Span] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    sources: Mapping[Path, str] = field(default_factory=dict)


def load_handlers(folder: Path) -> Handlers:
    """Return what `tasks.d/*.yaml` say; what is wrong is a problem, never raised."""
    files, problems = list_job_files(folder)
    if files:
        problems += check_owners((folder, *files))
    reader = _Reader(problems)
    reader.read(files)
    return Handlers(
        by_type=reader.handlers,
        places=reader.places,
        problems=tuple(reader.problems),
        sources=reader.sources,
    )


def no_handler(task_type: str, known: Iterable[str]) -> Complaint:
    """Return the complaint about a task type that is not declared."""
    return Complaint(
        path=("task", "type"),
        message=f"No handler for task type: {task_type}{did_you_mean(task_type, known)}",
        fix=f"declare it in {TASKS_FOLDER}/{task_type}.yaml: "
        f"{TASKS}: {{{task_type}: {{handler: 'module:function'}}}}",
    )


class _Reader:
    """Collects handlers and problems, file by file."""

    def __init__(self, problems: list[Problem]) -> None:
        self.handlers: dict[str, Handler] = {}
        self.places: dict[str, Span] = {}
        self.problems = problems
        self.sources: dict[Path, str] = {}

    def read(self, files: Iterable[Path]) -> None:
        for path in files:
            source = read_source(path)
            if isinstance(source, Problem):
                self.problems.append(source)
                continue
            document = Document(source)
            self.sources[path] = document.digest
            self.problems += document.problems
            self._read_document(document)

    def _read_document(self, document: Document) -> None:
        for name in document.value:
            if name != TASKS:
                self._complain(document, (), unknown_key((name,), (TASKS,)))
        tasks = document.value.get(TASKS, NULL)
        if isinstance(tasks, dict):
            for name, body in tasks.items():
                self._read_type(document, name, body)
        elif tasks is not NULL:
            message = f"{kind_of(tasks)} is not a mapping of task types"
            fix = "write each type under its name: tasks: {backup: {handler: ...}}"
            self._complain(document, (), Complaint(path=(TASKS,), message=message, fix=fix))

    def _read_type(self, document: Document, name: str, body: Value) -> None:
        place = document.span((TASKS, name), on_key=True)
        first = self.places.setdefault(name, place)
        if first is not place:
            message = f"the task type {quoted(name)} is declared a second time"
            fix = f"remove one of them; the first is at {first}"
            self.problems.append(document.problem(message, place, fix=fix))
            return
        try:
            handler = Handler.model_validate({} if body is NULL else body)
            self.handlers[check_type(name)] = handler
        except PydanticCustomError as error:
            self._complain(document, (TASKS, name), complaint_of(error))
        except ValidationError as error:
            for complaint in complaints_of(error, Handler):
                self._complain(document, (TASKS, name), complaint)

    def _complain(self, document: Document, base: tuple[str, ...], complaint: Complaint) -> None:
        self.problems.append(locate(document, base, complaint))
