# SPDX-License-Identifier: Apache-2.0
"""The JSON Schema accepts what the loader accepts, and refuses what an editor can know is wrong."""

from __future__ import annotations

import re
import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from debvisor_timers.jobs.document import Document
from debvisor_timers.jobs.files import SourceFile
from debvisor_timers.jobs.keys import table
from debvisor_timers.jobs.load import load_files
from debvisor_timers.jobs.scalar import NULL, Plain
from debvisor_timers.jobs.schema import config_schema, jobs_schema
from tests.unit.jobs.cases import CASES, ROOT

JOBS = Draft202012Validator(jobs_schema())
CONFIG = Draft202012Validator(config_schema())
EXAMPLES = sorted((ROOT / "examples").rglob("*.yaml"))


def as_editors_read(value: object) -> Any:
    """Return the value of the YAML 1.2 core schema, which editors validate."""
    if isinstance(value, dict):
        return {name: as_editors_read(item) for name, item in value.items()}
    if isinstance(value, list):
        return [as_editors_read(item) for item in value]
    if value is NULL:
        return None
    return value if not isinstance(value, Plain) else _plain(value)


def _plain(value: Plain) -> bool | int | float | str:
    return _WORDS[value] if value in _WORDS else _number(value)


_WORDS = {"true": True, "false": False}


def _number(value: str) -> int | float | str:
    if re.fullmatch(r"[-+]?[0-9]+", value):
        return int(value)
    if re.fullmatch(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?", value):
        return float(value)
    return str(value)


def read(text: str) -> Any:
    return as_editors_read(Document(SourceFile(path=Path("a"), text=text, digest="")).value)


def is_loaded(text: str, name: str = "a.yaml") -> bool:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)
        path.write_text(text, encoding="utf-8")
        return not any(problem.is_error for problem in load_files([path]).problems)


def job(keys: str) -> str:
    program = (
        "" if re.search(r"^(command|script):", keys, re.MULTILINE) else "    command: [/bin/true]\n"
    )
    lines = "".join(f"    {line}\n" for line in keys.splitlines())
    return f"jobs:\n  a:\n{program}{lines}"


@pytest.mark.parametrize("schema", [jobs_schema(), config_schema()])
def test_it_is_a_schema(schema: dict[str, Any]) -> None:
    Draft202012Validator.check_schema(schema)

    assert schema["$schema"] == "https://json-schema.org/draft/2020-12/schema"
    assert schema["$id"].startswith("https://")
    assert schema["title"]
    assert schema["additionalProperties"] is False


def test_each_key_is_described() -> None:
    job_properties = jobs_schema()["$defs"]["Job"]["properties"]

    for key in table():
        if "." not in key.name:
            assert key.help in job_properties[key.name]["description"]
            assert job_properties[key.name]["examples"] == [key.example]


@pytest.mark.parametrize("file", [*EXAMPLES, *CASES], ids=lambda file: file.stem)
def test_files_that_load_are_valid(file: Path) -> None:
    definitions = load_files([file])
    if any(problem.is_error for problem in definitions.problems):
        return

    schema = CONFIG if file.name == "config.yaml" else JOBS
    text = file.read_text(encoding="utf-8")

    assert [error.message for error in schema.iter_errors(read(text))] == []


@pytest.mark.parametrize(
    "keys",
    [
        "nmae: x",
        "id: a",
        "name: [x]",
        "name:",
        "schedule: {cron: '0 2 * * *', jitter: soon}",
        "schedule: {timezone: UTC}",
        "schedule: {cron: '0 2 * * *', on_calendar: daily}",
        "schedule: {cron: '0 2 * * *', catch_up: always}",
        "schedule: ['0 2 * * *']",
        "triggers: {boot: 5m}",
        "triggers: [{}]",
        "triggers: [{pathchanged: /x}]",
        "triggers: [{boot: 5m, success_of: [b]}]",
        "triggers: [{success_of: []}]",
        "triggers: [{success_of: [B]}]",
        "command: /bin/true",
        "command: []",
        "command: [[a]]",
        "command: [a]\nscript: b",
        "shell: sh",
        "tags: {a b: x}",
        "tags: {a: [x]}",
        "priority: urgent",
        "user: a b",
        "timeout: 5 parsecs,",
        "timeout: -5",
        "environment: {1A: x}",
        "environment: {A: {b: c}}",
        "environment_files: /etc/x",
        "environment_files: [x]",
        "working_directory: x",
        "sandbox: true",
        "resources: {memory_max: 1GB}",
        "resources: {cpu_quota: 3}",
        "resources: {tasks_max: 0}",
        "resources: {tasks_max: '5'}",
        "resources: {io_weight: 10001}",
        "resources: {swap: 1}",
        "depends_on: [libvirtd.service]",
        "depends_on: [{unit: libvirtd}]",
        "depends_on: [{job: b, unit: b.service}]",
        "depends_on: [{type: after}]",
        "depends_on: [{job: b, type: needs}]",
        "depends_on: {job: b}",
        "depends_on: [[b]]",
        "conflicts_with: [{policy: skip}]",
        "conflicts_with: [{job: b, policy: kill}]",
        "conflicts_with: b",
        "pool: {slots: 2}",
        "pool: {name: a, slots: 0}",
        "pool: A_B",
        "overlap: both",
        "where: {hosts: [a]}",
        "where: {host: []}",
        "where: {vm_active: -a}",
        "notify: [ops]",
        "notify: {failure: [Ops!]}",
        "retries: 3",
        "retries: {max: -1}",
        "retries: {max: '3'}",
        "retries: {factor: 0.5}",
        "retries: {on: []}",
        "retries: {on: [crash]}",
        "retries: {never_on_exit: [256]}",
        "retries: {never_on_exit: [251]}",
        "total_timeout: soon,",
        "enabled: yes",
        "enabled: 'true'",
        "unit: {Install: {WantedBy: x}}",
        "unit: {Service: {ExecStart: x}}",
        "unit: {Service: {nice: 5}}",
        "unit: {Service: {Nice: }}",
        "unit: {Service: {Nice: []}}",
        "unit: {Timer: {OnCalendar: daily}}",
        "unit: {Unit: {Requires: x.service}}",
    ],
)
def test_both_refuse(keys: str) -> None:
    text = job(keys)

    assert not is_loaded(text)
    assert not JOBS.is_valid(read(text))


