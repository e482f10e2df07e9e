# SPDX-License-Identifier: Apache-2.0
"""config.yaml: defaults go under the keys of a job, and their errors are told once."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from debvisor_timers.jobs.catch_up import ONCE
from debvisor_timers.jobs.load import Definitions, load_definitions
from debvisor_timers.jobs.model import Job


def load(tmp_path: Path, config: str, jobs: str) -> Definitions:
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "config.yaml").write_text(config, encoding="utf-8")
    (tmp_path / "jobs.d" / "a.yaml").write_text(jobs, encoding="utf-8")
    return load_definitions(tmp_path)


def job(tmp_path: Path, defaults: str, keys: str) -> Job:
    text = f"jobs:\n  a: {{script: x, {keys}}}\n"
    return load(tmp_path, f"defaults: {defaults}\n", text).require().jobs["a"]


def messages(definitions: Definitions) -> list[str]:
    return [
        f"{problem.span.file.name}:{problem.span.line}:{problem.span.column} "
        f"{problem.key}: {problem.message}"
        for problem in definitions.problems
    ]


def test_a_default_counts_where_the_job_says_nothing(tmp_path: Path) -> None:
    assert job(tmp_path, "{timeout: 5min}", "").timeout == timedelta(minutes=5)


def test_the_job_wins(tmp_path: Path) -> None:
    found = job(tmp_path, "{timeout: 5min, user: backup}", "timeout: infinity")

    assert (found.timeout, found.user) == (None, "backup")


def test_mappings_are_merged_key_by_key_at_every_depth(tmp_path: Path) -> None:
    found = job(
        tmp_path,
        "{environment: {A: a, B: b}, unit: {Service: {Nice: 1, LimitNOFILE: '077'}}}",
        "environment: {B: c, C: d}, unit: {Service: {Nice: 2}, Unit: {After: x.service}}",
    )

    assert found.environment == {"A": "a", "B": "c", "C": "d"}
    assert found.unit.Service == {"Nice": ("2",), "LimitNOFILE": ("077",)}
    assert found.unit.Unit == {"After": ("x.service",)}


def test_lists_are_replaced(tmp_path: Path) -> None:
    found = job(tmp_path, "{environment_files: [/a, /b]}", "environment_files: [/c]")

    assert found.environment_files == ("/c",)


def test_the_default_schedule_goes_under_a_bare_cron_expression(tmp_path: Path) -> None:
    found = job(
        tmp_path, "{schedule: {timezone: Asia/Tokyo, catch_up: once}}", 'schedule: "0 2 * * *"'
    )

    assert found.schedule is not None
    assert found.schedule.cron == "0 2 * * *"
    assert found.schedule.timezone == "Asia/Tokyo"
    assert found.schedule.catch_up == ONCE


def test_the_default_schedule_makes_no_schedule(tmp_path: Path) -> None:
    assert job(tmp_path, "{schedule: {catch_up: once}}", "").schedule is None


def test_an_error_in_a_default_is_told_once_and_the_jobs_load(tmp_path: Path) -> None:
    definitions = load(
        tmp_path,
        "defaults: {timeout: 3x, user: backup}\n",
        "jobs:\n  a: {script: x}\n  b: {script: x}\n",
    )

    assert messages(definitions) == [
        "config.yaml:1:22 defaults.timeout: '3x' is not a duration: unknown unit 'x'"
    ]
    assert [found.user for found in definitions.jobs.values()] == ["backup", "backup"]


@pytest.mark.parametrize(
    "key", ["name: x", "command: [x]", "script: x", "triggers: []", "input: x"]
)
def test_what_a_job_is_cannot_be_a_default(tmp_path: Path, key: str) -> None:
    definitions = load(tmp_path, f"defaults: {{{key}}}\n", "jobs: {a: {script: x}}\n")

    name = key.partition(":")[0]
    assert messages(definitions) == [f"config.yaml:1:12 defaults: unknown key '{name}'"] or (
        definitions.problems[0].message.startswith(f"unknown key '{name}'; did you mean")
    )


@pytest.mark.parametrize("text", ["# only a comment\n", "defaults:\n", "{}\n"])
def test_a_config_that_says_nothing(tmp_path: Path, text: str) -> None:
    definitions = load(tmp_path, text, "jobs: {a: {script: x}}\n")

    assert definitions.problems == ()
    assert definitions.config.keep_generations == 50


@pytest.mark.parametrize("text", ["", "\n \n"])
def test_an_empty_config_is_warned_of_since_the_defaults_may_be_lost(
    tmp_path: Path, text: str
) -> None:
    definitions = load(tmp_path, text, "jobs: {a: {script: x}}\n").require()

    assert messages(definitions) == [
        "config.yaml:0:0 : the file is empty: nothing is set, and jobs have no defaults"
    ]
    assert definitions.jobs.keys() == {"a"}


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("keep_generations: 0\n", "1:19 keep_generations: 0 is outside 1-100000"),
        ("starts_per_minute: 0\n", "1:20 starts_per_minute: 0 is outside 1-10000"),
        ("keep_generations:\n", "1:1 keep_generations: has no value"),
        ("defaults: [a]\n", "1:11 defaults: a list is not a mapping"),
        ("- a\n", "1:1 : a mapping was expected"),
        ("defaults: {a: b\n", "1:11 : this '{' is never closed"),
        (
            "web: {connections_per_client: 2001}\n",
            "1:31 web.connections_per_client: 2001 is outside 1-2000",
        ),
    ],
)
def test_a_wrong_config(tmp_path: Path, text: str, message: str) -> None:
    definitions = load(tmp_path, text, "jobs: {a: {script: x}}\n")

    assert messages(definitions) == [f"config.yaml:{message}"]
    assert list(definitions.jobs) == ["a"]


def test_a_dangling_config_is_an_error_and_not_passed_over(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").symlink_to("/nowhere")

    (problem,) = load_definitions(tmp_path).problems

    assert problem.message == "is a link to /nowhere, which does not exist"
