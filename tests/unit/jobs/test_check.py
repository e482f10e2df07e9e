# SPDX-License-Identifier: Apache-2.0
"""What this host lacks is told as a warning, and what it has is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from debvisor_timers.jobs.check import check_host
from debvisor_timers.jobs.model import Job
from debvisor_timers.source import Severity, Span

PLACE = Span(file=Path("a.yaml"), line=3, column=3, length=1)


def told(**keys: Any) -> list[str]:
    program = {} if "script" in keys else {"command": ["/bin/sh"]}
    job = Job.model_validate({"id": "a", "source": PLACE, **program, **keys})
    problems = check_host(job)
    assert all(problem.severity is Severity.WARNING for problem in problems)
    assert all(problem.span == PLACE and problem.fix for problem in problems)
    return [f"{problem.key}: {problem.message}" for problem in problems]


@pytest.mark.parametrize(
    "keys",
    [
        {},
        {"user": "nobody", "group": "root"},
        {"user": "54321", "group": "54321"},
        {"command": ["sh"]},
        {"script": "x"},
        {"environment_files": ["-/nowhere", "/etc/passwd", "/etc/pass*"]},
        {"working_directory": "/tmp"},
        {"working_directory": "~"},
        {"working_directory": "/"},
    ],
)
def test_nothing_is_said_of_what_is_there(keys: dict[str, Any]) -> None:
    assert told(**keys) == []


def test_users_and_groups() -> None:
    assert told(user="no-such-user", group="no-such-group") == [
        "user: there is no user 'no-such-user' on this host",
        "group: there is no group 'no-such-group' on this host",
    ]


def test_programs(tmp_path: Path) -> None:
    plain = tmp_path / "plain"
    plain.touch(mode=0o644)

    assert told(command=["/nowhere/x"]) == ["command: '/nowhere/x' does not exist on this host"]
    assert told(command=[str(plain)]) == [f"command: '{plain}' is not an executable file"]
    assert told(command=[str(tmp_path)]) == [f"command: '{tmp_path}' is not an executable file"]
    assert told(script="x", shell="/bin/nosh") == ["shell: '/bin/nosh' does not exist on this host"]
    assert told(command=["sh"], environment={"PATH": str(tmp_path)}) == [
        f"command: there is no program 'sh' in {tmp_path}"
    ]


def test_files() -> None:
    assert told(environment_files=["/nowhere"], working_directory="/nowhere") == [
        "environment_files: '/nowhere' does not exist on this host",
        "working_directory: '/nowhere' does not exist on this host",
    ]
