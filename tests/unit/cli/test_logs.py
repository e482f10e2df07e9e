# SPDX-License-Identifier: Apache-2.0
"""logs becomes journalctl: its exit status, its pager and its Ctrl-C are journalctl's own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.unit.operations.world import NIGHTLY

ROOT = Path(__file__).parents[3]
PROGRAM = """
import sys
from pathlib import Path
from debvisor_timers.cli.main import main
from debvisor_timers.scheduler import Scheduler
from tests.unit.operations.world import World

world = World(Path(sys.argv.pop(1)))
world.apply(sys.argv.pop(1))
Scheduler.system = lambda *_: Scheduler(world.host)
main()
"""
JOURNALCTL = '#!/bin/sh\nprintf "%s\\n" "pid $$" "$@"\nexit 42\n'


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ([], ["--output=short-iso", "--lines=200", "--unit=debvisor-job-nightly.service"]),
        (
            ["-f", "-n", "5", "--json"],
            ["--output=json", "--follow", "--lines=5", "--unit=debvisor-job-nightly.service"],
        ),
    ],
    ids=["plain", "all options"],
)
def test_logs_is_replaced_by_journalctl(
    tmp_path: Path, options: list[str], expected: list[str]
) -> None:
    journalctl = tmp_path / "bin" / "journalctl"
    journalctl.parent.mkdir()
    journalctl.write_text(JOURNALCTL, encoding="utf-8")
    journalctl.chmod(0o755)
    argv = [sys.executable, "-c", PROGRAM, str(tmp_path), NIGHTLY, "logs", "nightly", *options]

    process = subprocess.Popen(
        argv,
        cwd=ROOT,
        env={**os.environ, "PATH": f"{journalctl.parent}:{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        text=True,
    )
    out, _ = process.communicate(timeout=30)

    assert process.returncode == 42
    assert out.splitlines() == [f"pid {process.pid}", *expected]
