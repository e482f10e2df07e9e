# SPDX-License-Identifier: Apache-2.0
"""Run pytest; where a few tests fail, run their files once more, with nothing beside them.

For tests on booted systems. Real clocks run there while other boxes want the processor, and a test
that has taken the one for the other fails now and then. The second go decides, and what it mends is
named: such a test is at fault, and has to be mended. With the options of pytest.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Sequence

import pytest

FEW = 8
"""So many tests may have a second go: more do not fail by chance."""


class Failures:
    """A plugin that remembers the tests that failed, their setup and their teardown too."""

    def __init__(self) -> None:
        self.tests: list[str] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Remember a test that failed."""
        if report.failed and report.nodeid not in self.tests:
            self.tests.append(report.nodeid)


def main(arguments: Sequence[str]) -> int:
    """Return the exit status of pytest, of its second go where there is one."""
    failures = Failures()
    status = int(pytest.main(list(arguments), plugins=[failures]))
    few = 0 < len(failures.tests) <= FEW
    if status != pytest.ExitCode.TESTS_FAILED or not few:
        return status
    files = list(dict.fromkeys(test.split("::")[0] for test in failures.tests))
    say(f"\n== second go, alone: {' '.join(files)}")
    status = subprocess.run([sys.executable, "-m", "pytest", "-q", *files], check=False).returncode
    if not status:
        say("== UNSTEADY, to be mended: failed beside others, passed alone:")
        say("\n".join(f"   {test}" for test in failures.tests))
    return status


def say(text: str) -> None:
    """Print a line, in order with what pytest prints."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
