# SPDX-License-Identifier: Apache-2.0
"""The case files in tests/cases/jobs: each problem, and no other."""

from __future__ import annotations

from pathlib import Path

import pytest

from debvisor_timers.jobs.load import load_files
from tests.unit.jobs.cases import CASES, expected, found


def test_there_are_cases() -> None:
    assert len(CASES) > 20


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_file_has_exactly_the_problems_that_it_names(case: Path) -> None:
    assert sorted(found(case)) == sorted(expected(case))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_each_error_says_how_to_mend_it(case: Path) -> None:
    for problem in load_files([case]).problems:
        assert problem.fix
        assert not problem.fix.endswith(".")
        assert not problem.message.endswith(".")
