# SPDX-License-Identifier: Apache-2.0
"""renew: timers follow their zone; nothing else of what waits for an apply is touched."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta

import pytest

from debvisor_timers.calendar.clock_changes import ZoneChanges
from debvisor_timers.calendar.zones import zone_changes
from debvisor_timers.errors import RefusedError, SystemdError
from debvisor_timers.operations.applying.renew import Renewal, renew
from debvisor_timers.operations.safety.finding import FindingKind
from debvisor_timers.operations.safety.status import status
from debvisor_timers.render.unitfile import UnitFile
from debvisor_timers.systemd.ports import FileEntry
from tests.unit.operations.world import NIGHTLY, World

TIMER = "debvisor-job-nightly.timer"
LATE = """\
  late:
    schedule: "0 12 * * *"
    command: [/bin/true]
"""
IN_BERLIN = (
    "*-01..09,11,12-* 02:00:00",
    "*-10-01..24 02:00:00",
    "Mon..Sat *-10-25..31 02:00:00",
    "Sun *-03-25..31 01:00:00 UTC",
    "Sun *-10-25..31 00:00:00 UTC",
)


def lines(world: World, timer: str = TIMER) -> tuple[str, ...]:
    entry = world.units()[timer]
    assert isinstance(entry, FileEntry)
    return UnitFile.parse(entry.text).get("Timer", "OnCalendar")


def moved_to_berlin(world: World) -> World:
    """Return a host whose jobs were applied in UTC."""
    world.apply(NIGHTLY + LATE)
    world.systemd.state.zone = "Europe/Berlin"
    world.systemd.manager.reload()  # systemd looks at all timers again when the zone changes
    return world


def test_before_the_first_apply_there_is_nothing(world: World) -> None:
    assert renew(world.host) == Renewal()


def test_timers_follow_the_zone_of_the_host(world: World) -> None:
    moved_to_berlin(world)

    assert renew(world.host) == Renewal(renewed=("nightly",))
    assert lines(world) == IN_BERLIN
    assert TIMER in world.running()
    assert world.ran() == []
    plan = world.apply().plan
    assert plan is not None
    assert plan.is_empty


def test_a_second_time_there_is_nothing(world: World) -> None:
    renew(moved_to_berlin(world).host)
    before = world.picture()

    assert renew(world.host) == Renewal()
    assert world.picture() == before


def test_edits_of_the_yaml_wait_for_their_apply(world: World) -> None:
    moved_to_berlin(world)
    world.write(NIGHTLY.replace("0 2", "0 5").replace("/bin/true", "/bin/false"))

    renew(world.host)

    assert lines(world) == IN_BERLIN
    service = world.units()["debvisor-job-nightly.service"]
    assert isinstance(service, FileEntry)
    assert "/bin/true" in service.text
    assert lines(world, "debvisor-job-late.timer") == ("*-*-* 12:00:00",)


def test_yaml_that_is_broken_now_is_not_looked_at(world: World) -> None:
    moved_to_berlin(world)
    world.write("jobs: [", "b.yaml")

    assert renew(world.host).renewed == ("nightly",)


def test_a_timer_that_was_edited_by_hand_is_named_and_left(world: World) -> None:
    moved_to_berlin(world)
    entry = world.units()[TIMER]
    assert isinstance(entry, FileEntry)
    edited = FileEntry(entry.text.replace("02:00:00", "03:00:00"))
    world.systemd.units.write({TIMER: edited})

    assert renew(world.host) == Renewal(edited=("nightly",))
    assert world.units()[TIMER] == edited


def test_the_place_in_the_yaml_stays_that_of_the_users_file(world: World) -> None:
    renew(moved_to_berlin(world).host)
    entry = world.units()[TIMER]
    assert isinstance(entry, FileEntry)

    assert f"Source={world.layout.jobs}/a.yaml:2\n" in entry.text


def test_what_was_applied_can_be_renewed_again_from_its_own_generation(world: World) -> None:
    renew(moved_to_berlin(world).host)
    world.systemd.state.zone = "UTC"

    assert renew(world.host).renewed == ("nightly",)
    assert lines(world) == ("*-*-* 02:00:00",)


def test_status_names_the_law_that_holds_no_more(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.systemd.state.zone = "Europe/Berlin"
    with monkeypatch.context() as patch:
        patch.setattr("debvisor_timers.render.timer.zone_changes", of_older_law)
        world.apply(NIGHTLY)

    (finding,) = status(world.host).findings

    assert (finding.kind, finding.subject) == (FindingKind.CLOCK, "nightly")
    assert finding.message == (
        "its timer is for the clock changes of Europe/Berlin, OLD-1LAW,M3.5.0,M10.5.0,"
        " which is no longer so"
    )
    assert finding.fix == "debvisor-timers renew"
    renew(world.host)
    assert status(world.host).is_healthy


def of_older_law(zone: str) -> ZoneChanges:
    return replace(zone_changes(zone), law="OLD-1LAW,M3.5.0,M10.5.0")


def test_status_names_another_zone_of_the_host(world: World) -> None:
    moved_to_berlin(world)

    (finding,) = status(world.host).findings

    assert (finding.kind, finding.subject) == (FindingKind.ZONE, "nightly")
    assert finding.message == (
        "its units are for another zone of the host, or for other clock changes"
    )
    assert finding.fix == "debvisor-timers renew"
    renew(world.host)
    assert status(world.host).is_healthy


def test_another_zone_in_the_yaml_is_pending_not_the_host_s(world: World) -> None:
    world.systemd.state.zone = "Europe/Berlin"
    world.apply(NIGHTLY)
    world.write(NIGHTLY.replace("catch_up", "timezone: America/New_York, catch_up"))

    (finding,) = status(world.host).findings

    assert (finding.kind, finding.fix) == (FindingKind.PENDING, "debvisor-timers apply")
    assert finding.message.endswith("; changed in the YAML: schedule")


def test_a_failure_at_any_step_leaves_the_machine_as_it_was(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    rehearsal = moved_to_berlin(World(tmp_path_factory.mktemp("rehearsal")))
    rehearsal.systemd.steps.clear()
    renew(rehearsal.host)
    count = len(rehearsal.systemd.steps.done)
    assert count >= 4
    for step in range(1, count + 1):
        world = moved_to_berlin(World(tmp_path_factory.mktemp("world")))
        picture = world.picture()
        world.systemd.steps.fail_at(step)

        with pytest.raises(SystemdError):
            renew(world.host)

        assert world.picture() == picture, f"step {step}"
        assert renew(world.host).renewed == ("nightly",)
        assert world.ran() == []


def test_while_the_emergency_brake_is_on_timers_are_renewed_and_stay_stopped(world: World) -> None:
    moved_to_berlin(world)
    world.systemd.manager.stop(["debvisor-timers.target"])

    assert renew(world.host).renewed == ("nightly",)
    assert lines(world) == IN_BERLIN
    assert world.running() == set()


WINDOW = """\
maintenance_windows: [{cron: "30 2 * * sun", duration: 1h}]
"""


def service(world: World, job: str = "nightly") -> UnitFile:
    entry = world.units()[f"debvisor-job-{job}.service"]
    assert isinstance(entry, FileEntry)
    return UnitFile.parse(entry.text)


def test_maintenance_windows_follow_the_zone_of_the_host(world: World) -> None:
    (world.layout.config / "config.yaml").write_text(WINDOW, encoding="utf-8")
    moved_to_berlin(world)

    assert renew(world.host).renewed == ("late", "nightly")
    assert service(world, "late").get("Service", "X-Maintenance")[-1] == (
        "3600s | Sun *-10-25..31 00:30:00 UTC"
    )
    plan = world.apply().plan
    assert plan is not None
    assert plan.is_empty


def test_trouble_of_other_jobs_keeps_no_timer_from_its_renewal(world: World) -> None:
    """An apply would refuse a calendar that has ended."""
    once = '  b: {schedule: {on_calendar: "2026-11-23 13:00"}, command: [/bin/true]}\n'
    world.apply(NIGHTLY + once)
    world.systemd.advance(timedelta(hours=2))
    world.systemd.state.zone = "Europe/Berlin"

    assert renew(world.host).renewed == ("nightly",)


def test_what_cannot_be_read_of_what_was_applied_is_told_and_the_rest_is_done(world: World) -> None:
    """A newer version may be stricter."""
    moved_to_berlin(world)
    (copy,) = (world.layout.state / "generations").glob("*/jobs.d/a.yaml")
    copy.write_text(copy.read_text("utf-8").replace('"0 12 * * *"', "soon"), encoding="utf-8")

    renewal = renew(world.host)

    assert renewal.renewed == ("nightly",)
    assert [problem.key for problem in renewal.problems] == ["schedule"]
    assert "debvisor-job-late.timer" in world.units()


def test_without_a_generation_nothing_can_be_renewed_and_that_is_said(world: World) -> None:
    moved_to_berlin(world)
    shutil.rmtree(world.layout.state / "generations")

    with pytest.raises(RefusedError, match="no generation") as caught:
        renew(world.host)

    assert caught.value.fix == "debvisor-timers apply"


def test_another_name_of_the_same_law_is_renewed_too(world: World) -> None:
    world.systemd.state.zone = "Europe/Berlin"
    world.apply(NIGHTLY)
    world.systemd.state.zone = "Europe/Vienna"

    assert renew(world.host).renewed == ("nightly",)
    assert status(world.host).is_healthy


def test_status_names_stale_timers_also_while_the_yaml_is_broken(world: World) -> None:
    moved_to_berlin(world)
    world.write("jobs: [", "b.yaml")

    kinds = [(finding.kind, finding.subject) for finding in status(world.host).findings]

    assert kinds == [(FindingKind.DEFINITIONS, "YAML"), (FindingKind.ZONE, "nightly")]


def test_a_schedule_that_names_its_zone_does_not_care_where_the_host_is(world: World) -> None:
    world.systemd.state.zone = "Europe/Berlin"
    world.apply(NIGHTLY.replace("catch_up: once", "timezone: Europe/Berlin"))
    world.systemd.state.zone = "America/New_York"

    assert renew(world.host) == Renewal()
    assert status(world.host).is_healthy
    assert lines(world)[0] == "*-01..09,11,12-* 02:00:00 Europe/Berlin"
