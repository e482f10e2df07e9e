# SPDX-License-Identifier: Apache-2.0
"""A command that tries something, in a session of its own, waiting for an answer."""

from __future__ import annotations

import re
import subprocess

from tests.system.host import Host


class Waiting:
    """`debvisor-timers` with these arguments, which has asked whether to keep what it tries."""

    def __init__(self, host: Host, *arguments: str, user: str = "") -> None:
        self.host = host
        argv = ["debvisor-timers", *arguments]
        self.process: subprocess.Popen[str] = host.box.spawn(argv, user=user)
        assert self.process.stderr
        said = ""
        for line in self.process.stderr:
            said += line
            found = re.search(r"kill -USR1 ([0-9]+)", line)
            if found:
                self.pid = found[1]
                return
        raise AssertionError(f"it has not asked: {said}")

    def signal(self, name: str) -> None:
        self.host.box.run(["kill", f"-{name}", self.pid])

    def end(self) -> tuple[int, str]:
        """Return with what it ended, and what it said."""
        out, err = self.process.communicate(timeout=120)
        return self.process.returncode, out + err
