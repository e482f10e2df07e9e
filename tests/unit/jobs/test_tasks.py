# SPDX-License-Identifier: Apache-2.0
"""tasks.d: what task types are, what their jobs execute, and what is wrong with them."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from debvisor_timers.jobs.load import load_definitions, load_files
from debvisor_timers.jobs.parameters import properties_of
from debvisor_timers.jobs.scalar import Plain
from debvisor_timers.jobs.task_files import SHIPPED, load_task_types, read_types
from debvisor_timers.jobs.task_types import TaskType
from debvisor_timers.jobs.tasks import Task, as_json
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
    assert definitions.task_types.own.types == {
        "backup": TaskType(handler="tools.backups:make", path=("/opt/tools",))
    }
    values = service_values(definitions.jobs["a"], Layout(), definitions.task_types)
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
        ("tasks: {a: {}}", (1, 9), "has neither exec nor handler"),
        ("tasks: {a: {handler: 'm:f', exec: [a]}}", (1, 9), "has both exec and handler"),
        ("tasks: {a: {exec: [a, '{b']}}", (1, 19), "'{b' has a brace that is no placeholder"),
        ("tasks: {a: {exec: [b, '{c}}']}}", (1, 19), "'{c}}' has a brace that is no placeholder"),
        ("tasks: {a: {exec: [a, '{b}']}}", (1, 23), "there is no parameter 'b'"),
        ("tasks: {a: {handler: 'm:f', packages: [A]}}", (1, 40), "'A' is not a name of a Debian"),
        ("tasks: {a: {handler: 'm:f', defaults: {schedule: x}}}", (1, 40), "unknown key"),
        ("tasks: {a: {handler: 'm:f', defaults: {timeout: x}}}", (1, 49), "'x' is not a duration"),
        ("tasks: {a: {handler: 'm:f', parameters: {type: list}}}", (1, 48), "is not JSON Schema"),
        ("tasks: {a: {handler: 'm:f', parameters: {type: array}}}", (1, 48), "is a mapping"),
        (
            "tasks: {a: {handler: 'm:f', parameters: {properties: {b: {$ref: 'http:/c'}}}}}",
            (1, 65),
            "leads nowhere",
        ),
        (
            "tasks: {a: {handler: 'm:f', parameters: {required: [b]}, example: {}}}",
            (1, 67),
            "the parameter b is missing",
        ),
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

    problems = load_task_types(tmp_path / "tasks.d").own.problems

    told = [(problem.span.line, problem.span.column, problem.message) for problem in problems]
    assert any((line, column) == place and message in words for line, column, words in told), told


@pytest.mark.parametrize(
    ("config", "message"),
    [("{}", "one of these is missing: a, b"), ("{a: 1, b: 2}", "a and b exclude each other")],
)
def test_one_of_several_parameters_is_wanted(tmp_path: Path, config: str, message: str) -> None:
    one = "parameters: {oneOf: [{required: [a]}, {required: [b]}], properties: {a: {}, b: {}}}"
    write(tmp_path, "tasks.d/t.yaml", f"tasks: {{t: {{handler: 'm:f', {one}}}}}\n")
    write(tmp_path, "jobs.d/a.yaml", f"jobs: {{a: {{task: {{type: t, config: {config}}}}}}}\n")

    (problem,) = load_definitions(tmp_path).problems

    assert (problem.message, problem.fix) == (message, "see: debvisor-timers task show TYPE")


@pytest.mark.parametrize("alias", ["one", "other"])
def test_a_name_means_one_type_alone(tmp_path: Path, alias: str) -> None:
    text = (
        "tasks:\n  one: {handler: 'm:f', aliases: [other]}\n"
        f"  two: {{handler: 'm:f', aliases: [{alias}]}}\n"
    )
    write(tmp_path, "tasks.d/a.yaml", text)

    (problem,) = load_task_types(tmp_path / "tasks.d").own.problems

    assert problem.message == f"'{alias}' is a name of the task type one already"
    assert (problem.span.line, problem.span.column) == (3, 35)


def test_a_type_is_declared_once(tmp_path: Path) -> None:
    write(tmp_path, "tasks.d/a.yaml", DECLARED)
    write(tmp_path, "tasks.d/b.yaml", DECLARED)

    (problem,) = load_task_types(tmp_path / "tasks.d").own.problems

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


COPY = """\
tasks:
  copy:
    aliases: [duplicate]
    exec: [/usr/bin/cp, "--mode={mode}", "{{x}}", "-t{to}", "{flags}", "--", "{files}", "{n}"]
    parameters:
      additionalProperties: false
      required: [to]
      properties:
        mode: {type: integer, default: 5}
        to: {type: string, examples: [/srv], description: The folder.}
        flags: {type: array, items: {type: string}}
        files: {type: array, items: {type: string}}
        n: {type: [number, "null"]}
        how: {enum: [fast, slow]}
    defaults: {timeout: 7min, retries: {max: 2}, user: nobody}
