# SPDX-License-Identifier: Apache-2.0
"""log_rotation: what logrotate says, in its words."""

from __future__ import annotations

import stat
from collections.abc import Sequence
from pathlib import Path
from subprocess import CompletedProcess

import pytest

from debvisor_timers.tasks import log_rotation as module
from debvisor_timers.tasks.base import WRONG, TaskFailed

SAID = """\
reading config file /x
Handling 1 logs
considering log /srv/a b.log
  log needs rotating
considering log /srv/c.log
rotating log /srv/a b.log, log->rotateCount is 2
"""


@pytest.fixture
def logrotate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[str]:
    """Let the program be one that says what SAID has; the list is how it was called."""
    called: list[str] = []

    def answer(command: Sequence[str], *, package: str) -> CompletedProcess[str]:
        called.extend([*command, package])
        config = Path(command[-1])
        called.append(f"{stat.S_IMODE(config.stat().st_mode):o} {config.read_text()}")
        return CompletedProcess(command, 0, "", SAID)

    monkeypatch.setattr(module, "try_tool", answer)
    monkeypatch.setattr(module, "STATES", tmp_path / "states")
    monkeypatch.setenv("DEBVISOR_JOB", "logs")
    return called


def test_logs_are_told_by_their_names(logrotate: list[str], tmp_path: Path) -> None:
    assert module.log_rotation({"inline": "/srv/*.log {}"}) == {
        "considered": ["/srv/a b.log", "/srv/c.log"],
        "rotated": ["/srv/a b.log"],
        "dry_run": False,
    }
    assert logrotate[:4] == [
        "/usr/sbin/logrotate",
        "--verbose",
        f"--state={tmp_path}/states/logs",
        "--",
    ]
    assert logrotate[-2:] == ["logrotate", "600 /srv/*.log {}"]
    assert not Path(logrotate[4]).exists()


def test_complaints_are_failures() -> None:
    said = "warning: /x:1 unknown option 'keepall' -- ignoring line\nerror: stat of /a failed\n"
    assert list(module.errors_in(said)) == [
        "/x:1 unknown option 'keepall' -- ignoring line",
        "stat of /a failed",
    ]


def test_a_file_that_is_not_there_is_told(logrotate: list[str]) -> None:
    with pytest.raises(TaskFailed, match="there is no /none") as raised:
        module.log_rotation({"config_file": "/none"})
    assert raised.value.exit_status == WRONG
