# SPDX-License-Identifier: Apache-2.0
"""Handlers that a program declares: found by a job, written to tasks.d, applied alone."""

from __future__ import annotations

import importlib.util
import json.decoder
import sys
from pathlib import Path
from types import ModuleType

import pytest

from debvisor_timers.errors import DefinitionError, RefusedError, SystemdError, UsageError
from debvisor_timers.jobs.task_types import TaskType
from debvisor_timers.operations.applying.apply import ApplyOptions, ApplyResult, apply_source
from debvisor_timers.operations.applying.plan import make_plan
from debvisor_timers.operations.applying.source import Source
from debvisor_timers.operations.editing import handlers as handlers_module
from debvisor_timers.operations.editing.handlers import handler_of, register_handler, task_types
from debvisor_timers.systemd.ports import FileEntry
from tests.unit.operations.world import NIGHTLY, World

TASK = NIGHTLY + "  snapshot:\n    task: {type: backup, config: {vm_id: vm-1}}\n"
HANDLER = TaskType(handler="tools.backups:make", path=("/opt",))


def module(folder: Path, name: str, text: str) -> ModuleType:
    file = folder / f"{name}.py"
    file.write_text(text, encoding="utf-8")
    spec = importlib.util.spec_from_file_location(name, file)
    assert spec is not None
    assert spec.loader is not None
    made = importlib.util.module_from_spec(spec)
    sys.modules[name] = made
    spec.loader.exec_module(made)
    return made


def test_a_function_is_named_with_the_folder_of_its_module(tmp_path: Path) -> None:
    made = module(tmp_path, "backups_of_a_test", "def make(config):\n    return True\n")
    assert handler_of(made.make) == TaskType(
        handler="backups_of_a_test:make", path=(str(tmp_path),)
    )


def test_what_python_finds_anyway_needs_no_folder() -> None:
    assert handler_of(json.decoder.JSONDecoder.decode) == TaskType(
        handler="json.decoder:JSONDecoder.decode"
    )


def test_what_another_process_cannot_import_is_refused() -> None:
    def inner(_config: object) -> bool:
        return True

    with pytest.raises(UsageError, match="is a function within another"):
        handler_of(inner)
    with pytest.raises(UsageError, match="is a lambda"):
        handler_of(lambda config: config)
    inner.__module__ = "__main__"
    with pytest.raises(UsageError, match="part of the program that runs now"):
        handler_of(inner)


def test_a_handler_is_declared_and_its_jobs_are_applied_alone(world: World) -> None:
    world.apply(TASK)
    world.write(TASK.replace("0 2", "0 3"))

    result = register_handler(world.host, "backup", HANDLER, ApplyOptions())

    assert result is not None
    assert (result.updated, result.generation) == (1, 2)
    assert task_types(world.host) == {"backup": HANDLER}
    unit = world.units()["debvisor-job-snapshot.service"]
    assert isinstance(unit, FileEntry)
    assert "task --path=/opt --handler=tools.backups:make backup" in unit.text
    assert make_plan(world.host).updated == ("nightly",), "what was pending still is"
    assert register_handler(world.host, "backup", HANDLER, ApplyOptions()) is None


def test_a_failure_leaves_no_file(world: World) -> None:
    world.apply(TASK)
    before = world.picture()
    world.systemd.steps.fail_on("manager.reload")

    with pytest.raises(SystemdError):
        register_handler(world.host, "backup", HANDLER, ApplyOptions())

    assert (world.picture(), task_types(world.host)) == (before, {})


def test_an_apply_of_somebody_else_in_between_is_not_taken_back(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.apply(TASK)
    applies = [lambda: world.apply(TASK.replace("0 2", "0 3"))]

    def in_between(source: Source, options: ApplyOptions) -> ApplyResult:
        if applies:
            applies.pop()()
        return apply_source(world.host, source, options)

    monkeypatch.setattr(
        handlers_module, "apply_source", lambda _host, source, options: in_between(source, options)
    )
    register_handler(world.host, "backup", HANDLER, ApplyOptions())

    timer = world.units()["debvisor-job-nightly.timer"]
    assert isinstance(timer, FileEntry)
    assert "OnCalendar=*-*-* 03:00:00" in timer.text
    assert make_plan(world.host).is_empty


def test_a_file_that_is_wrong_is_not_overwritten(world: World) -> None:
    world.layout.tasks.mkdir()
    text = "tasks: {backup: {handler: 'a:b'}, other: {handler: 'c:d'}\n"
    (world.layout.tasks / "backup.yaml").write_text(text)

    with pytest.raises(DefinitionError, match=r"backup\.yaml"):
        register_handler(world.host, "backup", HANDLER, ApplyOptions())

    assert (world.layout.tasks / "backup.yaml").read_text() == text


def test_before_the_first_apply(world: World) -> None:
    assert register_handler(world.host, "backup", HANDLER, ApplyOptions()) is not None
    assert task_types(world.host) == {"backup": HANDLER}


def test_a_type_that_another_file_declares_is_refused(world: World) -> None:
    world.layout.tasks.mkdir()
    (world.layout.tasks / "all.yaml").write_text("tasks: {backup: {handler: 'a:b'}}\n")

    with pytest.raises(RefusedError, match=r"declared elsewhere: .*all.yaml:1:9"):
        register_handler(world.host, "backup", HANDLER, ApplyOptions())
