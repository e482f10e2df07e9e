# SPDX-License-Identifier: Apache-2.0
"""translate on the command line: whose fault an error is."""

from __future__ import annotations

from debvisor_timers.errors import ExitCode
from tests.unit.cli.program import Program


def test_an_unknown_zone_is_no_fault_of_the_expression(program: Program) -> None:
    answer = program("translate", "--timezone", "Europe/Amsterdm", "0 2 * * *")

    assert answer.code == ExitCode.DEFINITIONS
    assert "Europe/Amsterdm" in answer.err
    assert "0 2 * * *" not in answer.err
    assert answer.err.endswith("fix: write Europe/Amsterdam\n")
