# SPDX-License-Identifier: Apache-2.0
"""What systemd does with RestartMode=direct; the twin does not retry, so only the real one."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from debvisor_timers.systemd.ports import ActiveState, FileEntry, JobResult, UnitState
from tests.box import inside_a_box
from tests.contract.rig import RealRig

pytestmark = pytest.mark.skipif(
    not inside_a_box(), reason="needs systemd as PID 1: runs in the box"
)

NAME = "contract-a.service"
FIRST = Path("/run/contract-first")
FIRST_ONLY = f"/bin/sh -c 'set -C; : >{FIRST}'"
"""Succeeds once."""


@pytest.fixture
def rig() -> Iterator[RealRig]:
    """The systemd that is PID 1."""
    new = RealRig()
    FIRST.unlink(missing_ok=True)
    yield new
    new.clean()
    FIRST.unlink(missing_ok=True)


def service(program: str, *, unit: str = "", retries: str = "", more: str = "") -> FileEntry:
    restart = f"Restart=on-failure\nRestartMode=direct\n{retries}" if retries else ""
    return FileEntry(
        f"[Unit]\n{unit}\n[Service]\nType=oneshot\nExecStart={program}\n{restart}\n{more}\n"
    )


def unit(rig: RealRig) -> UnitState:
    return next(iter(rig.manager.units(NAME)))


def test_a_unit_whose_dependency_fails_at_the_retry_is_stuck_until_it_is_stopped(
    rig: RealRig,
) -> None:
    """systemd starts the required unit again, and gives up the job, not the state."""
    need = "Requires=contract-need.service\nAfter=contract-need.service"
    rig.write(
        need_service=service(
            FIRST_ONLY,
        ),
        a_service=service("/bin/false", unit=need, retries="RestartSec=100ms"),
    )
    assert rig.manager.start([NAME]) == {NAME: JobResult.DEPENDENCY}
    stuck = UnitState(
        name=NAME,
        load_state="loaded",
        active_state=ActiveState.ACTIVATING,
        sub_state="auto-restart-queued",
        job="",
    )
    assert unit(rig) == stuck
    assert rig.manager.service(NAME).result == "exit-code"
    assert unit(rig) == stuck
    assert rig.manager.stop([NAME]) == {NAME: JobResult.DONE}
    rig.wait_for(lambda: rig.manager.units(NAME) == [], "it is unloaded")


def test_between_two_attempts_a_unit_has_its_job_and_the_old_invocation(rig: RealRig) -> None:
    rig.write(a_service=service("/bin/false", retries="RestartSec=30s"))
    rig.manager.start([NAME], wait=False)
    rig.wait_for(lambda: unit(rig).sub_state == "auto-restart", "it waits for its next attempt")
    assert (unit(rig).active_state, unit(rig).job) == (ActiveState.ACTIVATING, "start")
    state = rig.manager.service(NAME)
    assert (state.restarts, state.exit.exit_status, len(state.invocation_id)) == (0, 1, 32)


def test_a_start_limit_ends_retries_and_counts_the_refused_one(rig: RealRig) -> None:
    limit = "StartLimitIntervalSec=1h\nStartLimitBurst=3"
    rig.write(a_service=service("/bin/false", unit=limit, retries="RestartSec=50ms"))
    assert rig.manager.start([NAME]) == {NAME: JobResult.FAILED}
    state = rig.manager.service(NAME)
    assert (state.active_state, state.result) == (ActiveState.FAILED, "exit-code")
    assert state.restarts == 3
    assert rig.starts(NAME) == 3


def test_a_reset_before_the_program_starts_keeps_the_limit_from_the_next_run(
    rig: RealRig,
) -> None:
    """What `begin` does in a first attempt: no run is refused because of those before it."""
    limit = "StartLimitIntervalSec=1h\nStartLimitBurst=2"
    reset = f"ExecStartPre=/bin/systemctl reset-failed {NAME}"
    rig.write(a_service=service("/bin/false", unit=limit, more=reset))
    for _ in range(5):
        assert rig.manager.start([NAME]) == {NAME: JobResult.FAILED}
        state = rig.manager.service(NAME)
        assert (state.active_state, state.result) == (ActiveState.FAILED, "exit-code")
    assert rig.starts(NAME) == 5
