# SPDX-License-Identifier: Apache-2.0
"""When timers fire; what a reload, and a start or stop of their target, does to them."""

from __future__ import annotations

from datetime import timedelta

import pytest

from debvisor_timers.errors import SystemdError
from debvisor_timers.systemd.ports import (
    ActiveState,
    JobResult,
    TimerState,
    UnitState,
)
from tests.contract.rig import TARGET, Rig, at, error_name, timer

DAILY = "OnCalendar=*-*-* 02:00:00 UTC"
PART_OF = f"PartOf={TARGET}"


def states(rig: Rig, *patterns: str) -> list[tuple[str, str]]:
    return [(unit.name, unit.sub_state) for unit in rig.manager.units(*patterns or ("contract-*",))]


def test_a_timer_fires_at_its_instant_and_says_so(rig: Rig) -> None:
    due = rig.in_seconds(0.4)
    later = due + timedelta(days=1)
    rig.write(a_timer=timer(f"{at(due)}\n{at(later)}"), a_service=rig.service("contract-a.service"))
    rig.manager.start(["contract-a.timer"])
    assert rig.manager.timer("contract-a.timer") == TimerState(last_trigger=None, next_elapse=due)
    names = ("contract-a.timer", "contract-none.timer")
    assert rig.manager.next_elapses(names) == {"contract-a.timer": due}
    rig.pass_to(due)
    rig.wait_for(lambda: rig.is_idle("contract-a.service"), "the run has ended")
    state = rig.manager.timer("contract-a.timer")
    assert state.last_trigger is not None
    assert due <= state.last_trigger < due + timedelta(milliseconds=500)
    assert state.next_elapse == later
    assert rig.starts("contract-a.service") == 1


def test_two_lines_for_one_instant_are_one_run(rig: Rig) -> None:
    due = rig.in_seconds(0.4)
    rig.write(a_timer=timer(f"{at(due)}\n{at(due)}"), a_service=rig.service("contract-a.service"))
    rig.manager.start(["contract-a.timer"])
    rig.pass_to(due)
    assert rig.starts("contract-a.service") == 1


def test_since_when_a_timer_is_active_no_run_of_it_changes(rig: Rig) -> None:
    due = rig.in_seconds(0.4)
    rig.write(
        a_timer=timer(f"{at(due)}\n{DAILY}"),
        a_service=rig.service("contract-a.service", takes=1),
    )
    assert rig.manager.active_since("contract-a.timer") is None
    rig.manager.start(["contract-a.timer"])
    since = rig.manager.active_since("contract-a.timer")
    assert since is not None
    assert rig.began <= since <= due
    rig.pass_to(due)
    assert states(rig, "*contract-a.timer") == [("contract-a.timer", "running")]
    later = rig.manager.active_since("contract-a.timer")
    assert later is not None
    assert abs(later - since) < timedelta(milliseconds=50)
    rig.manager.stop(["contract-a.timer"])
    assert rig.manager.active_since("contract-a.timer") is None


def test_while_the_service_runs_the_timer_has_no_next_elapse(rig: Rig) -> None:
    due = rig.in_seconds(0.4)
    rig.write(
        a_timer=timer(f"{at(due)}\n{DAILY}"),
        a_service=rig.service("contract-a.service", takes=1),
    )
    rig.manager.start(["contract-a.timer"])
    rig.pass_to(due)
    assert states(rig, "*contract-a.timer") == [("contract-a.timer", "running")]
    assert rig.manager.timer("contract-a.timer").next_elapse is None
    assert rig.manager.next_elapses(["contract-a.timer"]) == {}


def test_a_missed_elapse_runs_as_soon_as_the_service_ends(rig: Rig) -> None:
    due = rig.in_seconds(0.4)
    rig.write(
        a_timer=timer(f"{at(due)}\n{at(due + timedelta(seconds=1))}"),
        a_service=rig.service("contract-a.service", takes=1.5),
    )
    rig.manager.start(["contract-a.timer"])
    rig.pass_to(due + timedelta(seconds=1.8))
    assert rig.starts("contract-a.service") == 2


def test_with_deferred_reactivation_a_missed_elapse_is_skipped(rig: Rig) -> None:
    due = rig.in_seconds(0.4)
    rig.write(
        a_timer=timer(
            f"{at(due)}\n{at(due + timedelta(seconds=1))}", extra="DeferReactivation=yes"
        ),
        a_service=rig.service("contract-a.service", takes=1.5),
    )
    rig.manager.start(["contract-a.timer"])
    rig.pass_to(due + timedelta(seconds=1.8))
    assert rig.starts("contract-a.service") == 1


def test_a_timer_that_never_elapses_starts_without_a_word(rig: Rig) -> None:
    rig.write(
        a_timer=timer("OnCalendar=2020-01-01 00:00:00 UTC"),
        a_service=rig.service("contract-a.service"),
    )
    assert rig.manager.start(["contract-a.timer"]) == {"contract-a.timer": JobResult.DONE}
    assert ("contract-a.timer", "elapsed") in states(rig)
    none = TimerState(last_trigger=None, next_elapse=None)
    assert rig.manager.timer("contract-a.timer") == none


