# SPDX-License-Identifier: Apache-2.0
"""Path triggers: apply arms them and starts no job; it and status name what it does not arm."""

from __future__ import annotations

from datetime import timedelta

import pytest

from debvisor_timers.errors import SystemdError
from debvisor_timers.layout import TARGET
from debvisor_timers.operations.applying.timers import Unarmed
from debvisor_timers.operations.list import JobState, list_jobs
from debvisor_timers.operations.safety.finding import FindingKind
from debvisor_timers.operations.safety.status import status
from debvisor_timers.systemd.memory import Outcome
from debvisor_timers.systemd.ports import ActiveState
from tests.unit.operations.world import NIGHTLY, World

CHANGED = "jobs:\n  load: {triggers: [{path_changed: /srv/in}], command: [/bin/true]}\n"
EXISTS = CHANGED.replace("path_changed: /srv/in", "path_exists: /srv/ready")
BOTH = CHANGED.replace("[{path_changed: /srv/in}]", "[{path_changed: /srv/in}, {path_exists: /x}]")
UNIT, SERVICE = "debvisor-path-load.path", "debvisor-job-load.service"
LINK = f"{TARGET}.wants/{UNIT}"


def watching(world: World) -> bool:
    """Return whether the path unit is active."""
    units = world.systemd.manager.units(UNIT)
    return [unit.active_state for unit in units] == [ActiveState.ACTIVE]


def findings(world: World) -> list[tuple[FindingKind, str, str, str]]:
    return [
        (found.kind, found.subject, found.message, found.fix)
        for found in status(world.host).findings
    ]


def state(world: World) -> JobState:
    return list_jobs(world.host).rows[0].state


def test_a_new_trigger_is_armed_and_starts_nothing(world: World) -> None:
    result = world.apply(CHANGED)

    assert LINK in world.units()
    assert watching(world)
    assert (world.ran(), result.unarmed, findings(world)) == ([], (), [])
    assert state(world) is JobState.WATCHING
    world.systemd.touch("/srv/in/a")
    assert world.ran() == [SERVICE]


def test_a_trigger_whose_path_is_there_is_not_armed_and_named(world: World) -> None:
    world.systemd.touch("/srv/ready")

    result = world.apply(EXISTS)

    assert result.unarmed == (Unarmed(unit=UNIT, path="/srv/ready"),)
    assert world.ran() == []
    assert not watching(world)
    assert state(world) is JobState.STOPPED
    why = "its path trigger does not run: /srv/ready is there, and to start the trigger starts the"
    assert findings(world) == [
        (
            FindingKind.STOPPED,
            "load",
            f"is enabled, but {why} job at once",
            f"systemctl start {UNIT}",
        )
    ]


def test_a_trigger_that_is_not_armed_stays_so_until_it_is_started_or_the_host_boots(
    world: World,
) -> None:
    world.systemd.touch("/srv/ready")
    world.apply(EXISTS)

    world.apply(EXISTS.replace("load:", "load: {command: [/bin/a]}\n  other:"), yes=True)
    assert world.ran() == []

    world.apply(EXISTS)
    world.systemd.set_outcome(SERVICE, Outcome(duration=timedelta(hours=1)))
    world.systemd.reboot()
    assert world.ran() == [SERVICE]


def test_the_target_is_not_started_for_others_while_a_trigger_is_not_armed(world: World) -> None:
    """It would start the path unit as well."""
    world.systemd.touch("/srv/ready")

    world.apply(EXISTS + NIGHTLY.removeprefix("jobs:\n"))

    assert world.running() == {"debvisor-job-nightly.timer"}
    assert world.ran() == []


def test_a_path_that_is_gone_again_is_watched(world: World) -> None:
    world.systemd.touch("/srv/ready")
    world.systemd.remove("/srv/ready")

    assert world.apply(EXISTS).unarmed == ()
    assert watching(world)


def test_an_edit_of_the_path_moves_the_trigger_and_starts_nothing(world: World) -> None:
    world.apply(CHANGED)
    world.systemd.touch("/srv/other")

    world.apply(CHANGED.replace("/srv/in", "/srv/other"))
    world.systemd.touch("/srv/in")
    assert world.ran() == []

    world.systemd.touch("/srv/other")
    assert world.ran() == [SERVICE]


