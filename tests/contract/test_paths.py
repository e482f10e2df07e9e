# SPDX-License-Identifier: Apache-2.0
"""When path units fire, and when not; what a start, a stop, a reload and their limit do to them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from debvisor_timers.errors import SystemdError
from debvisor_timers.systemd.ports import ActiveState, JobResult, LinkEntry
from tests.contract.rig import TARGET, Rig, error_name, path, watched

UNIT, SERVICE = "contract-a.path", "contract-a.service"
CHANGED = f"PathChanged={watched('file')}"
EXISTS = f"PathExists={watched('ready')}"
MOMENT = timedelta(milliseconds=300)


def arm(rig: Rig, *lines: str, takes: float = 0, unit: str = "") -> dict[str, JobResult]:
    """Start a path unit of `lines` whose service takes so many seconds."""
    rig.touch("other")  # the folder is there
    rig.write(a_path=path(*lines, unit=unit), a_service=rig.service(SERVICE, takes=takes))
    return rig.manager.start([UNIT])


def state(rig: Rig) -> tuple[ActiveState, str]:
    [unit] = rig.manager.units(UNIT)
    return unit.active_state, unit.sub_state


def await_starts(rig: Rig, count: int) -> None:
    rig.wait_for(lambda: rig.starts(SERVICE) == count, f"{count} starts")
    rig.wait_for(lambda: rig.is_idle(SERVICE), "it has ended")


def test_a_path_unit_waits_and_starts_nothing(rig: Rig) -> None:
    assert arm(rig, CHANGED, EXISTS) == {UNIT: JobResult.DONE}

    rig.let_pass(MOMENT)

    assert state(rig) == (ActiveState.ACTIVE, "waiting")
    assert rig.starts(SERVICE) == 0


@pytest.mark.parametrize("line", [CHANGED, f"PathChanged={watched('')}"], ids=["file", "folder"])
def test_each_change_is_a_run(rig: Rig, line: str) -> None:
    arm(rig, line)
    rig.touch("file")
    await_starts(rig, 1)
    rig.wait_for(lambda: state(rig)[1] == "waiting", "it watches again")
    rig.touch("file")
    await_starts(rig, 2)
    rig.wait_for(lambda: state(rig)[1] == "waiting", "it watches again")
    rig.remove("file")
    await_starts(rig, 3)


def test_a_change_elsewhere_is_none(rig: Rig) -> None:
    arm(rig, CHANGED)
    rig.touch("other")
    rig.let_pass(MOMENT)
    assert rig.starts(SERVICE) == 0


def test_a_change_while_the_service_runs_is_lost(rig: Rig) -> None:
    arm(rig, CHANGED, takes=0.4)
    rig.touch("file")
    rig.wait_for(lambda: state(rig)[1] == "running", "it has fired")
    rig.touch("file")
    rig.wait_for(lambda: state(rig)[1] == "waiting", "it watches again")
    rig.let_pass(MOMENT)
    assert rig.starts(SERVICE) == 1


def test_changes_while_the_path_unit_is_stopped_are_lost(rig: Rig) -> None:
    arm(rig, CHANGED)
    rig.manager.stop([UNIT])
    rig.touch("file")
    rig.manager.start([UNIT])
    rig.let_pass(MOMENT)
    assert rig.starts(SERVICE) == 0


def test_a_file_that_comes_fires(rig: Rig) -> None:
    arm(rig, EXISTS, takes=0.4)
    rig.touch("ready")
    rig.wait_for(lambda: rig.starts(SERVICE) == 1, "it has fired")
    rig.remove("ready")
    rig.wait_for(lambda: state(rig)[1] == "waiting", "it watches again")
    rig.let_pass(MOMENT)
    assert rig.starts(SERVICE) == 1


def test_a_file_that_is_there_fires_as_soon_as_the_path_unit_starts(rig: Rig) -> None:
    rig.touch("ready")
    assert rig.manager.exists(watched("ready"))
    assert not rig.manager.exists(watched("none"))
    arm(rig, EXISTS, takes=5)
    rig.wait_for(lambda: rig.starts(SERVICE) == 1, "it has fired")


def test_a_file_that_stays_fires_until_the_limit_and_lets_the_path_unit_fail(rig: Rig) -> None:
    rig.touch("ready")
    limit = ("TriggerLimitIntervalSec=1min", "TriggerLimitBurst=4")
    service = rig.service(SERVICE, unit="StartLimitIntervalSec=0")
    rig.write(a_path=path(EXISTS, *limit), a_service=service)
    rig.manager.start([UNIT])
    rig.wait_for(lambda: state(rig) == (ActiveState.FAILED, "failed"), "it is over its limit")
    assert rig.starts(SERVICE) == 4


def test_a_reload_fires_nothing_that_waits(rig: Rig) -> None:
    arm(rig, CHANGED, EXISTS)
    rig.touch("file")
    await_starts(rig, 1)
    rig.wait_for(lambda: state(rig)[1] == "waiting", "it watches again")
    rig.manager.reload()
    rig.let_pass(MOMENT)
    assert rig.starts(SERVICE) == 1
    rig.touch("file")
    await_starts(rig, 2)


def test_the_target_starts_and_stops_path_units(rig: Rig) -> None:
    rig.touch("other")
    rig.write(a_path=path(CHANGED, unit=f"PartOf={TARGET}"), a_service=rig.service(SERVICE))
    rig.enable(UNIT)
    rig.manager.reload()
    rig.manager.start([TARGET])
    rig.wait_for(lambda: state(rig) == (ActiveState.ACTIVE, "waiting"), "it is active")
    rig.manager.stop([TARGET])
    rig.wait_for(
        lambda: all(unit.active_state is ActiveState.INACTIVE for unit in rig.manager.units(UNIT)),
        "it is stopped",
    )
    rig.touch("file")
    rig.let_pass(MOMENT)
    assert rig.starts(SERVICE) == 0


def test_a_path_unit_without_a_path_cannot_be_queued(rig: Rig) -> None:
    rig.write(a_path=path("MakeDirectory=no"), a_service=rig.service(SERVICE))
    with pytest.raises(SystemdError) as raised:
        rig.manager.start([UNIT])
    assert error_name(raised.value) == "BadUnitSetting"


def test_a_path_unit_without_a_service_fails_to_start(rig: Rig) -> None:
    rig.write(a_path=path(EXISTS))
    assert rig.manager.start([UNIT]) == {UNIT: JobResult.FAILED}


def test_a_masked_path_unit_cannot_be_queued(rig: Rig) -> None:
    rig.units.write({UNIT: LinkEntry("/dev/null")})
    with pytest.raises(SystemdError) as raised:
        rig.manager.start([UNIT])
    assert error_name(raised.value) == "UnitMasked"
