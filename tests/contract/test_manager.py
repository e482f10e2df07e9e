# SPDX-License-Identifier: Apache-2.0
"""What systemd does with jobs, and what it remembers of units."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path

import pytest

from debvisor_timers.errors import SystemdError
from debvisor_timers.history.outcome import Exit
from debvisor_timers.systemd.ports import (
    ActiveState,
    JobResult,
    LinkEntry,
    ServiceState,
    UnitState,
)
from tests.contract.rig import Rig, error_name, timer

DAILY = "OnCalendar=*-*-* 02:00:00 UTC"


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


def test_version_is_the_major_version(rig: Rig) -> None:
    assert 257 <= rig.manager.version() < 300


def test_the_boot_lies_in_the_past_and_stays_there(rig: Rig) -> None:
    booted = rig.manager.booted()

    assert timedelta() <= rig.clock.now() - booted < timedelta(days=1)
    assert rig.manager.booted() == booted


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
    rig.write(a_service=rig.service("contract-a.service", unit="StartLimitIntervalSec=0"))
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


@pytest.mark.parametrize(
    ("fails", "exit_"),
    [(False, Exit(code="exited", status="0")), (True, Exit(code="exited", status="1"))],
)
def test_the_end_of_the_main_process_is_told(rig: Rig, *, fails: bool, exit_: Exit) -> None:
    rig.write(a_timer=timer(DAILY), a_service=rig.service("contract-a.service", fails=fails))
    rig.manager.start(["contract-a.timer", "contract-a.service"])
    state = rig.manager.service("contract-a.service")
    assert (state.exit, state.restarts) == (exit_, 0)


def test_a_running_service_has_no_exit_and_a_stopped_one_a_signal(rig: Rig) -> None:
    rig.write(a_service=rig.service("contract-a.service", takes=30))
    rig.manager.start(["contract-a.service"], wait=False)
    rig.wait_for(lambda: not rig.is_idle("contract-a.service"), "the service runs")
    assert rig.manager.service("contract-a.service").exit == Exit()
    rig.manager.stop(["contract-a.service"])
    exit_ = rig.manager.service("contract-a.service").exit
    assert (exit_.code, exit_.signal) == ("killed", "SIGTERM")


LIMIT = "StartLimitIntervalSec=1h\nStartLimitBurst=2"


def test_a_start_limit_refuses_until_the_unit_is_reset(rig: Rig) -> None:
    name = "contract-a.service"
    rig.write(a_service=rig.service(name, unit=LIMIT, fails=True))
    for _ in range(3):
        assert rig.manager.start([name]) == {name: JobResult.FAILED}
    assert rig.starts(name) == 2
    assert rig.manager.service(name).start_limit == timedelta(hours=1)
    assert rig.manager.service(name).result == "exit-code"
    rig.manager.reset_failed(name)
    rig.manager.start([name])
    assert rig.starts(name) == 3


def test_reset_failed_lets_a_service_that_did_not_fail_start_again(rig: Rig) -> None:
    name = "contract-a.service"
    rig.write(a_timer=timer(DAILY), a_service=rig.service(name, unit=LIMIT))
    rig.manager.start(["contract-a.timer"])
    for _ in range(2):
        assert rig.manager.start([name]) == {name: JobResult.DONE}
    rig.manager.reset_failed(name)
    assert rig.manager.start([name]) == {name: JobResult.DONE}
    rig.manager.start([name])
    assert rig.manager.start([name]) == {name: JobResult.FAILED}
    assert rig.manager.service(name).result == "start-limit-hit"
    assert rig.starts(name) == 4


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


def test_drop_ins_on_the_disk_are_found_wherever_systemd_looks(rig: Rig) -> None:
    etc = "/etc/systemd/system/contract-a.timer.d/late.conf"
    run = "/run/systemd/system/contract-.service.d/nice.conf"
    rig.put_drop_in(etc, "[Timer]\n")
    rig.put_drop_in(run, "[Service]\nNice=5\n")
    rig.put_drop_in("/etc/systemd/system/contract-other.timer.d/a.conf", "[Timer]\n")

    found = rig.manager.drop_in_files(["contract-a.*.d", "contract-.service.d"])

    assert found == {Path(etc): "[Timer]\n", Path(run): "[Service]\nNice=5\n"}


def test_the_sources_of_a_unit_are_its_file_as_it_stands_on_the_disk(rig: Rig) -> None:
    text = rig.service("contract-a.service")
    rig.write(a_service=text)

    ((path, found),) = rig.manager.sources("contract-a.service")

    assert path.name == "contract-a.service"
    assert found == text.text
    assert rig.manager.sources("contract-gone.service") == []