def test_an_edit_to_a_path_that_is_there_stops_the_trigger(world: World) -> None:
    world.apply(CHANGED)
    world.systemd.touch("/x")

    assert world.apply(BOTH).unarmed == (Unarmed(unit=UNIT, path="/x"),)
    assert not watching(world)
    assert world.ran() == []


def test_a_new_description_does_not_touch_the_trigger(world: World) -> None:
    world.apply(EXISTS)
    world.systemd.set_outcome(SERVICE, Outcome(duration=timedelta(hours=1)))
    world.systemd.touch("/srv/ready")
    assert world.ran() == [SERVICE]

    result = world.apply(EXISTS.replace("{trig", "{name: Loads, trig"))

    assert (result.updated, result.unarmed) == (1, ())
    assert watching(world)


@pytest.mark.parametrize("off", ["load: {enabled: false, triggers", "other: {triggers"])
def test_a_job_that_is_disabled_or_removed_is_watched_no_more(world: World, off: str) -> None:
    world.apply(CHANGED)

    world.apply(CHANGED.replace("load: {triggers", off))

    assert not watching(world)
    assert LINK not in world.units()
    world.systemd.touch("/srv/in")
    assert SERVICE not in world.ran()


def test_a_job_that_is_enabled_again_is_watched_again(world: World) -> None:
    world.apply(CHANGED)
    world.apply(CHANGED.replace("{trig", "{enabled: false, trig"))
    world.systemd.touch("/srv/in")

    world.apply(CHANGED)

    assert watching(world)
    assert world.ran() == []


def test_the_last_trigger_that_goes_takes_the_unit_along(world: World) -> None:
    world.apply(CHANGED)

    world.apply("jobs:\n  load: {schedule: '@daily', command: [/bin/true]}\n")

    assert UNIT not in world.units()
    assert world.systemd.manager.units(UNIT) == []


def test_the_brake_stops_triggers_and_apply_leaves_them_stopped(world: World) -> None:
    world.apply(CHANGED)
    world.systemd.manager.stop([TARGET])
    assert not watching(world)
    world.systemd.touch("/x")

    result = world.apply(BOTH)

    assert (result.timers_held, result.unarmed) == (True, ())
    assert not watching(world)
    world.systemd.remove("/x")
    world.systemd.manager.start([TARGET])
    assert watching(world)
    assert world.ran() == []


def test_a_failed_trigger_is_a_finding_and_a_new_one_starts_again(world: World) -> None:
    world.apply(EXISTS)
    world.systemd.touch("/srv/ready")
    assert not watching(world)
    assert world.ran() == [SERVICE] * 30

    [found] = findings(world)

    assert found[2].startswith(f"its path trigger has failed (systemctl status {UNIT})")
    assert found[3] == f"systemctl start {UNIT}"
    world.systemd.remove("/srv/ready")
    world.systemd.advance(timedelta(minutes=2))
    world.apply(EXISTS.replace("/srv/ready", "/srv/other"))
    assert watching(world)


def test_a_trigger_stopped_by_hand_stays_stopped_and_is_told(world: World) -> None:
    world.apply(CHANGED)
    world.systemd.manager.stop([UNIT])

    world.apply(CHANGED.replace("/srv/in", "/srv/other"))

    assert not watching(world)
    [found] = findings(world)
    assert found[2] == "is enabled, but its path trigger does not run"


@pytest.mark.parametrize("step", ["units.write", "manager.reload"])
def test_an_apply_that_fails_brings_the_trigger_back(world: World, step: str) -> None:
    world.apply(CHANGED)
    picture = world.picture()
    world.write(CHANGED.replace("/srv/in", "/srv/other"))
    world.systemd.steps.fail_on(step, SystemdError("no"))

    with pytest.raises(SystemdError, match="undone"):
        world.apply()

    assert world.picture() == picture
    world.systemd.touch("/srv/in")
    assert world.ran() == [SERVICE]


def test_an_apply_that_fails_leaves_no_new_trigger(world: World) -> None:
    world.apply(NIGHTLY)
    picture = world.picture()
    world.write(NIGHTLY + CHANGED.removeprefix("jobs:\n"))
    world.systemd.steps.fail_on("manager.start", SystemdError("no"))

    with pytest.raises(SystemdError, match="undone"):
        world.apply()

    assert world.picture() == picture


def test_plan_after_apply_is_empty(world: World) -> None:
    world.apply(BOTH)

    result = world.apply(BOTH + "# touched\n")

    assert result.plan is not None
    assert result.plan.is_empty
