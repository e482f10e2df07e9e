# SPDX-License-Identifier: Apache-2.0
"""Errors follow the colour rules too, and no answer hides one."""

from __future__ import annotations

import pytest

from tests.unit.cli.program import Program
from tests.unit.operations.world import NIGHTLY

ESCAPE = "\x1b["


@pytest.mark.parametrize("arguments", [["show", "nightli"], ["check"], ["plan"]])
def test_errors_follow_the_same_rule(program: Program, arguments: list[str]) -> None:
    program.world.write("jobs: {a: {shedule: '@daily', command: [/bin/true]}}\n")

    assert ESCAPE in program("--color=always", *arguments).err
    assert ESCAPE not in program("--color=never", *arguments, terminal=True).err
    plain = program(*arguments, terminal=True, environment={"NO_COLOR": "1"})
    assert ESCAPE not in plain.err


def test_no_jobs_for_the_sake_of_an_error_are_not_called_none(program: Program) -> None:
    """The only file is wrong: to say `no jobs; write one` would hide that."""
    program.world.write("jobs: [\n")

    answer = program("list")

    assert "no jobs" not in answer.out
    assert "a.yaml:" in answer.err


def test_a_job_without_a_name_is_called_by_its_id(program: Program) -> None:
    """As an orphaned one is; `show` does so, too."""
    program.world.write(NIGHTLY)

    (row,) = program("list", "--json").json

    assert row["name"] == "nightly"
