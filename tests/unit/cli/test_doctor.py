# SPDX-License-Identifier: Apache-2.0
"""doctor on the command line: its exit status, its lines, its document."""

from __future__ import annotations

import pytest

from tests.unit.cli.program import Program

CHECK = {"check", "verdict", "message", "fix"}
RECOVER = "debvisor-timers-recover.service"
TIMERS = ("debvisor-timers-maintain.timer", "debvisor-timers-renew.timer")


@pytest.fixture
def healthy(program: Program) -> Program:
    """Return the program over a host as the package leaves it."""
    twin = program.world.systemd
    twin.ship("dbus.socket", "[Socket]\n")
    twin.ship(RECOVER, "[Service]\nExecStart=/bin/true\n[Install]\n", enabled=True)
    for name in TIMERS:
        twin.ship(name, f"[Timer]\nOnCalendar=*:0/5\nUnit={RECOVER}\n")
    twin.manager.start(["dbus.socket", *TIMERS])
    return program


def test_a_host_that_is_well(healthy: Program) -> None:
    answer = healthy("doctor")

    assert answer.code == 0
    lines = answer.out.splitlines()
    assert lines[0] == "ok       systemd: version 257 answers"
    assert lines[-1] == "all is well; 1 thing could not be looked at"


def test_one_that_is_not(healthy: Program) -> None:
    healthy.world.systemd.manager.stop([TIMERS[0]])
    healthy.world.systemd.machine.settings["RateLimitBurst"] = "10"

    answer = healthy("doctor")

    assert answer.code == 10
    assert f"problem  units: {TIMERS[0]} does not run\n" in answer.out
    assert f"    fix: systemctl start {TIMERS[0]}\n" in answer.out
    assert answer.out.endswith("1 problem, 1 warning; 1 thing could not be looked at\n")


def test_lines_fit_a_terminal_but_for_commands(healthy: Program) -> None:
    answer = healthy("doctor", terminal=True)

    told = [line for line in answer.out.splitlines() if not line.startswith("    fix:")]
    assert max(map(len, told)) <= 80 + len("\x1b[1m\x1b[0m")


def test_the_document_of_monitoring(healthy: Program) -> None:
    well = healthy("doctor", "--json")
    healthy.world.systemd.state.version = 252
    ill = healthy("doctor", "--json")

    assert (well.code, well.json["healthy"]) == (0, True)
    assert (ill.code, ill.json["healthy"]) == (10, False)
    assert all(set(check) == CHECK for check in ill.json["checks"])
    assert {check["verdict"] for check in ill.json["checks"]} == {"ok", "unknown", "problem"}