def test_one_bad_line_of_two_is_ignored(rig: Rig) -> None:
    due = rig.in_seconds(3600)
    rig.write(
        a_timer=timer(f"OnCalendar=*-*-* 25:00:00\n{at(due)}"),
        a_service=rig.service("contract-a.service"),
    )
    rig.manager.start(["contract-a.timer"])
    assert rig.manager.timer("contract-a.timer").next_elapse == due


def test_a_timer_with_bad_lines_only_cannot_be_queued(rig: Rig) -> None:
    rig.write(
        a_timer=timer("OnCalendar=*-*-* 25:00:00"), a_service=rig.service("contract-a.service")
    )
    with pytest.raises(SystemdError) as raised:
        rig.manager.start(["contract-a.timer"])
    assert error_name(raised.value) == "BadUnitSetting"


def test_a_timer_without_its_service_fails_to_start(rig: Rig) -> None:
    rig.write(a_timer=timer(DAILY))
    assert rig.manager.start(["contract-a.timer"]) == {"contract-a.timer": JobResult.FAILED}


def test_timers_that_do_not_exist_have_no_times(rig: Rig) -> None:
    due = rig.in_seconds(3600)
    rig.write(a_timer=timer(at(due)), a_service=rig.service("contract-a.service"))
    rig.manager.start(["contract-a.timer"])
    assert rig.manager.timers(["contract-a.timer", "contract-none.timer"]) == {
        "contract-a.timer": TimerState(last_trigger=None, next_elapse=due),
        "contract-none.timer": TimerState(last_trigger=None, next_elapse=None),
    }


def test_an_elapse_since_boot_that_has_passed_fires_on_start(rig: Rig) -> None:
    rig.let_pass(timedelta(milliseconds=10))
    rig.write(a_timer=timer("OnBootSec=1us"), a_service=rig.service("contract-a.service"))
    rig.manager.start(["contract-a.timer"])
    rig.wait_for(lambda: ("contract-a.timer", "elapsed") in states(rig), "the timer has fired")
    assert rig.starts("contract-a.service") == 1
    rig.manager.reload()
    assert rig.starts("contract-a.service") == 1


def test_an_elapse_since_boot_is_told_as_an_instant(rig: Rig) -> None:
    rig.write(a_timer=timer("OnActiveSec=1h"), a_service=rig.service("contract-a.service"))
    now = rig.clock.now()
    rig.manager.start(["contract-a.timer"])
    elapse = rig.manager.timer("contract-a.timer").next_elapse
    assert elapse is not None
    assert abs(elapse - now - timedelta(hours=1)) < timedelta(seconds=1)


def test_a_reload_keeps_the_next_elapse(rig: Rig) -> None:
    due = rig.in_seconds(3600)
    rig.write(a_timer=timer(at(due)), a_service=rig.service("contract-a.service"))
    rig.manager.start(["contract-a.timer"])
    rig.manager.reload()
    assert rig.manager.timer("contract-a.timer").next_elapse == due
    assert rig.starts("contract-a.service") == 0


def test_a_reload_takes_up_a_new_schedule(rig: Rig) -> None:
    due = rig.in_seconds(7200)
    rig.write(a_timer=timer(at(rig.in_seconds(3600))), a_service=rig.service("contract-a.service"))
    rig.manager.start(["contract-a.timer"])
    rig.write(a_timer=timer(at(due)))
    assert rig.manager.timer("contract-a.timer").next_elapse != due
    rig.manager.reload()
    assert rig.manager.timer("contract-a.timer").next_elapse == due


def test_a_reload_fires_a_running_timer_for_what_its_new_schedule_missed(rig: Rig) -> None:
    rig.write(a_timer=timer(at(rig.in_seconds(3600))), a_service=rig.service("contract-a.service"))
    rig.manager.start(["contract-a.timer"])
    past = rig.in_seconds(0.01)
    rig.pass_to(past)
    rig.write(a_timer=timer(at(past)))
    rig.manager.reload()
    rig.let_pass(timedelta(milliseconds=200))
    assert rig.starts("contract-a.service") == 1


def test_a_timer_whose_file_went_while_it_ran_is_a_failed_ghost(rig: Rig) -> None:
    rig.write(a_timer=timer(DAILY), a_service=rig.service("contract-a.service"))
    rig.manager.start(["contract-a.timer"])
    rig.units.write({"contract-a.timer": None, "contract-a.service": None})
    rig.manager.reload()
    ghost = UnitState(
        name="contract-a.timer",
        load_state="not-found",
        active_state=ActiveState.FAILED,
        sub_state="failed",
    )
    assert rig.manager.units("contract-*") == [ghost]
    assert rig.manager.timer("contract-a.timer").next_elapse is None
    rig.manager.stop(["contract-a.timer"])
    assert rig.manager.units("contract-*") == [ghost]
    rig.manager.reset_failed("contract-a.timer")
    rig.wait_for(lambda: rig.manager.units("contract-*") == [], "the ghost is gone")


