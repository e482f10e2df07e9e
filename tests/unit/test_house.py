# SPDX-License-Identifier: Apache-2.0
"""The walls of the house: which folder may import which."""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[2] / "debvisor_timers"

VALUES = {"errors", "source", "layout"}
PURE = {"calendar", "jobs", "render", "history"}

ARROWS: Mapping[str, set[str]] = {
    "errors": {"source"},
    "source": set(),
    "layout": set(),
    "calendar": {"errors"},
    "jobs": {"calendar", "errors", "source", "layout"},
    "render": {"jobs", "calendar", *VALUES},
    "history": set(VALUES),
    "disk": set(),
    "systemd": {*PURE, *VALUES, "disk"},
    "operations": {*PURE, *VALUES, "disk", "systemd.ports", "notify", "tasks"},
    "runtime": set(),
    "scheduler": {"operations", "systemd", "history", "jobs", "tasks", *VALUES},
    "cli": {"agent", "scheduler", "operations", "history", "calendar", "jobs", *VALUES},
    "tasks": {"runtime", "scheduler", "operations", "history", "jobs", "notify", *VALUES, "disk"},
    "notify": {"jobs", "render", "disk", *VALUES},
    "agent": {"scheduler", "operations", "history", "jobs", "systemd", *VALUES},
    "web": {"agent", "scheduler", "operations", "history", "calendar", "jobs", "render", *VALUES},
    "__main__": {"cli"},
    "__init__": {"scheduler", "tasks"},
}
"""Folder (or module at the top) to what it may import; systemd.ports means that module alone."""

OWN_VERSION = "__version__"


def modules() -> Iterator[tuple[str, Path]]:
    for path in sorted(PACKAGE.rglob("*.py")):
        yield path.relative_to(PACKAGE).with_suffix("").parts[0], path


def imports_of(path: Path) -> Iterator[str]:
    """Yield every name of ours that `path` imports, inside functions too, without our prefix."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names: list[str] = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide where an arrow points"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        yield from (
            name.removeprefix("debvisor_timers.")
            for name in names
            if name.startswith("debvisor_timers.")
        )


def is_allowed(home: str, name: str) -> bool:
    folder = name.partition(".")[0]
    if folder in {home, OWN_VERSION}:
        return True
    return any(name == target or name.startswith(f"{target}.") for target in ARROWS[home])


@pytest.mark.parametrize(("home", "path"), modules(), ids=lambda value: str(value)[-40:])
def test_every_import_follows_an_arrow(home: str, path: Path) -> None:
    wrong = [name for name in imports_of(path) if not is_allowed(home, name)]

    assert not wrong, f"{path.relative_to(PACKAGE)} must not import {', '.join(wrong)}"


def test_every_folder_has_its_arrows() -> None:
    assert {home for home, _ in modules()} == ARROWS.keys()


@pytest.mark.parametrize("foreign", ["pystemd", "systemd"])
def test_only_the_folder_systemd_knows_the_bindings(foreign: str) -> None:
    for home, path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) else []
            uses = any(name == foreign or name.startswith(f"{foreign}.") for name in names)
            assert not uses or home == "systemd", f"{path} imports {foreign}"


@pytest.mark.parametrize("helper", sorted(path.stem for path in PACKAGE.glob("runtime/*.py")))
def test_the_runtime_helpers_use_the_standard_library_alone(helper: str) -> None:
    import sys  # noqa: PLC0415

    tree = ast.parse((PACKAGE / "runtime" / f"{helper}.py").read_text(encoding="utf-8"))
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                assert alias.name.partition(".")[0] in sys.stdlib_module_names | {"_socket"}
        if isinstance(node, ast.ImportFrom):
            assert (node.module or "").partition(".")[0] in sys.stdlib_module_names


def test_no_module_has_grown_too_long() -> None:
    long = {
        str(path): n for _, path in modules() if (n := len(path.read_text().splitlines())) > 400
    }

    assert not long


def test_no_function_has_grown_too_long() -> None:
    for _, path in modules():
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                length = (node.end_lineno or node.lineno) - node.lineno + 1
                assert length <= 40, f"{path}:{node.lineno} {node.name} has {length} lines"
