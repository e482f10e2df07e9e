# SPDX-License-Identifier: Apache-2.0
"""The crontabs of Debian's packages: what becomes of them, to the letter."""

from __future__ import annotations

from pathlib import Path

import pytest

from debvisor_timers.operations.check import check
from tests.unit.operations.crontab.cases import CASES, expected, import_case, notices
from tests.unit.operations.world import World


def test_there_are_crontabs_of_many_packages() -> None:
    packages = [case for case in CASES if case.read_text("utf-8").startswith("# Debian 13, ")]

    assert len(packages) >= 15


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_a_crontab_becomes_the_job_file_beside_it(case: Path, tmp_path: Path) -> None:
    imported = import_case(case, tmp_path)

    assert "".join(file.text for file in imported.files) == expected(case, ".yaml")
    assert notices(imported) == expected(case, ".notices")


WITH_JOBS = [case for case in CASES if case.with_suffix(".yaml").exists()]


@pytest.mark.parametrize("case", WITH_JOBS, ids=lambda case: case.stem)
def test_the_job_file_passes_check(case: Path, tmp_path: Path) -> None:
    world = World(tmp_path)
    text = expected(case, ".yaml")
    world.write(text, "imported.yaml")

    result = check(world.host)

    assert not result.has_errors, result.problems
    assert result.jobs == text.count("    timeout: infinity\n")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.stem)
def test_each_notice_says_how_to_mend_it(case: Path, tmp_path: Path) -> None:
    for problem in import_case(case, tmp_path).problems:
        assert problem.fix
        assert not problem.fix.endswith(".")
        assert not problem.message.endswith(".")
