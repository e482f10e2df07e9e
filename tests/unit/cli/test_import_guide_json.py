# SPDX-License-Identifier: Apache-2.0
"""import guide-json: what the original scheduler kept becomes job files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from debvisor_timers.jobs.load import load_definitions
from tests.unit.cli.program import Program
from tests.unit.operations.world import World

BACKUP: dict[str, Any] = {
    "job_id": "f8a2d3c4",
    "name": "Daily Backup",
    "cron_expression": "0 2 * * *",
    "task_type": "take_snapshot",
    "task_config": {"vm_id": "vm-123", "retention_days": 7, "quiesce": True, "label": "1e3"},
    "priority": 2,
    "owner": "admin",
    "enabled": True,
    "timeout_seconds": 1800,
    "max_retries": 3,
    "tags": {"environment": "production"},
    "description": "Kept for\na week.",
    "dependencies": [],
    "execution_count": 28,
    "last_execution": "2025-11-27T02:00:00",
}
VERIFY: dict[str, Any] = {
    "job_id": "VERIFY_01",
    "name": "Verify",
    "cron_expression": {
        "minute": 0,
        "hour": "3",
        "day_of_month": "*",
        "month": "*",
        "day_of_week": "1-5",
    },
    "task_type": "verify_backup",
    "priority": "LOW",
    "dependencies": [
        {"job_id": "f8a2d3c4", "dependency_type": "requires", "timeout_seconds": 3600},
        {"job_id": "gone", "dependency_type": "optional"},
        {"job_id": "f8a2d3c4", "dependency_type": "conflicts"},
    ],
    "enabled": False,
}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    folder = tmp_path / "scheduler"
    folder.mkdir()
    (folder / "f8a2d3c4.json").write_text(json.dumps(BACKUP), encoding="utf-8")
    (folder / "VERIFY_01.json").write_text(json.dumps(VERIFY), encoding="utf-8")
    return folder


def test_files_of_the_original_become_job_files(
    program: Program, world: World, folder: Path
) -> None:
    answer = program("import", "guide-json", str(folder), "--write")

    assert answer.code == 0, answer.err
    assert "2 jobs written, 0 unchanged, 0 left" in answer.out
    text = (world.layout.jobs / "f8a2d3c4.yaml").read_text(encoding="utf-8")
    assert text == (
        "# Imported from f8a2d3c4.json.\n"
        "jobs:\n"
        "  f8a2d3c4:\n"
        "    name: Daily Backup\n"
        '    description: "Kept for a week."\n'.replace('"', "")
        + '    schedule: {cron: "0 2 * * *", timezone: UTC}\n'
        "    task:\n"
        "      type: take_snapshot\n"
        '      config: {vm_id: vm-123, retention_days: 7, quiesce: true, label: "1e3"}\n'
        "    owner: admin\n"
        "    priority: high\n"
        "    timeout: 1800s\n"
        "    retries: {max: 3}\n"
        "    tags: {environment: production}\n"
        "    enabled: true\n"
    )


def test_what_is_read_back_is_what_was_there(program: Program, world: World, folder: Path) -> None:
    program("import", "guide-json", str(folder), "--write")

    jobs = load_definitions(world.layout.config).require().jobs
    backup, verify = jobs["f8a2d3c4"], jobs["verify-01"]
    assert backup.task is not None
    assert backup.task.config == BACKUP["task_config"]
    assert verify.schedule is not None
    assert (verify.schedule.cron, verify.schedule.timezone) == ("0 3 * * 1-5", "UTC")
    assert [(one.job, str(one.type)) for one in verify.depends_on] == [
        ("f8a2d3c4", "requires"),
        ("gone", "optional"),
    ]
    assert [one.job for one in verify.conflicts_with] == ["f8a2d3c4"]
    assert (str(verify.priority), verify.enabled) == ("low", False)


def test_what_is_not_as_it_was_is_said(program: Program, folder: Path) -> None:
    answer = program("import", "guide-json", str(folder))

    assert "the id 'VERIFY_01' cannot be one here: the job is verify-01" in answer.err
    assert "counters are no history" in answer.err
    assert "execution_count, last_execution" in answer.err
    assert "times without a zone were UTC" in answer.err
    assert "No handler for task type: take_snapshot" in answer.err


def test_without_write_it_prints_one_job_file(program: Program, world: World, folder: Path) -> None:
    answer = program("import", "guide-json", str(folder))

    world.write(answer.out)
    assert load_definitions(world.layout.config).require().jobs.keys() == {"f8a2d3c4", "verify-01"}


def test_a_second_import_changes_nothing(program: Program, world: World, folder: Path) -> None:
    program("import", "guide-json", str(folder), "--write")
    file = world.layout.jobs / "verify-01.yaml"
    file.write_text(file.read_text(encoding="utf-8") + "# mine\n", encoding="utf-8")
    before = {path: path.read_bytes() for path in world.layout.jobs.iterdir()}

    answer = program("import", "guide-json", str(folder), "--write")

    assert {path: path.read_bytes() for path in world.layout.jobs.iterdir()} == before
    assert "! verify-01  is there already and is another: left as it is" in answer.out
    assert "0 jobs written, 1 unchanged, 1 left" in answer.out


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"cron_expression": "0 25 * * *"}, "cron_expression: hour 25"),
    ({"cron_expression": {"minute": 0}}, "cron_expression.hour: is missing"),
    ({"cron_expression": None}, "cron_expression: is missing"),
    ({"priority": 7}, "priority: '7' is no priority"),
    ({"priority": True}, "priority: 'True' is no priority"),
    ({"timeout_seconds": "long"}, "timeout_seconds: 'long' is no number of seconds"),
    ({"max_retries": -1}, "max_retries: '-1' is no number of retries"),
    ({"enabled": "yes"}, "enabled: 'yes' is neither true nor false"),
    ({"tags": ["production"]}, "tags[0]: 'production' is not NAME=VALUE"),
    ({"timezone": "Mars/Olympus"}, "timezone: "),
    ({"dependencies": ["gone"]}, "dependencies[0].job_id: there is no job 'gone'"),
    (
        {"dependencies": [{"job_id": "VERIFY_01", "dependency_type": "before"}]},
        "dependencies[0].dependency_type: 'before' is no type of dependency",
    ),
    ({"task_type": "vm snapshot"}, "task_type: "),
    ({"task_config": [1]}, "task_type: has a task_config that is not a mapping"),
    ({"job_id": 12}, "job_id: is missing, or is not text"),
    ({"job_id": "VERIFY_01"}, "job_id: the id 'VERIFY_01' is there twice"),
]


@pytest.mark.parametrize(("change", "message"), WRONG, ids=lambda value: str(value)[:40])
def test_each_wrong_field_is_named_and_nothing_is_written(
    program: Program, world: World, folder: Path, change: dict[str, Any], message: str
) -> None:
    (folder / "f8a2d3c4.json").write_text(json.dumps({**BACKUP, **change}), encoding="utf-8")
    verify = {**VERIFY, "dependencies": []}
    (folder / "VERIFY_01.json").write_text(json.dumps(verify), encoding="utf-8")

    answer = program("import", "guide-json", str(folder), "--write")

    assert answer.code == 3
    assert f".json: error: {message}" in answer.err
    assert list(world.layout.jobs.iterdir()) == []


def test_an_unknown_field_is_named_and_left_out(program: Program, folder: Path) -> None:
    strange = {**BACKUP, "colour": "red"}
    (folder / "f8a2d3c4.json").write_text(json.dumps(strange), encoding="utf-8")

    answer = program("import", "guide-json", str(folder))

    assert answer.code == 0
    assert "warning: colour: is no field that is known: it is left out" in answer.err


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b'{"a": 1,\n }', "bad.json:"),
        (b"\xff\xfe", "is not UTF-8"),
        (b'{"a": 1}', "is no job of the original"),
        (b"[1]", "is no list of jobs"),
        (b"[" * 5000, "is no JSON that can be read"),
    ],
)
def test_files_that_are_no_jobs_are_named(
    program: Program, folder: Path, data: bytes, message: str
) -> None:
    (folder / "bad.json").write_bytes(data)

    answer = program("import", "guide-json", str(folder))

    assert answer.code == 3
    assert message in answer.err
    assert "Traceback" not in answer.err


def test_an_empty_folder_and_a_missing_file_are_named(program: Program, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    answer = program("import", "guide-json", str(tmp_path / "empty"), str(tmp_path / "none.json"))

    assert answer.code == 3
    assert "there is no *.json file in this folder" in answer.err
    assert "cannot be read: no such file or directory" in answer.err