@pytest.mark.parametrize(
    "text",
    ["jobs: [a]\n", "job: {}\n", "jobs: {A: {script: x}}\n", "jobs: {a: }\n", "jobs: {a: {}}\n"],
)
def test_both_refuse_a_file(text: str) -> None:
    assert not is_loaded(text)
    assert not JOBS.is_valid(read(text))


@pytest.mark.parametrize("text", ["jobs:\n", "jobs: {}\n", "{}\n"])
def test_both_accept_a_file(text: str) -> None:
    assert is_loaded(text)
    assert JOBS.is_valid(read(text))


@pytest.mark.parametrize(
    ("text", "fits"),
    [
        ("defaults:\n", True),
        ("defaults: {timeout: 5min, schedule: {timezone: UTC}}\n", True),
        ("defaults: {schedule: {cron: '@daily'}}\n", False),
        ("defaults: {schedule: '@daily'}\n", False),
        ("defaults: {command: [a]}\n", False),
        ("defaults: {environment: {1A: x}}\n", False),
        ("defaults: {retries: {max: 2}, pool: backup, notify: {failure: ops}}\n", True),
        ("defaults: {conflicts_with: [a]}\n", False),
        ("pools: {backup: 2, default: 10}\n", True),
        ("pools: {backup: 0}\n", False),
        ("channels: {ops: {exec: [/usr/local/bin/tell]}}\n", True),
        ("channels: {ops: {mail: [a@example.org]}}\n", False),
        ("keep_generations: 0\n", False),
        ("keep_generation: 5\n", False),
    ],
)
def test_both_judge_a_config_alike(text: str, fits: bool) -> None:
    assert is_loaded(text, "config.yaml") == fits
    assert CONFIG.is_valid(read(text)) == fits


SCALARS = st.sampled_from(
    """
    x|/x|-/x|~|'~'|yes|true|false|0|1|64|'64'|0123|1.5|-1|90|5min|1h 30min|infinity|50%|300%|1G|1GB
    |@daily|'@daily'|'0 2 * * *'|0 2 * * *|UTC|Europe/Amsterdam|once|skip|high|strict|root|'a b'|''
    |a.service|network-online.target|2026-12-25|1e3|null
    """.replace("\n    ", "").split("|")
)
NAMES = st.sampled_from(
    ["A", "a", "cron", "boot", "unit", "timezone", "catch_up", "on_calendar", "job", "name", "max"]
) | (st.sampled_from(["memory_max", "cpu_quota", "tasks_max", "Service", "Unit", "Nice", "Wants"]))
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=2).map(lambda items: f"[{', '.join(items)}]")
        | st.dictionaries(NAMES, inner, max_size=2).map(
            lambda items: "{" + ", ".join(f"{name}: {value}" for name, value in items.items()) + "}"
        )
    ),
    max_leaves=4,
)
KEYS = st.sampled_from([key.name for key in table() if "." not in key.name])


@settings(max_examples=500, deadline=None)
@example({"user": "true"})
@example({"schedule": "{on_calendar: 64}"})
@given(st.dictionaries(KEYS, VALUES, min_size=1, max_size=2))
def test_what_the_loader_accepts_editors_accept(keys: dict[str, str]) -> None:
    text = job("\n".join(f"{name}: {value}" for name, value in keys.items()))

    if is_loaded(text):
        assert [error.message for error in JOBS.iter_errors(read(text))] == []


@settings(max_examples=300, deadline=None)
@given(KEYS, st.sampled_from(["{a: {b: {c: d}}}", "[[[x]]]", "[{a: [b]}]", "{}", "null"]))
def test_what_has_the_wrong_shape_is_refused_by_both_or_none(name: str, value: str) -> None:
    text = job(f"{name}: {value}")

    assert is_loaded(text) == JOBS.is_valid(read(text))
