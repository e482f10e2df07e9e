# SPDX-License-Identifier: Apache-2.0
"""Loading: which files are read, in which order, and what stands in their way."""

from __future__ import annotations

import hashlib
import os
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path

import pytest

from debvisor_timers.errors import DefinitionError, ExitCode
from debvisor_timers.jobs.catch_up import SKIP
from debvisor_timers.jobs.load import Definitions, load_definitions, load_files
from debvisor_timers.source import Severity, Span, format_problem

JOB = "jobs:\n  {}: {{command: [/bin/true]}}\n"


def write(config: Path, name: str, text: str) -> Path:
    path = config / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def told(definitions: Definitions, config: Path) -> list[str]:
    return [format_problem(problem).replace(f"{config}/", "") for problem in definitions.problems]


def test_no_files_are_no_jobs(tmp_path: Path) -> None:
    definitions = load_definitions(tmp_path / "missing")

    assert (definitions.jobs, definitions.problems, definitions.sources) == ({}, (), {})
    assert definitions.config.keep_generations == 50


def test_files_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    write(tmp_path, "jobs.d/20.yaml", JOB.format("a"))
    write(tmp_path, "jobs.d/10.yaml", JOB.format("b"))
    write(tmp_path, "jobs.d/.hidden.yaml", "not: looked at")
    write(tmp_path, "jobs.d/10.yaml~", "not: looked at")
    write(tmp_path, "jobs.d/README", "not: looked at")

    definitions = load_definitions(tmp_path)

    assert list(definitions.jobs) == ["b", "a"]
    assert definitions.problems == ()


def test_a_job_knows_where_it_stands(tmp_path: Path) -> None:
    path = write(tmp_path, "jobs.d/a.yaml", "# one\njobs:\n  first-job:\n    script: x\n")

    job = load_definitions(tmp_path).jobs["first-job"]

    assert job.source == Span(file=path, line=3, column=3, length=9)


def test_sources_carry_the_digest_of_each_file(tmp_path: Path) -> None:
    one = write(tmp_path, "jobs.d/a.yaml", JOB.format("a"))
    two = write(tmp_path, "config.yaml", "keep_generations: 7\n")

    definitions = load_definitions(tmp_path)

    assert definitions.sources == {
        path: hashlib.sha256(path.read_bytes()).hexdigest() for path in (one, two)
    }
    assert definitions.config.keep_generations == 7


def test_problems_of_all_files_come_at_once_and_in_order(tmp_path: Path) -> None:
    write(tmp_path, "jobs.d/b.yaml", 'jobs:\n  b:\n    schedule: "0 25 * * *"\n    script: x\n')
    write(tmp_path, "jobs.d/a.yaml", "jobs:\n  a:\n    name: x\n    nmae: y\n")

    definitions = load_definitions(tmp_path)

    assert told(definitions, tmp_path) == [
        (
            "jobs.d/a.yaml:2:3: error: has neither command nor script nor task\n"
            "    2 |   a:\n"
            "      |   ^\n"
            " fix: add one: command: [/usr/bin/program, argument]"
        ),
        (
            "jobs.d/a.yaml:4:5: error: unknown key 'nmae'; did you mean 'name'?\n"
            "    4 |     nmae: y\n"
            "      |     ^^^^\n"
            " fix: write name, or remove it"
        ),
        (
            "jobs.d/b.yaml:3:18: error: schedule: hour 25 is outside 0-23\n"
            '    3 |     schedule: "0 25 * * *"\n'
            "      |                  ^^\n"
            " fix: use an hour from 0 to 23"
        ),
    ]


def test_require_raises_for_errors_with_all_problems(tmp_path: Path) -> None:
    write(tmp_path, "jobs.d/a.yaml", "jobs:\n  a: {nmae: y, script: x}\n")
    write(tmp_path, "jobs.d/b.yaml", "# nothing\n")
    definitions = load_definitions(tmp_path)

    with pytest.raises(DefinitionError) as raised:
        definitions.require()

    assert len(raised.value.problems) == 2
    assert raised.value.exit_code is ExitCode.DEFINITIONS


def test_require_passes_over_warnings(tmp_path: Path) -> None:
    write(tmp_path, "jobs.d/b.yaml", "jobs: {}\n")

    definitions = load_definitions(tmp_path).require()

    assert [problem.severity for problem in definitions.problems] == [Severity.WARNING]


@pytest.mark.parametrize("text", ["", "\n", " \n\n"])
def test_an_empty_file_is_an_error_since_it_may_have_been_cut_off(
    tmp_path: Path, text: str
) -> None:
    write(tmp_path, "jobs.d/a.yaml", JOB.format("kept"))
    write(tmp_path, "jobs.d/b.yaml", text)

    (problem,) = load_definitions(tmp_path).problems

    assert (problem.span.file.name, problem.message) == ("b.yaml", "the file is empty")
    assert problem.is_error
    assert problem.fix == "write jobs: {} if it is to hold none, or remove the file"


