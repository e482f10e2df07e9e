# SPDX-License-Identifier: Apache-2.0
"""Where task types are declared: in files of tasks.d, and in those that come with the program."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from debvisor_timers.jobs.document import Document, Value
from debvisor_timers.jobs.faults import did_you_mean, kind_of, quoted
from debvisor_timers.jobs.files import check_owners, list_job_files, read_source
from debvisor_timers.jobs.locate import locate
from debvisor_timers.jobs.scalar import NULL
from debvisor_timers.jobs.task_types import TaskType
from debvisor_timers.jobs.tasks import TYPE_PATTERN, check_type
from debvisor_timers.jobs.translate import Complaint, complaint_of, complaints_of, unknown_key
from debvisor_timers.source import Problem, Span

TASKS = "tasks"
"""The one key of a file of task types."""

TASKS_FOLDER = "tasks.d"

ENTRY_POINTS = "debvisor_timers.tasks"
"""The group of entry points by which distributions offer handlers: TYPE = module:function."""

SHIPPED = Path(__file__).parents[1] / "tasks" / "types"
"""The folder of the types that come with the program: each in TYPE.yaml."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Declared:
    """What files say of task types.

    types: those without an error, by name. places: where each is declared, wrong ones among them.
    defaults: keys of jobs as they are written, by type.
    """

    types: Mapping[str, TaskType] = field(default_factory=dict)
    places: Mapping[str, Span] = field(default_factory=dict)
    defaults: Mapping[str, Mapping[str, Value]] = field(default_factory=dict)
    problems: tuple[Problem, ...] = ()
    sources: Mapping[Path, str] = field(default_factory=dict)


class TaskTypes:
    """Every task type: those of tasks.d, and below them those that come with the program.

    A type of tasks.d takes the place of the shipped one of its name.
    """

    def __init__(self, own: Declared | None = None) -> None:
        """Take the types of tasks.d; those of the program are read when one is asked for."""
        self.own = own or Declared()
        self._shipped: dict[str, Declared] = {}

    def get(self, name: str) -> TaskType | None:
        """Return the type of that name, or with that alias; None where there is none."""
        declared, known = self._declared(name)
        return declared.types.get(known)

    def defaults(self, name: str) -> Mapping[str, Value]:
        """Return the keys of jobs that a type sets, as they are written."""
        declared, known = self._declared(name)
        return declared.defaults.get(known, {})

    def place(self, name: str) -> Span | None:
        """Return where a type is declared; None where it is not."""
        declared, known = self._declared(name)
        return declared.places.get(known)

    def own_name(self, name: str) -> str:
        """Return the name of the type that has `name` as its name or alias."""
        return self._declared(name)[1]

    def says_closed(self, name: str) -> bool:
        """Return whether it is known which parameters of a type are root's: it is shipped, or says.

        Of one that is declared nowhere, whose handler a distribution has, nothing is known.
        """
        declared, known = self._declared(name)
        found = declared.types.get(known)
        return found is not None and (declared is not self.own or found.says_closed)

    @cached_property
    def everything(self) -> Mapping[str, TaskType]:
        """Return all types by name, sorted: those of tasks.d, and what comes with the program."""
        return dict(sorted({**self._all_shipped.types, **self.own.types}.items()))

    def _declared(self, name: str) -> tuple[Declared, str]:
        if name in self.own.places or not re.fullmatch(TYPE_PATTERN, name):
            return self.own, name
        if alias := _aliased(self.own, name):
            return self.own, alias
        if (SHIPPED / f"{name}.yaml").is_file():
            if name not in self._shipped:
                self._shipped[name] = read_types([SHIPPED / f"{name}.yaml"])
            return self._shipped[name], name
        shipped = self._all_shipped
        return shipped, _aliased(shipped, name) or name

    @cached_property
    def _all_shipped(self) -> Declared:
        return read_types(sorted(SHIPPED.glob("*.yaml")))


def _aliased(declared: Declared, alias: str) -> str:
    return next((name for name, each in declared.types.items() if alias in each.aliases), "")


def load_task_types(folder: Path) -> TaskTypes:
    """Return what `tasks.d/*.yaml` say, over the types of the program.

    What is wrong is among the problems of `own`, never raised.
    """
    files, problems = list_job_files(folder)
    if files:
        problems += check_owners((folder, *files))
    return TaskTypes(read_types(files, problems))


def read_types(files: Iterable[Path], problems: Iterable[Problem] = ()) -> Declared:
    """Return what files say of task types; `problems` are put before those that are found."""
    reader = _Reader(problems)
    reader.read(files)
    return Declared(
        types=reader.types,
        places=reader.places,
        defaults=reader.defaults,
        problems=tuple(reader.problems),
        sources=reader.sources,
    )


def installed_handlers(name: str = "") -> dict[str, tuple[str, ...]]:
    """Return the handlers that installed Python distributions have, by task type.

    name: of one type; all where it is empty. Several of one type are a conflict. They are looked up
    again when a job runs, so no apply is needed after an installation. Takes some 20 ms.
    """
    from importlib.metadata import entry_points  # noqa: PLC0415 - slow, and few need it

    points = entry_points(group=ENTRY_POINTS)
    found: dict[str, set[str]] = {}
    for each in points.select(name=name) if name else points:
        found.setdefault(each.name, set()).add(each.value)
    return {name: tuple(sorted(values)) for name, values in sorted(found.items())}


def several_handlers(task_type: str, handlers: Sequence[str]) -> Complaint:
    """Return the complaint about a task type of which several distributions have a handler."""
    return Complaint(
        path=("task", "type"),
        message=f"several handlers of the task type {task_type} are installed: "
        f"{', '.join(handlers)}",
        fix=f"choose one in {TASKS_FOLDER}/{task_type}.yaml: "
        f"{TASKS}: {{{task_type}: {{handler: '{handlers[0]}'}}}}",
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
    """Collects types and problems, file by file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.types: dict[str, TaskType] = {}
        self.places: dict[str, Span] = {}
        self.defaults: dict[str, Mapping[str, Value]] = {}
        self.problems = list(problems)
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
            known = TaskType.model_validate({} if body is NULL else body)
            self._keep(document, check_type(name), known, body)
        except PydanticCustomError as error:
            self._complain(document, (TASKS, name), complaint_of(error))
        except ValidationError as error:
            for complaint in complaints_of(error, TaskType):
                self._complain(document, (TASKS, name), complaint)

    def _keep(self, document: Document, name: str, known: TaskType, body: Value) -> None:
        wrong = list(known.wrong_in_itself()) if SHIPPED not in document.path.parents else []
        for complaint in wrong:
            self._complain(document, (TASKS, name), complaint)
        if wrong:
            return
        for number, alias in enumerate(known.aliases):
            taken = next((other for other in self.types if self._answers_to(other, alias)), "")
            if taken:
                message = f"{quoted(alias)} is a name of the task type {taken} already"
                path: tuple[str | int, ...] = ("aliases", number)
                complaint = Complaint(path=path, message=message, fix="write another, or remove it")
                self._complain(document, (TASKS, name), complaint)
                return
        self.types[name] = known
        defaults = body.get("defaults") if isinstance(body, dict) else None
        self.defaults[name] = defaults if isinstance(defaults, dict) else {}

    def _answers_to(self, name: str, alias: str) -> bool:
        return alias == name or alias in self.types[name].aliases

    def _complain(self, document: Document, base: tuple[str, ...], complaint: Complaint) -> None:
        self.problems.append(locate(document, base, complaint))
