# SPDX-License-Identifier: Apache-2.0
"""list: some of the jobs, by owner, by tag, by what they are doing."""

from __future__ import annotations

from datetime import timedelta

import pytest

from debvisor_timers.systemd.memory.state import Outcome
from tests.unit.cli.program import Program
from tests.unit.operations.last_runs import FAILED_AT_TWO, SUCCEEDED_AT_TWO, note_last
from tests.unit.operations.world import World

JOBS = """\
jobs:
  a: {schedule: "0 2 * * *", owner: admin, tags: {team: one}, command: [/bin/true]}
  b: {schedule: "0 2 * * *", owner: admin, tags: {team: two, x: "1"}, command: [/bin/true]}
  c: {schedule: "0 2 * * *", owner: carol, enabled: false, command: [/bin/true]}
  d: {command: [/bin/true]}
"""


@pytest.fixture
def host(world: World) -> World:
    world.apply(JOBS)
    note_last(world, "a", FAILED_AT_TWO)
    note_last(world, "b", SUCCEEDED_AT_TWO)
    world.layout.paused.mkdir(parents=True)
    (world.layout.paused / "b").write_text("")
    world.systemd.set_outcome("debvisor-job-d.service", Outcome(duration=timedelta(hours=1)))
    world.systemd.manager.start(["debvisor-job-d.service"], wait=False)
    world.write("jobs: {e: {command: [/bin/true]}}\n", "e.yaml")
    return world


@pytest.mark.parametrize(
    ("options", "jobs"),
    [
        ([], "abcde"),
        (["--owner=admin"], "ab"),
        (["--owner", "nobody"], ""),
        (["--tag=team=two"], "b"),
        (["--tag", "team=two", "--tag", "x=1"], "b"),
        (["--status=running"], "d"),
        (["--status=failed"], "a"),
        (["--status", "completed"], "b"),
        (["--status=disabled"], "c"),
        (["--status=paused"], "b"),
        (["--status=pending"], "ab"),
        (["--status=not-applied"], "e"),
        (["--status=failed", "--status=disabled"], "ac"),
        (["--owner=admin", "--status=failed"], "a"),
        (["--status=never-ran"], "cde"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else value,
)
def test_some_jobs_are_listed(host: World, program: Program, options: list[str], jobs: str) -> None:
    answer = program("list", *options, "--json")

    assert answer.code == 0, answer.err
    assert "".join(row["job"] for row in answer.json) == jobs


def test_no_such_jobs_is_said(host: World, program: Program) -> None:
    assert program("list", "--owner=nobody").out == "no such jobs\n"


@pytest.mark.parametrize(
    ("status", "fix"),
    [("runing", "did you mean 'running'?"), ("xyzzy", "use one of: after-others, at-boot, ")],
)
def test_a_status_that_there_is_not_is_told(
    host: World, program: Program, status: str, fix: str
) -> None:
    answer = program("list", f"--status={status}")

    assert (answer.code, answer.out) == (2, "")
    assert f"there is no status {status!r}" in answer.err
    assert fix in answer.err
