# SPDX-License-Identifier: Apache-2.0
"""Starting is fast: what --help, completion and a no-op apply must not import."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from debvisor_timers.cli.main import COMMANDS

HEAVY = {"pydantic", "jinja2", "yaml", "pystemd", "systemd", "zoneinfo", "importlib.metadata"}


def imported_by(*arguments: str, **environment: str) -> set[str]:
    """Return the modules that a run of the command line imports, by -X importtime."""
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "debvisor_timers", *arguments],
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    lines = [line for line in done.stderr.splitlines() if line.startswith("import time:")]
    assert len(lines) > 50, done.stderr
    return {line.rpartition("|")[2].strip() for line in lines}


def heavy(modules: set[str]) -> set[str]:
    return {
        module
        for module in modules
        if any(module == name or module.startswith(f"{name}.") for name in HEAVY)
    }


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], ["apply", "--help"], []])
def test_help_imports_nothing_heavy(arguments: list[str]) -> None:
    assert heavy(imported_by(*arguments)) == set()


@pytest.mark.parametrize("words", ["debvisor-timers ap", "debvisor-timers show n"])
def test_completion_imports_nothing_heavy(words: str) -> None:
    modules = imported_by(
        _DEBVISOR_TIMERS_COMPLETE="bash_complete",
        COMP_WORDS=words,
        COMP_CWORD=str(len(words.split()) - 1),
    )

    assert heavy(modules) == set()


def test_help_imports_no_command() -> None:
    ours = {
        m.rpartition(".")[2] for m in imported_by("--help") if m.startswith("debvisor_timers.cli.")
    }

    assert ours & COMMANDS.keys() == set()


def test_an_apply_that_finds_nothing_to_do_needs_no_parser() -> None:
    """The module of apply and what it imports before it knows that something has changed."""
    parts = ("scheduler", "operations.applying.apply", "systemd.real")
    code = f"import {', '.join(f'debvisor_timers.{part}' for part in parts)}, sys"
    done = subprocess.run(
        [sys.executable, "-c", f"{code}; print(*sys.modules)"],
        capture_output=True,
        text=True,
        check=True,
    )

    modules = set(done.stdout.split())
    assert heavy(modules) == set()
    assert "debvisor_timers.operations.auditing.audited" in modules
    assert not {module for module in modules if module.endswith((".audit", ".deeds", ".redact"))}


def test_the_end_looks_for_no_garbage() -> None:
    code = (
        "import atexit, gc; atexit.register(lambda: print(gc.get_freeze_count()))\n"
        "from debvisor_timers.cli.main import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "version"], capture_output=True, text=True, check=True
    )

    assert int(done.stdout.splitlines()[-1]) > 1000
