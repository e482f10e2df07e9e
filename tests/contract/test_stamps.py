# SPDX-License-Identifier: Apache-2.0
"""What a timer that starts (again) makes up for: facts that keep an edit from starting a job."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.contract.rig import TARGET, Rig, at, timer

DAILY = "OnCalendar=*-*-* 02:00:00 UTC"
PART_OF = f"PartOf={TARGET}"


def states(rig: Rig, *patterns: str) -> list[tuple[str, str]]:
    return [(unit.name, unit.sub_state) for unit in rig.manager.units(*patterns or ("contract-*",))]


def test_a_persistent_timer_misses_nothing_at_its_first_start(rig: Rig) -> None:
    rig.write(
        a_timer=timer(DAILY, extra="Persistent=yes"), a_service=rig.service("contract-a.service")
    )
    before = rig.clock.now()
    rig.manager.start(["contract-a.timer"])
    stamp = rig.stamp("contract-a.timer")
    assert stamp is not None
    assert abs(stamp - before) < timedelta(seconds=1)
    assert rig.starts("contract-a.service") == 0


def test_a_persistent_timer_catches_up_once(rig: Rig) -> None:
    rig.write(
        a_timer=timer(DAILY, extra="Persistent=yes"), a_service=rig.service("contract-a.service")
    )
    rig.set_stamp("contract-a.timer", rig.clock.now() - timedelta(days=3))
    rig.manager.start(["contract-a.timer"])
    rig.wait_for(
        lambda: (
            rig.manager.timer("contract-a.timer").last_trigger is not None
            and rig.is_idle("contract-a.service")
            and ("contract-a.timer", "waiting") in states(rig)
        ),
        "it has caught up",
    )
    rig.let_pass(timedelta(milliseconds=200))
    assert rig.starts("contract-a.service") == 1


@pytest.mark.parametrize(("touched", "starts"), [(False, 1), (True, 0)])
def test_a_touched_stamp_keeps_a_restarted_timer_from_catching_up(
    rig: Rig, touched: bool, starts: int
) -> None:
    due = rig.in_seconds(0.4)
    rig.write(
        a_timer=timer(at(due), extra="Persistent=yes"),
        a_service=rig.service("contract-a.service"),
    )
    rig.manager.start(["contract-a.timer"])
    rig.manager.stop(["contract-a.timer"])
    rig.pass_to(due)
    if touched:
        rig.manager.touch_stamp("contract-a.timer")
    rig.manager.start(["contract-a.timer"])
    rig.let_pass(timedelta(milliseconds=200))
    assert rig.starts("contract-a.service") == starts


def test_a_stamp_can_be_made_and_removed(rig: Rig) -> None:
    rig.manager.touch_stamp("contract-a.timer")
    stamp = rig.stamp("contract-a.timer")
    assert stamp is not None
    assert abs(stamp - rig.clock.now()) < timedelta(seconds=1)
    rig.manager.remove_stamp("contract-a.timer")
    assert rig.stamp("contract-a.timer") is None
    rig.manager.remove_stamp("contract-a.timer")


@pytest.mark.parametrize(("enabled", "starts"), [(True, 1), (False, 0)])
def test_without_persistent_a_restarted_timer_catches_up_only_while_it_was_kept_loaded(
    rig: Rig, enabled: bool, starts: int
) -> None:
    due = rig.in_seconds(0.4)
    rig.write(a_timer=timer(f"{at(due)}\n{DAILY}"), a_service=rig.service("contract-a.service"))
    rig.enable(*["contract-a.timer"] if enabled else [])
    rig.manager.start([TARGET, "contract-a.timer"])
    rig.manager.stop(["contract-a.timer"])
    rig.pass_to(due)
    rig.manager.start(["contract-a.timer"])
    rig.let_pass(timedelta(milliseconds=200))
    assert rig.starts("contract-a.service") == starts


def test_without_persistent_a_new_schedule_catches_up_since_the_last_activation(rig: Rig) -> None:
    rig.write(a_timer=timer(at(rig.in_seconds(3600))), a_service=rig.service("contract-a.service"))
    rig.enable("contract-a.timer")
    rig.manager.start([TARGET])
    rig.manager.stop(["contract-a.timer"])
    past = rig.in_seconds(0.01)
    rig.pass_to(past)
    rig.write(a_timer=timer(at(past)))
    rig.manager.reload()
    assert rig.starts("contract-a.service") == 0
    rig.manager.start(["contract-a.timer"])
    rig.let_pass(timedelta(milliseconds=200))
    assert rig.starts("contract-a.service") == 1


@pytest.mark.parametrize(("persistent", "starts"), [(False, 1), (True, 0)])
def test_a_touched_stamp_lets_a_new_schedule_count_from_now(
    rig: Rig, persistent: bool, starts: int
) -> None:
    extra = "Persistent=yes" if persistent else ""
    rig.write(
        a_timer=timer(at(rig.in_seconds(3600)), extra=extra),
        a_service=rig.service("contract-a.service"),
    )
    rig.enable("contract-a.timer")
    rig.manager.start([TARGET])
    past = rig.in_seconds(0.01)
    rig.pass_to(past)
    rig.manager.stop(["contract-a.timer"])
    rig.write(a_timer=timer(f"{at(past)}\n{DAILY}", extra=extra))
    rig.manager.reload()
    rig.manager.touch_stamp("contract-a.timer")
    rig.manager.start(["contract-a.timer"])
    rig.let_pass(timedelta(milliseconds=200))
    assert rig.starts("contract-a.service") == starts


@pytest.mark.parametrize(("persistent", "starts"), [(False, 1), (True, 0)])
def test_a_target_that_was_stopped_for_a_while_makes_up_for_it_unless_stamps_are_touched(
    rig: Rig, persistent: bool, starts: int
) -> None:
    due = rig.in_seconds(0.8)
    extra = "Persistent=yes" if persistent else ""
    rig.write(
        a_timer=timer(f"{at(due)}\n{DAILY}", unit=PART_OF, extra=extra),
        a_service=rig.service("contract-a.service"),
    )
    rig.enable("contract-a.timer")
    rig.keep_target()
    rig.manager.start([TARGET])
    rig.manager.stop([TARGET])
    rig.wait_for(
        lambda: states(rig, "contract-a.timer") == [("contract-a.timer", "dead")],
        "the timer has stopped",
    )
    rig.pass_to(due)
    rig.manager.touch_stamp("contract-a.timer")
    rig.manager.start([TARGET])
    rig.let_pass(timedelta(milliseconds=200))
    assert rig.starts("contract-a.service") == starts


def test_a_restart_does_not_fire_again_for_an_elapse_that_was_served(rig: Rig) -> None:
    due = rig.in_seconds(0.4)
    rig.write(a_timer=timer(f"{at(due)}\n{DAILY}"), a_service=rig.service("contract-a.service"))
    rig.enable("contract-a.timer")
    rig.manager.start([TARGET])
    rig.pass_to(due)
    rig.wait_for(lambda: rig.is_idle("contract-a.service"), "the run has ended")
    rig.manager.stop(["contract-a.timer"])
    rig.manager.start(["contract-a.timer"])
    rig.let_pass(timedelta(milliseconds=200))
    assert rig.starts("contract-a.service") == 1
