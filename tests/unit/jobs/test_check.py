# SPDX-License-Identifier: Apache-2.0
"""What this host lacks is told as a warning, and what it has is not."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from debvisor_timers.jobs.check import check_host
from debvisor_timers.jobs.load import load_files
from debvisor_timers.jobs.model import Job
from debvisor_timers.source import Severity, Span, format_problem

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


def test_an_environment_file_that_others_can_change_is_an_error(tmp_path: Path) -> None:
    """It would reach our programs that run as root: LD_PRELOAD= in it makes its writer root."""
    (tmp_path / "env").touch()
    (tmp_path / "env").chmod(0o666)
    files = [str(tmp_path / "env"), f"-{tmp_path / 'env'}"]
    of = {"id": "a", "source": PLACE, "command": ["/bin/sh"], "environment_files": files}

    problems = check_host(Job.model_validate(of))

    assert [problem.severity for problem in problems] == [Severity.ERROR] * 2
    assert all("can be changed by others than root" in problem.message for problem in problems)


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


def test_a_warning_stands_at_the_value(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(
        "jobs:\n  a:\n    command: [/nowhere/x]\n    environment_files: [-/a, /nowhere]\n",
        encoding="utf-8",
    )

    problems = check_host(load_files([path]).jobs["a"])

    assert [format_problem(problem).replace(f"{tmp_path}/", "") for problem in problems] == [
        (
            "a.yaml:3:15: warning: command: '/nowhere/x' does not exist on this host\n"
            "    3 |     command: [/nowhere/x]\n"
            "      |               ^^^^^^^^^^\n"
            " fix: install it, or correct it"
        ),
        (
            "a.yaml:4:30: warning: environment_files: '/nowhere' does not exist on this host\n"
            "    4 |     environment_files: [-/a, /nowhere]\n"
            "      |                              ^^^^^^^^\n"
            " fix: create it, or write -/nowhere if it may be missing"
        ),
    ]


def test_a_warning_on_a_default_stands_at_the_job(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_text("defaults: {user: no-such-user}\n", encoding="utf-8")
    path = tmp_path / "a.yaml"
    path.write_text("jobs:\n  a: {script: x}\n", encoding="utf-8")

    (problem,) = check_host(load_files([path], config=tmp_path).jobs["a"])

    assert str(problem.span) == f"{path}:2:3"
    assert problem.message == (
        "there is no user 'no-such-user' on this host (from the defaults in config.yaml)"
    )


def test_credentials(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    own, public, folder = tmp_path / "own", tmp_path / "public", tmp_path / "folder"
    folder.mkdir(mode=0o755)
    for path, mode in ((own, 0o600), (public, 0o644), (folder / "a", 0o600), (folder / "b", 0o644)):
        path.touch()
        path.chmod(mode)
    reachable = all(parent.stat().st_mode & 0o001 for parent in tmp_path.parents)
    open_to_all = [
        f"credentials.public: '{public}' can be read by everybody on this host",
        f"credentials.folder: '{folder / 'b'}' can be read by everybody on this host",
    ]

    found = told(
        credentials={"own": str(own), "public": str(public), "folder": str(folder)},
        encrypted_credentials={"public2": str(public)},
    )

    assert found == (open_to_all if reachable else [])


def test_a_credential_in_a_closed_folder_is_closed(tmp_path: Path) -> None:
    (tmp_path / "closed").mkdir(mode=0o700)
    (tmp_path / "closed" / "token").touch(mode=0o644)

    assert told(credentials={"token": str(tmp_path / "closed" / "token")}) == []


def test_missing_credentials() -> None:
    assert told(credentials={"a": "/nowhere/a"}, encrypted_credentials={"b": "/nowhere/b"}) == [
        "credentials.a: '/nowhere/a' does not exist on this host",
        "encrypted_credentials.b: '/nowhere/b' does not exist on this host",
    ]


def test_a_secret_in_the_environment_is_told_without_the_secret(tmp_path: Path) -> None:
    path = tmp_path / "a.yaml"
    path.write_text(
        "jobs:\n  a:\n    script: x\n    environment: {A: b, DB_PASSWORD: hunter2}\n",
        encoding="utf-8",
    )

    (problem,) = check_host(load_files([path]).jobs["a"])

    assert format_problem(problem).replace(f"{tmp_path}/", "") == (
        "a.yaml:4:38: warning: environment.DB_PASSWORD: looks like a secret (its name says so), "
        "and everybody on the host can read it\n"
        " fix: put it into a file for root alone, and write credentials: {db-password: FILE}; "
        "the program reads $CREDENTIALS_DIRECTORY/db-password"
    )
