# SPDX-License-Identifier: Apache-2.0
"""What systemd does with units, jobs and timers: facts that the rest of the program builds on."""

from __future__ import annotations

from datetime import timedelta

import pytest

from debvisor_timers.errors import SystemdError
from debvisor_timers.systemd.ports import (
    ActiveState,
    JobResult,
    LinkEntry,
    ServiceState,
    TimerState,
    UnitState,
)
from tests.contract.rig import TARGET, Rig, at, error_name, timer

DAILY = "OnCalendar=*-*-* 02:00:00 UTC"
PART_OF = f"PartOf={TARGET}"


def idle(name: str) -> UnitState:
    return UnitState(
        name=name, load_state="loaded", active_state=ActiveState.INACTIVE, sub_state="dead"
    )


def waiting(name: str) -> UnitState:
    return UnitState(
        name=name, load_state="loaded", active_state=ActiveState.ACTIVE, sub_state="waiting"
    )


def states(rig: Rig, *patterns: str) -> list[tuple[str, str]]:
    return [(unit.name, unit.sub_state) for unit in rig.manager.units(*patterns or ("contract-*",))]


# --- jobs


def test_version_is_the_major_version(rig: Rig) -> None:
    assert 257 <= rig.manager.version() < 300


def test_a_unit_that_was_never_seen_starts_without_a_reload(rig: Rig) -> None:
    rig.write(a_service=rig.service("contract-a.service"))
    assert rig.manager.start(["contract-a.service"]) == {"contract-a.service": JobResult.DONE}
    assert rig.starts("contract-a.service") == 1


def test_start_without_wait_returns_no_results(rig: Rig) -> None:
    rig.write(a_service=rig.service("contract-a.service", takes=0.5))
    assert rig.manager.start(["contract-a.service"], wait=False) == {}
    rig.wait_for(lambda: rig.is_idle("contract-a.service"), "the service has ended")
    assert rig.starts("contract-a.service") == 1


def test_start_of_nothing_does_nothing(rig: Rig) -> None:
    assert rig.manager.start([]) == {}
    assert rig.manager.stop([]) == {}


def test_the_result_of_each_job_is_told(rig: Rig) -> None:
    rig.write(
        good_service=rig.service("contract-good.service"),
        bad_service=rig.service("contract-bad.service", fails=True),
    )
    results = rig.manager.start(["contract-bad.service", "contract-good.service"])
    assert results == {
        "contract-bad.service": JobResult.FAILED,
        "contract-good.service": JobResult.DONE,
    }


def test_a_unit_named_twice_is_started_once(rig: Rig) -> None:
    rig.write(a_service=rig.service("contract-a.service", takes=0.2))
    rig.manager.start(["contract-a.service", "contract-a.service"])
    assert rig.starts("contract-a.service") == 1


def test_many_jobs_at_once_all_end(rig: Rig) -> None:
    names = [f"contract-n{number}" for number in range(100)]
    rig.write(
        **{f"n{number}_timer": timer(DAILY) for number in range(100)},
        **{
            f"n{number}_service": rig.service(f"contract-n{number}.service")
            for number in range(100)
        },
    )
    timers = [f"{name}.timer" for name in names]
    assert rig.manager.start(timers) == dict.fromkeys(timers, JobResult.DONE)
    assert rig.manager.stop(timers) == dict.fromkeys(timers, JobResult.DONE)


@pytest.mark.parametrize(
    ("files", "name", "error"),
    [
        ({}, "contract-none.service", "NoSuchUnit"),
        ({"contract-x.service": LinkEntry("/dev/null")}, "contract-x.service", "UnitMasked"),
    ],
)
def test_a_unit_that_cannot_be_queued_is_an_error(
    rig: Rig, files: dict[str, LinkEntry], name: str, error: str
) -> None:
    rig.units.write(files)
    with pytest.raises(SystemdError, match=name) as raised:
        rig.manager.start([name])
    assert error_name(raised.value) == error


def test_a_service_without_a_command_cannot_be_queued(rig: Rig) -> None:
    rig.write(a_service="[Service]\nType=oneshot\n")
    with pytest.raises(SystemdError) as raised:
        rig.manager.start(["contract-a.service"])
    assert error_name(raised.value) == "BadUnitSetting"


def test_units_named_before_one_that_cannot_be_queued_are_started(rig: Rig) -> None:
    rig.write(a_timer=timer(DAILY), a_service=rig.service("contract-a.service"))
    with pytest.raises(SystemdError):
        rig.manager.start(["contract-a.timer", "contract-none.timer"])
    rig.wait_for(lambda: ("contract-a.timer", "waiting") in states(rig), "it has started")


def test_a_missing_required_unit_is_an_error(rig: Rig) -> None:
    rig.write(a_service=rig.service("contract-a.service", unit="Requires=contract-none.service"))
    with pytest.raises(SystemdError, match=r"contract-none\.service not found"):
        rig.manager.start(["contract-a.service"])
    assert rig.starts("contract-a.service") == 0


def test_a_required_unit_that_fails_keeps_the_other_from_running(rig: Rig) -> None:
    needs = "Requires=contract-bad.service\nAfter=contract-bad.service"
    rig.write(
        bad_service=rig.service("contract-bad.service", fails=True),
        a_service=rig.service("contract-a.service", unit=needs),
    )
    results = rig.manager.start(["contract-a.service"])
    assert results == {"contract-a.service": JobResult.DEPENDENCY}
    assert rig.starts("contract-a.service") == 0


