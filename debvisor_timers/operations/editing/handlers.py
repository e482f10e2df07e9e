# SPDX-License-Identifier: Apache-2.0
"""Handlers of task types: which there are, and how a program declares one."""

from __future__ import annotations

import inspect
import site
import sys
import sysconfig
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path

from pydantic_core import PydanticCustomError

from debvisor_timers.errors import DefinitionError, RefusedError, UsageError
from debvisor_timers.jobs.emit import mapping_lines
from debvisor_timers.jobs.faults import quoted
from debvisor_timers.jobs.files import check_owners
from debvisor_timers.jobs.load import load_definitions
from debvisor_timers.jobs.task_files import TASKS, load_task_types
from debvisor_timers.jobs.task_types import TaskType
from debvisor_timers.jobs.tasks import check_type
from debvisor_timers.operations.applying.apply import ApplyOptions, ApplyResult, apply_source
from debvisor_timers.operations.applying.edits import FileEdit
from debvisor_timers.operations.applying.recover import generations
from debvisor_timers.operations.applying.source import Source
from debvisor_timers.operations.editing.applied import JOBS_FOLDER, laid_out
from debvisor_timers.operations.editing.tree import JobTree
from debvisor_timers.operations.host import Host

TaskFunction = Callable[..., object]

_TRIES = 3
"""So often it is tried anew when somebody else applies between the reading and the apply."""


def task_types(host: Host) -> Mapping[str, TaskType]:
    """Return each task type that the files of tasks.d declare."""
    return load_task_types(host.layout.tasks).own.types


def handler_of(function: TaskFunction) -> TaskType:
    """Return how a job finds `function`: its name in its module, and the folder of that.

    Raises UsageError for one that another process cannot import: a lambda, a function within
    another, one of the program that runs now.
    """
    if not callable(function):
        raise UsageError(f"{function!r} is no function", fix="give the function that does the task")
    module, name = getattr(function, "__module__", None), getattr(function, "__qualname__", "")
    fix = "put it into a module of its own, as a function with a name, and import it from there"
    if not module or module == "__main__":
        raise UsageError(
            f"the function {quoted(name)} is part of the program that runs now: a job is another"
            " process, and cannot import it",
            fix=fix,
        )
    if not name or "<" in name:
        what = "a lambda" if "<lambda>" in name else "a function within another"
        raise UsageError(f"{quoted(name)} is {what}: a job cannot import it", fix=fix)
    if inspect.ismethod(function) and not inspect.isclass(function.__self__):
        raise UsageError(
            f"{quoted(name)} is a method of an object that only this program has", fix=fix
        )
    return TaskType(handler=f"{module}:{name}", path=_folders(module, function))


def _folders(module: str, function: TaskFunction) -> tuple[str, ...]:
    """Return the folder that Python has to look in for a module, none where it does so anyway."""
    try:
        file = inspect.getsourcefile(function)
    except TypeError:  # one that is written in C
        file = None
    file = file or getattr(sys.modules.get(module), "__file__", None)
    if file is None:
        return ()
    path = Path(file).resolve()
    depth = module.count(".") + (path.name == "__init__.py")
    root = path.parents[depth]
    paths = sysconfig.get_paths()
    known = {paths["stdlib"], paths["purelib"], paths["platlib"], *site.getsitepackages()}
    return () if root in {Path(each).resolve() for each in known} else (str(root),)


def register_handler(
    host: Host, task_type: str, handler: TaskType, options: ApplyOptions
) -> ApplyResult | None:
    """Declare the handler of a task type in tasks.d, and apply the jobs of that type alone.

    Returns None where it is declared so already. Raises RefusedError where another file declares
    the type; DefinitionError where its file is wrong, or others than root can change what would be
    run as root; else the errors of `apply`; then all is as it was.
    """
    _check_type(task_type)
    _check_trust(handler)
    for left in range(_TRIES - 1, -1, -1):
        number = generations(host).latest()
        try:
            return _register(host, task_type, handler, replace(options, expect_generation=number))
        except RefusedError:
            if not left or generations(host).latest() == number:
                raise
    raise AssertionError  # the last try returns or raises


def _register(
    host: Host, task_type: str, handler: TaskType, options: ApplyOptions
) -> ApplyResult | None:
    known = load_task_types(host.layout.tasks).own
    if known.types.get(task_type) == handler:
        return None
    path = host.layout.tasks / f"{task_type}.yaml"
    if wrong := [problem for problem in known.problems if problem.span.file == path]:
        raise DefinitionError(wrong)  # what else it declares would be lost
    place = known.places.get(task_type)
    others = [name for name, where in known.places.items() if where.file == path]
    if (place is not None and place.file != path) or set(others) - {task_type}:
        raise RefusedError(
            f"the task type {task_type!r} is declared elsewhere: {place}"
            if place
            else f"{path} declares other task types",
            fix="declare the handler there",
        )
    edit = FileEdit(
        path=path,
        before=path.read_bytes() if path.exists() else None,
        after=_text(task_type, handler).encode(),
    )
    return _apply(host, task_type, edit, options)


def _check_type(task_type: str) -> None:
    try:
        check_type(task_type)
    except PydanticCustomError as error:
        raise UsageError(error.message(), fix=(error.context or {}).get("fix", "")) from error


def _check_trust(handler: TaskType) -> None:
    problems = check_owners(map(Path, handler.path))
    if problems:
        raise DefinitionError(problems)


def _text(task_type: str, handler: TaskType) -> str:
    keys = {"handler": handler.handler or ""}
    paths = {"path": list(handler.path)} if handler.path else {}
    return "\n".join(mapping_lines({TASKS: {task_type: {**keys, **paths}}}, column=0)) + "\n"


def _apply(host: Host, task_type: str, edit: FileEdit, options: ApplyOptions) -> ApplyResult:
    kept, number = generations(host), options.expect_generation or 0
    generation = kept.folder / str(number) if number else None
    applied = JobTree(kept.folder / str(number) / JOBS_FOLDER, host.layout.jobs)
    with laid_out(host.layout, applied, generation) as folder:
        tasks = folder / host.layout.tasks.name
        tasks.mkdir(exist_ok=True)
        (tasks / edit.path.name).write_bytes(edit.after or b"")
        jobs = frozenset(
            job.id
            for job in load_definitions(folder).jobs.values()
            if job.task and job.task.type == task_type
        )
        return apply_source(host, Source(config=folder, edits=(edit,), jobs=jobs), options)
