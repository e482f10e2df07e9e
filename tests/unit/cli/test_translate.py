# SPDX-License-Identifier: Apache-2.0
"""translate on the command line: whose fault an error is."""

from __future__ import annotations

from click.testing import CliRunner

from debvisor_timers.cli.main import cli
from debvisor_timers.errors import ScheduleError


def test_an_unknown_zone_is_no_fault_of_the_expression() -> None:
    done = CliRunner().invoke(cli, ["translate", "--timezone", "Europe/Amsterdm", "0 2 * * *"])

    assert isinstance(done.exception, ScheduleError)
    assert "Europe/Amsterdm" in done.exception.message
    assert "0 2 * * *" not in done.exception.message
    assert done.exception.fix == "write Europe/Amsterdam"
