# SPDX-License-Identifier: Apache-2.0
"""A job is found by its id, by how its id alone begins, or by its name, in every command."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import click
import pytest

from debvisor_timers.cli.options import JobName
from debvisor_timers.operations import jobs as finding
from tests.unit.cli.program import Program
from tests.unit.operations.kept_runs import a_run, keep
from tests.unit.operations.world import World

JOBS = """\
jobs:
  f8a2d3c4: {name: Daily Backup, schedule: "0 2 * * *", command: [/bin/true]}
  f9: {name: Verify, schedule: "0 3 * * *", command: [/bin/true]}
  nightly: {schedule: "0 4 * * *", command: [/bin/true]}
  nightly-2: {name: Twice, schedule: "0 5 * * *", command: [/bin/true]}
"""
PENDING = """\
jobs:
  pending-one: {name: Soon, schedule: "0 2 * * *", command: [/bin/true]}
"""
LONG_AGO = datetime(2026, 11, 20, 2, tzinfo=UTC)


def shown(program: Program, name: str, *command: str) -> str:
    answer = program(*(command or ("show",)), name, "--json")
    assert answer.code == 0, answer.err
    return str(answer.json["job"])


@pytest.mark.parametrize(
    ("text", "job"),
    [
        ("f8a2d3c4", "f8a2d3c4"),
        ("f8", "f8a2d3c4"),
        ("f9", "f9"),
        ("Daily Backup", "f8a2d3c4"),
        ("daily backup", "f8a2d3c4"),
        ("verify", "f9"),
        ("nightly", "nightly"),
        ("nightly-", "nightly-2"),
        ("pend", "pending-one"),
        ("Soon", "pending-one"),
    ],
)
def test_a_job_is_found(program: Program, text: str, job: str) -> None:
    program.world.apply(JOBS)
    program.world.write(PENDING, "b.yaml")

    assert shown(program, text) == job


@pytest.mark.parametrize(
    "arguments",
    [
        ["show", "f8"],
        ["job", "show", "f8"],
        ["run", "f8", "--dry-run"],
        ["history", "f8"],
        ["stats", "f8"],
        ["next", "f8"],
        ["graph", "Daily Backup"],
        ["stop", "f8"],
        ["retry", "f8"],
    ],
    ids=" ".join,
)
def test_every_command_finds_it(program: Program, arguments: list[str]) -> None:
    program.world.apply(JOBS)

    answer = program(*arguments)

    assert "there is no job" not in answer.err
    said = answer.out + answer.err
    assert "f8a2d3c4" in said or "Daily Backup" in said


def test_several_jobs_are_named_and_none_is_taken(program: Program) -> None:
    program.world.apply(JOBS)

    answer = program("stop", "f")

    assert answer.code == 2
    assert answer.err == (
        "error: 'f' may mean 2 jobs: f8a2d3c4 (Daily Backup), f9 (Verify)\n"
        " fix: write more of the id, or all of it\n"
    )


def test_a_name_that_several_jobs_have_is_none(program: Program) -> None:
    program.world.apply(JOBS.replace("Verify", "Daily Backup"))

    answer = program("show", "daily backup")

    assert answer.code == 2
    assert "may mean 2 jobs: f8a2d3c4 (Daily Backup), f9 (Daily Backup)" in answer.err


def test_the_nearest_name_is_told(program: Program) -> None:
    program.world.apply(JOBS)

    assert "did you mean 'Daily Backup'?" in program("show", "Daily Bakup").err
    assert "did you mean 'nightly'?" in program("show", "nihgtly").err


def test_the_id_of_a_pending_job_goes_before_how_an_applied_one_begins(program: Program) -> None:
    program.world.apply(JOBS)
    program.world.write("jobs: {f8: {command: [/bin/true]}}\n", "b.yaml")

    assert shown(program, "f8") == "f8"


def test_a_removed_job_is_found_by_the_id_of_its_history(program: Program) -> None:
    program.world.apply(JOBS)
    keep(program.world, [a_run(LONG_AGO, 5, job="f8")])

    (run,) = program("history", "f8", "--json").json

    assert run["job"] == "f8"


@pytest.mark.parametrize("arguments", [["show", "gone"], ["run", "gone"], ["stop", "gone"]])
def test_a_job_that_was_removed_is_told_from_one_that_never_was(
    program: Program, arguments: list[str]
) -> None:
    program.world.apply(JOBS)
    keep(program.world, [a_run(LONG_AGO, 5, job="gone")])

    answer = program(*arguments)

    assert answer.code == 2
    assert answer.err == (
        "error: there is no job 'gone' any more\n"
        " fix: its runs are kept: debvisor-timers history gone\n"
    )
    assert "did you mean 'gone'?" in program("history", "gon").err


def test_an_id_that_is_applied_or_has_run_needs_no_yaml(world: World) -> None:
    world.apply(JOBS)
    keep(world, [a_run(LONG_AGO + timedelta(hours=1), 5, job="gone")])
    (world.layout.jobs / "a.yaml").write_bytes(b"\xff no YAML")

    assert finding.meant_job(world.host, "nightly") == "nightly"
    assert finding.meant_job(world.host, "gone") == "gone"


def test_files_that_are_wrong_hide_no_job_that_is_applied(world: World) -> None:
    world.apply(JOBS)
    (world.layout.jobs / "a.yaml").write_bytes(b"\xff no YAML")

    assert finding.meant_job(world.host, "nightly-") == "nightly-2"
    assert finding.meant_job(world.host, "daily backup") == "f8a2d3c4"


@pytest.mark.parametrize("text", ["", "../f9", "f9.service", "-", "nobody"])
def test_what_is_no_job_is_told_by_the_command(program: Program, text: str) -> None:
    program.world.apply(JOBS)

    answer = program("show", "--", text)

    assert answer.code == 2
    assert f"there is no job {text!r}" in answer.err


def test_completion_asks_nobody() -> None:
    context = click.Context(click.Command("show"), resilient_parsing=True)

    assert JobName().convert("f8", None, context) == "f8"