def test_a_timer_that_is_stopped_before_its_file_goes_leaves_nothing(rig: Rig) -> None:
    rig.write(a_timer=timer(DAILY), a_service=rig.service("contract-a.service"))
    rig.manager.start(["contract-a.timer"])
    rig.manager.stop(["contract-a.timer"])
    rig.units.write({"contract-a.timer": None, "contract-a.service": None})
    rig.manager.reload()
    assert rig.manager.units("contract-*") == []


def test_the_target_starts_what_it_wants_and_stops_what_is_part_of_it(rig: Rig) -> None:
    rig.write(
        a_timer=timer(DAILY, unit=PART_OF),
        a_service=rig.service("contract-a.service"),
        b_timer=timer(DAILY),
        b_service=rig.service("contract-b.service"),
    )
    rig.enable("contract-a.timer", "contract-b.timer")
    assert rig.manager.start([TARGET]) == {TARGET: JobResult.DONE}
    timers = ("contract-*.timer", TARGET)
    assert states(rig, *timers) == [
        ("contract-a.timer", "waiting"),
        ("contract-b.timer", "waiting"),
        (TARGET, "active"),
    ]
    rig.manager.stop([TARGET])
    rig.wait_for(
        lambda: ("contract-a.timer", "waiting") not in states(rig, *timers), "the timer stopped"
    )
    assert ("contract-b.timer", "waiting") in states(rig, *timers)


def test_a_new_link_counts_from_the_next_reload_and_start_of_the_target(rig: Rig) -> None:
    rig.enable()
    rig.manager.start([TARGET])
    rig.write(a_timer=timer(DAILY, unit=PART_OF), a_service=rig.service("contract-a.service"))
    rig.enable("contract-a.timer")
    rig.manager.start([TARGET])
    assert states(rig) == []
    rig.manager.reload()
    assert states(rig) == [("contract-a.service", "dead"), ("contract-a.timer", "dead")]
    rig.manager.start([TARGET])
    assert states(rig) == [("contract-a.service", "dead"), ("contract-a.timer", "waiting")]


def test_starting_an_active_timer_again_changes_nothing(rig: Rig) -> None:
    due = rig.in_seconds(3600)
    rig.write(a_timer=timer(at(due)), a_service=rig.service("contract-a.service"))
    rig.manager.start(["contract-a.timer"])
    assert rig.manager.start(["contract-a.timer"]) == {"contract-a.timer": JobResult.DONE}
    assert rig.manager.timer("contract-a.timer").next_elapse == due


def test_stopping_a_timer_leaves_its_run_alone(rig: Rig) -> None:
    due = rig.in_seconds(0.4)
    rig.write(a_timer=timer(at(due)), a_service=rig.service("contract-a.service", takes=30))
    rig.manager.start(["contract-a.timer"])
    rig.pass_to(due)
    rig.manager.stop(["contract-a.timer"])
    rig.manager.reload()
    assert rig.manager.service("contract-a.service").active_state is ActiveState.ACTIVATING


JITTER = "RandomizedDelaySec=30min\nFixedRandomDelay=yes"


def test_jitter_is_below_its_limit_and_stays_across_reloads_and_restarts(rig: Rig) -> None:
    due = rig.in_seconds(3600)
    rig.write(a_timer=timer(at(due), extra=JITTER), a_service=rig.service("contract-a.service"))
    rig.manager.start(["contract-a.timer"])
    first = rig.manager.timer("contract-a.timer").next_elapse
    assert first is not None
    assert due <= first < due + timedelta(minutes=30)

    rig.manager.reload()
    assert rig.manager.timer("contract-a.timer").next_elapse == first
    rig.manager.stop(["contract-a.timer"])
    rig.manager.start(["contract-a.timer"])
    assert rig.manager.timer("contract-a.timer").next_elapse == first


def test_jitter_differs_from_timer_to_timer(rig: Rig) -> None:
    due = rig.in_seconds(3600)
    names = [f"{letter}_{kind}" for letter in "abcde" for kind in ("timer", "service")]
    rig.write(
        **{
            name: timer(at(due), extra=JITTER)
            if name.endswith("timer")
            else rig.service(f"contract-{name[0]}.service")
            for name in names
        }
    )
    timers = [f"contract-{letter}.timer" for letter in "abcde"]
    rig.manager.start(timers)
    assert len({state.next_elapse for state in rig.manager.timers(timers).values()}) == 5


def test_what_was_missed_fires_by_its_jitter_after_the_start(rig: Rig) -> None:
    """Not at once: a host with many jobs does not start all of them together."""
    due = rig.in_seconds(0)
    extra = f"Persistent=yes\n{JITTER}"
    rig.write(a_timer=timer(at(due), extra=extra), a_service=rig.service("contract-a.service"))
    rig.set_stamp("contract-a.timer", due - timedelta(seconds=10))
    rig.pass_to(due)
    rig.manager.start(["contract-a.timer"])
    elapse = rig.manager.timer("contract-a.timer").next_elapse
    assert elapse is not None
    assert due < elapse < due + timedelta(minutes=30)
    assert rig.starts("contract-a.service") == 0