def test_an_id_in_two_files_names_both(tmp_path: Path) -> None:
    write(tmp_path, "jobs.d/a.yaml", JOB.format("same"))
    write(tmp_path, "jobs.d/b.yaml", "\n" + JOB.format("same"))

    (problem,) = load_definitions(tmp_path).problems

    assert str(problem.span) == f"{tmp_path}/jobs.d/b.yaml:3:3"
    assert problem.message == "the job 'same' is defined a second time"
    assert f"{tmp_path}/jobs.d/a.yaml:2:3" in problem.fix


def test_a_job_with_a_problem_is_missing_and_the_others_are_there(tmp_path: Path) -> None:
    write(tmp_path, "jobs.d/a.yaml", "jobs:\n  a: {script: x, y: z}\n  b: {script: x}\n")

    assert list(load_definitions(tmp_path).jobs) == ["b"]


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may read everything: become somebody who may not."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)


def let_others_in(folder: Path) -> None:
    """Open the folders that pytest made, down to `folder`: it keeps them to itself."""
    while folder.parent != folder and folder.stat().st_mode & stat.S_ISVTX == 0:
        folder.chmod(0o755)
        folder = folder.parent


DENIED = (
    "cannot be read: permission denied\n"
    " fix: run this as root, or as a member of the group debvisor-timers"
)


def test_a_file_without_permission(tmp_path: Path) -> None:
    path = write(tmp_path, "jobs.d/a.yaml", JOB.format("a"))
    path.chmod(0)
    let_others_in(tmp_path)

    with as_nobody():
        definitions = load_definitions(tmp_path)

    assert told(definitions, tmp_path) == [
        (
            "jobs.d/a.yaml: error: cannot be read: permission denied\n"
            " fix: run this as root; for the group:"
            " chgrp debvisor-timers jobs.d/a.yaml; chmod g+r jobs.d/a.yaml"
        )
    ]


def test_a_folder_without_permission(tmp_path: Path) -> None:
    write(tmp_path, "jobs.d/a.yaml", JOB.format("a"))
    let_others_in(tmp_path)
    (tmp_path / "jobs.d").chmod(0)

    with as_nobody():
        definitions = load_definitions(tmp_path)
    (tmp_path / "jobs.d").chmod(0o755)

    assert told(definitions, tmp_path) == [f"jobs.d: error: {DENIED}"]


def test_a_config_folder_without_permission(tmp_path: Path) -> None:
    config = tmp_path / "timers"
    write(config, "config.yaml", "keep_generations: 7\n")
    let_others_in(tmp_path)
    config.chmod(0)

    with as_nobody():
        definitions = load_definitions(config)
    config.chmod(0o755)

    assert told(definitions, config) == [f"jobs.d: error: {DENIED}"]


def test_what_is_no_file(tmp_path: Path) -> None:
    jobs = tmp_path / "jobs.d"
    (jobs / "dir.yaml").mkdir(parents=True)
    (jobs / "gone.yaml").symlink_to("/nowhere/at-all")
    (jobs / "loop.yaml").symlink_to("loop.yaml")
    os.mkfifo(jobs / "pipe.yaml")
    (jobs / "short.yml").touch()

    assert told(load_definitions(tmp_path), tmp_path) == [
        (
            "jobs.d/dir.yaml: error: is a directory, not a file\n"
            " fix: job files lie side by side; rename it"
        ),
        (
            "jobs.d/gone.yaml: error: is a link to /nowhere/at-all, which does not exist\n"
            " fix: remove or mend the link"
        ),
        (
            "jobs.d/loop.yaml: error: cannot be read: too many levels of symbolic links\n"
            " fix: check the file and its folder"
        ),
        "jobs.d/pipe.yaml: error: is not a regular file\n fix: remove it, or write a file",
        (
            "jobs.d/short.yml: error: would not be read: job files end in .yaml\n"
            " fix: mv short.yml short.yaml"
        ),
    ]


def test_jobs_d_that_is_a_file(tmp_path: Path) -> None:
    write(tmp_path, "jobs.d", "")

    (problem,) = load_definitions(tmp_path).problems

    assert problem.message == "cannot be read: not a directory"


def test_a_file_of_10_megabytes(tmp_path: Path) -> None:
    write(tmp_path, "jobs.d/a.yaml", "#" * 10_000_000)

    assert told(load_definitions(tmp_path), tmp_path) == [
        "jobs.d/a.yaml: error: is larger than 8 MiB\n fix: split it into several files"
    ]


