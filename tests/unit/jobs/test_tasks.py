# SPDX-License-Identifier: Apache-2.0
"""tasks.d: the handlers of task types, and what is wrong with them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from debvisor_timers.jobs.load import load_definitions
from debvisor_timers.jobs.scalar import Plain
from debvisor_timers.jobs.tasks import Handler, Task, as_json, load_handlers
from debvisor_timers.layout import Layout
from debvisor_timers.render.service import service_values

JOB = "jobs: {a: {task: {type: backup, config: {vm: vm-1}}}}\n"
DECLARED = "tasks:\n  backup: {handler: 'tools.backups:make', path: [/opt/tools]}\n"


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("7", 7),
        ("-7", -7),
        ("+7", 7),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        (".5", 0.5),
        ("true", True),
        ("False", False),
        ("yes", "yes"),
        ("0x1F", "0x1F"),
        ("007", 7),
        ("1_000", "1_000"),
        (".nan", ".nan"),
        ("-", "-"),
        ("1.2.3", "1.2.3"),
    ],
)
def test_plain_scalars_are_what_yaml_says(text: str, value: object) -> None:
    found = as_json(Plain(text))
    assert (found, type(found)) == (value, type(value))


def test_quoted_text_stays_text() -> None:
    assert as_json({"a": ["7", Plain("7")]}) == {"a": ["7", 7]}


def test_a_declared_handler_is_rendered(tmp_path: Path) -> None:
    write(tmp_path, "tasks.d/backup.yaml", DECLARED)
    write(tmp_path, "jobs.d/a.yaml", JOB)

    definitions = load_definitions(tmp_path).require()

    assert definitions.problems == ()
    assert definitions.handlers == {
        "backup": Handler(handler="tools.backups:make", path=("/opt/tools",))
    }
    values = service_values(definitions.jobs["a"], Layout(), definitions.handlers)
    assert values["command"] == (
        "/usr/libexec/debvisor-timers/task",
        "--path=/opt/tools",
        "--handler=tools.backups:make",
        "backup",
        '{"vm": "vm-1"}',
    )
    assert {path.name for path in definitions.sources} == {"backup.yaml", "a.yaml"}


def test_a_task_without_a_handler_is_a_warning_at_its_line(tmp_path: Path) -> None:
    write(tmp_path, "tasks.d/backup.yaml", DECLARED)
    file = write(tmp_path, "jobs.d/a.yaml", "jobs:\n  a:\n    task: {type: backups}\n")

    (problem,) = load_definitions(tmp_path).require().problems

    assert (problem.span.file, problem.span.line, problem.span.column) == (file, 3, 18)
    assert problem.message == "No handler for task type: backups; did you mean 'backup'?"
    assert "tasks.d/backups.yaml" in problem.fix


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("tasks: {a b: {handler: 'm:f'}}", (1, 9), "'a b' is not a name of a task type"),
        ("tasks: {a: {handler: m.f}}", (1, 22), "'m.f' does not name a Python function"),
        ("tasks: {a: {handlr: 'm:f'}}", (1, 13), "unknown key 'handlr'"),
        ("tasks: {a: {}}", (1, 12), "the key handler is missing"),
        ("tasks: {a: {handler: 'm:f', path: [opt]}}", (1, 36), "'opt' is not an absolute path"),
        ("tasks: [a]", (1, 8), "a list is not a mapping of task types"),
        ("task: {}", (1, 1), "unknown key 'task'"),
        ("tasks: {a: {handler: 'm:f'", (1, 12), "this '{' is never closed"),
    ],
)
def test_what_is_wrong_is_told_at_its_place(
    tmp_path: Path, text: str, place: tuple[int, int], message: str
) -> None:
    write(tmp_path, "tasks.d/a.yaml", text + "\n")

    problems = load_handlers(tmp_path / "tasks.d").problems

    told = [(problem.span.line, problem.span.column, problem.message) for problem in problems]
    assert any((line, column) == place and message in words for line, column, words in told), told


def test_a_type_is_declared_once(tmp_path: Path) -> None:
    write(tmp_path, "tasks.d/a.yaml", DECLARED)
    write(tmp_path, "tasks.d/b.yaml", DECLARED)

    (problem,) = load_handlers(tmp_path / "tasks.d").problems

    assert problem.message == "the task type 'backup' is declared a second time"
    assert problem.span.file.name == "b.yaml"


@pytest.mark.parametrize(
    ("task", "message"),
    [
        ("{config: {}}", "the key type is missing"),
        ("{type: a/b}", "'a/b' is not a name of a task type"),
        ("{type: a, config: [1]}", "a list is not a mapping of parameters"),
        ("{type: a, config: {n: 1e999}}", "the number '1e999' is too large"),
        ("{type: a}, script: b", "has both script and task"),
        ("{type: a}, script: b, command: c", "has command, script and task"),
    ],
)
def test_a_wrong_task_is_told(tmp_path: Path, task: str, message: str) -> None:
    write(tmp_path, "jobs.d/a.yaml", f"jobs: {{a: {{task: {task}}}}}\n")

    problems = load_definitions(tmp_path).problems

    assert any(message in problem.message for problem in problems), problems


def test_the_configuration_is_one_line_of_json() -> None:
    config: dict[str, Any] = {"text": "a\nb 'é'", "n": Plain("1")}

    assert Task(type="a", config=config).config_text == '{"text": "a\\nb \'é\'", "n": 1}'
