# SPDX-License-Identifier: Apache-2.0
"""The second go of tests on booted systems: it tells of races, and lets nothing pass."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).parents[2]
TESTS = """\
from pathlib import Path

def test_that_fails_the_first_time():
    seen = Path("seen").exists()
    Path("seen").touch()
    assert seen

def test_of_the_same_file():
    pass

def test_that_fails_always():
    assert not Path("broken").exists()
"""


def go(folder: Path, *options: str) -> tuple[int, str]:
    """Run the tests of a folder; return the exit status and what was printed."""
    (folder / "test_one.py").write_text(TESTS)
    argv = [sys.executable, "-m", "tests.second_go", "-q", *options]
    environment = {**os.environ, "PYTHONPATH": str(CHECKOUT)}
    done = subprocess.run(
        argv, cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return done.returncode, done.stdout


def test_what_passes_alone_is_named_and_has_failed(tmp_path: Path) -> None:
    status, said = go(tmp_path)
    assert status == 1
    assert "== second go, alone: test_one.py\n" in said
    assert "3 passed" in said
    assert said.endswith("passed alone:\n   test_one.py::test_that_fails_the_first_time\n")


def test_what_fails_again_fails(tmp_path: Path) -> None:
    (tmp_path / "broken").touch()
    status, said = go(tmp_path)
    assert status == 1
    assert "1 failed, 2 passed" in said
    assert "UNSTEADY" not in said


def test_what_passes_has_no_second_go(tmp_path: Path) -> None:
    (tmp_path / "seen").touch()
    status, said = go(tmp_path)
    assert (status, "second go" in said) == (0, False)


@pytest.mark.parametrize("option", ["--no-such-option", "no_such_file.py"])
def test_what_is_no_failure_of_a_test_has_no_second_go(tmp_path: Path, option: str) -> None:
    status, said = go(tmp_path, option)
    assert (status, "second go" in said) == (4, False)


def test_many_failures_have_no_second_go(tmp_path: Path) -> None:
    many = "import pytest\n@pytest.mark.parametrize('n', range(9))\ndef test_it(n):\n    assert 0\n"
    (tmp_path / "test_many.py").write_text(many)
    (tmp_path / "seen").touch()
    status, said = go(tmp_path)
    assert (status, "second go" in said) == (1, False)