@pytest.mark.parametrize("opening", ["[", "- ", "{a: ", "? "])
def test_deep_nesting_is_an_error_and_no_crash(tmp_path: Path, opening: str) -> None:
    write(tmp_path, "jobs.d/a.yaml", opening * 1_000_000)
    code = (
        "import sys; from pathlib import Path; from debvisor_timers.jobs.load import *;"
        "print(*[p.message for p in load_definitions(Path(sys.argv[1])).problems])"
    )

    run = subprocess.run(
        [sys.executable, "-c", code, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
        cwd=Path(__file__).parents[3],
    )

    assert run.stdout == "nested more than 32 levels deep\n"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"\xef\xbb\xbfjobs: {}\n", "begins with a byte order mark"),
        ("jobs: {}\n".encode("utf-16"), "is UTF-16, not UTF-8"),
        (b"a: \x00\n", "holds the control character U+0000"),
        (b"a: \xed\xa0\x80\n", "byte 4 of the file (0xED) is not UTF-8"),
    ],
)
def test_bytes_that_are_no_text(tmp_path: Path, data: bytes, message: str) -> None:
    path = write(tmp_path, "jobs.d/a.yaml", "")
    path.write_bytes(data)

    assert [problem.message for problem in load_definitions(tmp_path).problems] == [message]


def test_load_files_takes_the_defaults_of_the_config_folder(tmp_path: Path) -> None:
    write(tmp_path, "config.yaml", "defaults: {timeout: 5min}\n")
    path = write(tmp_path, "elsewhere.yaml", JOB.format("a"))

    with_config = load_files([path], config=tmp_path).jobs["a"]
    without = load_files([path]).jobs["a"]

    assert with_config.timeout == timedelta(minutes=5)
    assert without.timeout == timedelta(hours=1)


def test_load_files_reads_config_yaml_as_such(tmp_path: Path) -> None:
    path = write(tmp_path, "config.yaml", "keep_generation: 5\n")

    assert told(load_files([path]), tmp_path) == [
        (
            "config.yaml:1:1: error: unknown key 'keep_generation'; "
            "did you mean 'keep_generations'?\n"
            "    1 | keep_generation: 5\n"
            "      | ^^^^^^^^^^^^^^^\n"
            " fix: write keep_generations, or remove it"
        )
    ]


def test_load_files_says_when_a_file_is_missing(tmp_path: Path) -> None:
    assert told(load_files([tmp_path / "a.yaml"]), tmp_path) == [
        "a.yaml: error: does not exist\n fix: check the name"
    ]


def test_catch_up_is_skip_unless_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path, "a.yaml", 'jobs:\n  a: {script: x, schedule: "@daily"}\n')

    schedule = load_files([path]).jobs["a"].schedule

    assert schedule is not None
    assert schedule.catch_up == SKIP


def test_a_thousand_jobs_load_in_well_under_a_second(tmp_path: Path) -> None:
    body = (
        '  job-{}:\n    schedule: "{} 2 * * *"\n    command: [/bin/echo, "{}"]\n'
        "    resources: {{memory_max: 1G}}\n    environment: {{A: b}}\n"
    )
    text = "".join(body.format(number, number % 60, number) for number in range(1000))
    write(tmp_path, "jobs.d/a.yaml", "jobs:\n" + text)

    began = time.process_time()
    definitions = load_definitions(tmp_path)
    took = time.process_time() - began

    assert len(definitions.jobs) == 1000
    assert took < 1.0  # measured: 0.1


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder of configuration with a job."""
    (tmp_path / "jobs.d").mkdir()
    (tmp_path / "jobs.d" / "a.yaml").write_text("jobs: {a: {script: x}}\n", encoding="utf-8")
    (tmp_path / "config.yaml").write_text("keep_generations: 5\n", encoding="utf-8")
    return tmp_path


@pytest.mark.skipif(os.geteuid() != 0, reason="judges as root: runs in the box")
@pytest.mark.parametrize("name", [".", "jobs.d", "jobs.d/a.yaml", "config.yaml"])
@pytest.mark.parametrize(
    ("mode", "owner", "fix"),
    [
        (0o757, (0, 0), "chmod go-w {}"),
        (0o770, (0, 1000), "chmod go-w {}"),
        (0o700, (1000, 0), "chown root {}; chmod go-w {}"),
        (0o770, (0, 0), ""),
    ],
)
def test_root_refuses_what_others_can_change(
    installed: Path, name: str, mode: int, owner: tuple[int, int], fix: str
) -> None:
    path = installed / name
    os.chown(path, *owner)
    path.chmod(mode)
    problems = load_definitions(installed).problems
    assert [problem.fix for problem in problems] == ([fix.format(path, path)] if fix else [])
    assert all(problem.is_error and problem.span.file == path for problem in problems)


@pytest.mark.skipif(os.geteuid() != 0, reason="becomes another user: runs in the box")
def test_others_do_not_judge_owners(installed: Path) -> None:
    for path in (installed, installed / "jobs.d", installed / "jobs.d" / "a.yaml"):
        os.chown(path, 65534, 65534)
    # Whoever made the folders above, others have to come through them.
    modes = {
        path: path.stat().st_mode for path in installed.parents if path.stat().st_mode & 1 == 0
    }
    for path, mode in modes.items():
        path.chmod(mode | 0o011)
    try:
        os.seteuid(65534)
        problems = load_definitions(installed).problems
    finally:
        os.seteuid(0)
        for path, mode in modes.items():
            path.chmod(mode)
    assert problems == ()
