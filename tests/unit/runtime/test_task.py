# SPDX-License-Identifier: Apache-2.0
"""task: the program that calls the handler of a task type."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from debvisor_timers.runtime import task

MODULE = """\
import asyncio, sys

def works(config):
    print("doing", config["vm"])

def told(config):
    return {"size": 7, "vm": config["vm"]}

def refuses(config):
    return False

def breaks(config):
    raise ValueError("no such vm")

async def later(config):
    await asyncio.sleep(0)
    print("later", config["vm"])
    return True

async def waits(config):
    print("waiting", flush=True)
    try:
        await asyncio.sleep(600)
    finally:
        print("cleaned up", flush=True)

def odd(config):
    import os
    return {"file": os.fsdecode(b"\\xff")}

class Backups:
    @staticmethod
    def run(config):
        print("in a class")
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("handlers")
    (folder / "handlers_of_a_test.py").write_text(MODULE, encoding="utf-8")
    return folder


def start(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    file = str(Path(task.__file__))
    command = [sys.executable, "-IBSXutf8", file, f"--path={folder}", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def call(folder: Path, name: str) -> tuple[int, str, str]:
    process = start(
        folder, f"--handler=handlers_of_a_test:{name}", "snapshot", '{"vm": "vm-123 \\u00e9"}'
    )
    out, err = process.communicate(timeout=30)
    return process.returncode, out, err


@pytest.mark.parametrize(
    ("name", "out"),
    [
        ("works", "doing vm-123 é\n"),
        ("told", '{"size": 7, "vm": "vm-123 é"}\n'),
        ("odd", '{"file": "\\udcff"}\n'),
        ("later", "later vm-123 é\n"),
        ("Backups.run", "in a class\n"),
    ],
)
def test_a_handler_is_called_with_the_configuration(folder: Path, name: str, out: str) -> None:
    assert call(folder, name) == (0, out, "")


def test_false_is_a_failure(folder: Path) -> None:
    status, _, err = call(folder, "refuses")
    assert (status, err) == (
        1,
        "debvisor-timers: the handler of task type snapshot returned False\n",
    )


def test_an_exception_is_a_failure_with_its_traceback(folder: Path) -> None:
    status, _, err = call(folder, "breaks")
    assert status == 1
    assert "handlers_of_a_test.py" in err
    assert "ValueError: no such vm" in err


@pytest.mark.parametrize("name", ["nothing", "works.nothing"])
def test_a_handler_that_cannot_be_loaded_is_said(folder: Path, name: str) -> None:
    status, _, err = call(folder, name)
    assert status == 78
    assert f"the handler handlers_of_a_test:{name} of task type snapshot cannot be loaded" in err


def test_a_task_without_a_handler_fails_aloud(folder: Path) -> None:
    process = start(folder, "snapshot", "{}")
    _, err = process.communicate(timeout=30)
    assert process.returncode == 78
    assert err == "debvisor-timers: No handler for task type: snapshot\n"


def test_sigterm_cancels_an_asynchronous_handler(folder: Path) -> None:
    process = start(folder, "--handler=handlers_of_a_test:waits", "snapshot", "{}")
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    os.kill(process.pid, signal.SIGTERM)
    out, err = process.communicate(timeout=30)
    assert (process.returncode, out) == (143, "cleaned up\n")
    assert err == "debvisor-timers: the task snapshot was cancelled\n"
