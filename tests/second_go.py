# SPDX-License-Identifier: Apache-2.0
"""Run pytest; where a few tests fail, run their files once more, with nothing beside them.

For tests on booted systems, where real clocks run while other boxes want the processor. The second
go only tells of a race, in the test or in the program: what has failed has failed. With the options
of pytest.
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
    """Return the exit status of pytest, whatever its second go says."""
    failures = Failures()
    status = int(pytest.main(list(arguments), plugins=[failures]))
    few = 0 < len(failures.tests) <= FEW
    if status != pytest.ExitCode.TESTS_FAILED or not few:
        return status
    files = list(dict.fromkeys(test.split("::")[0] for test in failures.tests))
    say(f"\n== second go, alone: {' '.join(files)}")
    again = subprocess.run([sys.executable, "-m", "pytest", "-q", *files], check=False)
    if not again.returncode:
        say("== UNSTEADY, a race to be mended: failed beside others, passed alone:")
        say("\n".join(f"   {test}" for test in failures.tests))
    return status


def say(text: str) -> None:
    """Print a line, in order with what pytest prints."""
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
