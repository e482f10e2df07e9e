# SPDX-License-Identifier: Apache-2.0
"""The templates are found wherever the package lives."""

from __future__ import annotations

import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

import debvisor_timers
from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.render.location import (
    NOTIFY,
    NOTIFY_TEMPLATES,
    REPORT,
    TEMPLATES,
    find_templates,
)

PACKAGE = Path(debvisor_timers.__file__).resolve().parent
CHECKOUT = PACKAGE.parent
IS_CHECKOUT = (CHECKOUT / "pyproject.toml").is_file()
needs_checkout = pytest.mark.skipif(not IS_CHECKOUT, reason="the package is installed, no checkout")


@needs_checkout
def test_in_a_checkout_and_an_editable_install_they_stand_beside_the_package() -> None:
    assert find_templates() == CHECKOUT / "templates"


def test_the_list_of_templates_is_complete() -> None:
    folder = find_templates()
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()}
    # Nobody replaces a page, so none of their names stands in a list.
    found = {name for name in found if not name.startswith("web/")}
    assert found == {*TEMPLATES, REPORT, *(f"{NOTIFY}/{name}" for name in NOTIFY_TEMPLATES)}


def test_inside_the_package_comes_before_beside_it(tmp_path: Path) -> None:
    package = tmp_path / "debvisor_timers"
    for folder in (package / "_templates", tmp_path / "templates"):
        folder.mkdir(parents=True)
        for name in TEMPLATES:
            (folder / name).touch()
    assert find_templates(package) == package / "_templates"


def test_a_folder_of_that_name_that_is_not_ours_is_passed_over(tmp_path: Path) -> None:
    (tmp_path / "templates").mkdir()
    try:
        found = find_templates(tmp_path / "debvisor_timers")
    except DebvisorTimersError as error:
        assert str(tmp_path / "templates") in error.message  # noqa: PT017 -- not on every host
    else:
        assert found == Path("/usr/share/debvisor-timers/templates")


@needs_checkout
def test_a_wheel_brings_them_along(tmp_path: Path) -> None:
    pytest.importorskip("hatchling", reason="python3-hatchling is not installed")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=CHECKOUT,
        check=True,
        capture_output=True,
    )
    installed = tmp_path / "installed"
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        wheel.extractall(installed)
    program = "from debvisor_timers.render.location import find_templates; print(find_templates())"
    found = subprocess.run(
        [sys.executable, "-c", program],
        cwd=installed,
        env={"PYTHONPATH": str(installed)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout.strip()
    assert found == str(installed / "debvisor_timers" / "_templates")
    assert (installed / "debvisor_timers" / "_templates" / REPORT).is_file()