def test_a_run_that_is_skipped_is_done_all_the_same(rig: Rig) -> None:
    rig.write(a_service=rig.service("contract-a.service", skipped=True))
    assert rig.manager.start(["contract-a.service"]) == {"contract-a.service": JobResult.DONE}
    assert rig.starts("contract-a.service") == 0


def test_waiting_ends_at_the_timeout(rig: Rig) -> None:
    rig.write(a_service=rig.service("contract-a.service", takes=30))
    with pytest.raises(SystemdError, match="in time"):
        rig.manager.start(["contract-a.service"], timeout=timedelta(milliseconds=300))
    assert rig.manager.service("contract-a.service").active_state is ActiveState.ACTIVATING


def test_stop_of_what_is_not_loaded_is_no_job(rig: Rig) -> None:
    rig.write(a_service=rig.service("contract-a.service"))
    assert rig.manager.stop(["contract-a.service", "contract-none.service"]) == {}


def test_a_run_that_is_stopped_failed_by_a_signal(rig: Rig) -> None:
    rig.write(a_service=rig.service("contract-a.service", takes=30))
    rig.manager.start(["contract-a.service"], wait=False)
    rig.wait_for(lambda: not rig.is_idle("contract-a.service"), "the service runs")
    assert rig.manager.stop(["contract-a.service"]) == {"contract-a.service": JobResult.DONE}
    state = rig.manager.service("contract-a.service")
    assert (state.active_state, state.result) == (ActiveState.FAILED, "signal")


# --- what systemd remembers


def test_units_are_listed_by_pattern_in_order(rig: Rig) -> None:
    rig.write(
        b_timer=timer(DAILY),
        b_service=rig.service("contract-b.service"),
        a_timer=timer(DAILY),
        a_service=rig.service("contract-a.service"),
    )
    rig.manager.start(["contract-b.timer", "contract-a.timer"])
    assert rig.manager.units("contract-*.timer", "contract-a.*") == [
        idle("contract-a.service"),
        waiting("contract-a.timer"),
        waiting("contract-b.timer"),
    ]
    assert rig.manager.units() == []


def test_a_running_service_has_a_start_job(rig: Rig) -> None:
    rig.write(a_service=rig.service("contract-a.service", takes=30))
    rig.manager.start(["contract-a.service"], wait=False)
    rig.wait_for(lambda: not rig.is_idle("contract-a.service"), "the service runs")
    assert rig.manager.units("contract-a.service") == [
        UnitState(
            name="contract-a.service",
            load_state="loaded",
            active_state=ActiveState.ACTIVATING,
            sub_state="start",
            job="start",
        )
    ]


def test_without_its_timer_a_service_is_forgotten_when_it_has_run(rig: Rig) -> None:
    rig.write(a_service=rig.service("contract-a.service"))
    rig.manager.start(["contract-a.service"])
    rig.wait_for(lambda: rig.manager.units("contract-*") == [], "the service is unloaded")
    assert rig.manager.service("contract-a.service") == ServiceState(
        active_state=ActiveState.INACTIVE,
        sub_state="dead",
        result="success",
        invocation_id="",
        need_daemon_reload=False,
    )


def test_its_timer_keeps_what_a_service_did_even_through_a_reload(rig: Rig) -> None:
    rig.write(a_timer=timer(DAILY), a_service=rig.service("contract-a.service"))
    rig.manager.start(["contract-a.timer", "contract-a.service"])
    before = rig.manager.service("contract-a.service")
    assert len(before.invocation_id) == 32
    rig.manager.reload()
    assert rig.manager.service("contract-a.service") == before


def test_a_failed_service_stays_until_it_is_reset(rig: Rig) -> None:
    rig.write(a_service=rig.service("contract-a.service", fails=True))
    rig.manager.start(["contract-a.service"])
    state = rig.manager.service("contract-a.service")
    assert (state.active_state, state.result) == (ActiveState.FAILED, "exit-code")
    assert states(rig) == [("contract-a.service", "failed")]
    rig.manager.reset_failed("contract-a.service")
    rig.wait_for(lambda: states(rig) == [], "the service is unloaded")


def test_reset_failed_of_what_is_not_loaded_does_nothing(rig: Rig) -> None:
    rig.manager.reset_failed("contract-none.service")
    assert rig.manager.units("contract-*") == []


def test_an_edited_file_needs_a_reload(rig: Rig) -> None:
    rig.write(a_timer=timer(DAILY), a_service=rig.service("contract-a.service"))
    rig.manager.start(["contract-a.timer"])
    assert not rig.manager.service("contract-a.service").need_daemon_reload
    rig.write(a_service=rig.service("contract-a.service", extra="Nice=5"))
    assert rig.manager.service("contract-a.service").need_daemon_reload
    rig.manager.reload()
    assert not rig.manager.service("contract-a.service").need_daemon_reload


def test_a_unit_without_drop_ins_has_none(rig: Rig) -> None:
    rig.write(a_timer=timer(DAILY), a_service=rig.service("contract-a.service"))
    assert rig.manager.drop_ins("contract-a.timer") == ()


# --- timers


def test_a_timer_fires_at_its_instant_and_says_so(rig: Rig) -> None:
    due = rig.in_seconds(0.4)
    later = due + timedelta(days=1)
    rig.write(a_timer=timer(f"{at(due)}\n{at(later)}"), a_service=rig.service("contract-a.service"))
    rig.manager.start(["contract-a.timer"])
    assert rig.manager.timer("contract-a.timer") == TimerState(last_trigger=None, next_elapse=due)
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


# --- stamps, stop and start


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


# --- reload


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


# --- the target


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