"""


def commands(tmp_path: Path, config: str, more: str = "") -> tuple[str, ...]:
    write(tmp_path, "tasks.d/copy.yaml", COPY)
    write(
        tmp_path, "jobs.d/a.yaml", f"jobs: {{a: {{task: {{type: copy, config: {config}}}{more}}}}}"
    )
    definitions = load_definitions(tmp_path).require()
    command = service_values(definitions.jobs["a"], Layout(), definitions.task_types)["command"]
    assert isinstance(command, tuple)
    return command


def test_parameters_are_arguments_never_text_for_a_shell(tmp_path: Path) -> None:
    command = commands(tmp_path, '{to: "/a b;$(c)", files: [-x, "y\\n{z}"], flags: [one, two]}')

    assert command == (
        "/usr/bin/cp",
        "--mode=5",
        "{x}",
        "-t/a b;$(c)",
        "one",
        "two",
        "--",
        "-x",
        "y\n{z}",
    )


def test_an_argument_without_its_parameter_is_left_out(tmp_path: Path) -> None:
    assert commands(tmp_path, "{to: /a, n: null}") == (
        "/usr/bin/cp",
        "--mode=5",
        "{x}",
        "-t/a",
        "--",
    )
    assert commands(tmp_path, "{to: /a, n: -1.5}")[-1] == "-1.5"


def test_a_job_has_the_keys_that_its_type_sets_and_its_own_before_them(tmp_path: Path) -> None:
    write(tmp_path, "tasks.d/copy.yaml", COPY)
    write(tmp_path, "config.yaml", "defaults: {timeout: 1min, owner: ops, retries: {delay: 9s}}")
    job = "task: {type: duplicate, config: {to: /a}}, retries: {max: 5}"
    write(tmp_path, "jobs.d/a.yaml", f"jobs: {{a: {{{job}}}, b: {{command: [b]}}}}")

    jobs = load_definitions(tmp_path).require().jobs

    a, b = jobs["a"], jobs["b"]
    assert (a.timeout, a.retries.max, a.retries.delay) == (
        timedelta(minutes=7),
        5,
        timedelta(seconds=9),
    )
    assert (a.user, a.owner) == ("nobody", "ops")
    assert (b.timeout, b.user) == (timedelta(minutes=1), "root")


def test_a_type_sets_conditions_for_its_jobs(tmp_path: Path) -> None:
    keys = (
        "handler: 'm:f', defaults: {conditions: {ac_power: true}, depends_on: [{unit: a.service}]}"
    )
    write(tmp_path, "tasks.d/t.yaml", f"tasks: {{t: {{{keys}}}}}\n")
    write(tmp_path, "jobs.d/a.yaml", "jobs: {a: {task: {type: t}}}\n")

    job = load_definitions(tmp_path).require().jobs["a"]

    assert list(job.conditions.directives()) == [("ConditionACPower", "true")]
    assert job.needed_units == ("a.service",)


@pytest.mark.parametrize(
    ("config", "place", "message", "fix"),
    [
        ("{}", (5, 14), "the parameter to is missing", "add to, as in to: /srv"),
        ("{to: 7}", (5, 19), "7 is not text", "The folder."),
        ("{flag: [a], to: a}", (5, 15), "unknown parameter 'flag'", "write flags"),
        ("{to: a, how: fst}", (5, 27), "'fst' is none of fast, slow; did you mean", ""),
        ("{to: a, flags: [a, 1]}", (5, 33), "1 is not text", ""),
        ("{to: a, flags: [-rf]}", (5, 29), "'-rf' begins with -", "-- before it"),
        ("{to: a, mode: true}", (5, 28), "true is not a whole number", "as in 5"),
    ],
)
def test_a_wrong_parameter_is_told_at_its_line(
    tmp_path: Path, config: str, place: tuple[int, int], message: str, fix: str
) -> None:
    write(tmp_path, "tasks.d/copy.yaml", COPY)
    text = f"jobs:\n  a:\n    task:\n     type: copy\n     config: {config}\n"
    write(tmp_path, "jobs.d/a.yaml", text)

    definitions = load_definitions(tmp_path)

    told = [(each.span.line, each.span.column, each.message) for each in definitions.problems]
    assert any((at, column) == place and message in words for at, column, words in told), told
    assert any(fix in each.fix for each in definitions.problems)
    assert "a" not in definitions.jobs


def test_a_type_of_the_administrator_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    shipped = next(iter(load_task_types(tmp_path / "tasks.d").everything))
    assert load_task_types(tmp_path / "tasks.d").own_name(shipped) == shipped
    write(tmp_path, "tasks.d/own.yaml", f"tasks: {{{shipped}: {{handler: 'mine:run'}}}}")

    types = load_task_types(tmp_path / "tasks.d")

    known = types.get(shipped)
    assert known is not None
    assert known.handler == "mine:run"
    assert types.defaults(shipped) == {}
    assert types.everything[shipped] is known


def test_a_name_with_a_path_in_it_is_no_shipped_type(tmp_path: Path) -> None:
    assert load_task_types(tmp_path).get(f"../types/{next(SHIPPED.glob('*.yaml')).stem}") is None


@pytest.mark.parametrize("name", sorted(path.stem for path in SHIPPED.glob("*.yaml")))
def test_a_shipped_type_is_declared_well(name: str) -> None:
    declared = read_types([SHIPPED / f"{name}.yaml"])

    assert declared.problems == ()
    assert list(declared.types) == [name]
    (known,) = declared.types.values()
    assert list(known.wrong_in_itself()) == []
    assert known.summary
    assert known.description.endswith("\n")
    assert known.example is not None
    assert known.parameters is not None
    assert known.parameters["additionalProperties"] is False
    for parameter, about in properties_of(known.parameters).items():
        assert about["description"].endswith("."), parameter


@pytest.mark.parametrize("name", sorted(path.stem for path in SHIPPED.glob("*.yaml")))
def test_a_shipped_type_has_an_example_that_is_a_job(name: str) -> None:
    example = Path(__file__).parents[3] / "examples" / "tasks" / f"{name}.yaml"

    definitions = load_files([example])

    assert definitions.problems == ()
    types = {job.task.type for job in definitions.jobs.values() if job.task}
    assert name in types


def test_what_is_missing_is_shown_as_it_can_be_written(tmp_path: Path) -> None:
    yaml = "jobs: {a: {task: {type: cost_analysis, config: {}}}}\n"
    write(tmp_path, "jobs.d/a.yaml", yaml)

    (problem,) = load_definitions(tmp_path).problems

    shown = problem.fix.removeprefix("add prices, as in ")
    write(tmp_path, "jobs.d/a.yaml", yaml.replace("config: {}", f"config: {{{shown}}}"))
    assert load_definitions(tmp_path).problems == ()
