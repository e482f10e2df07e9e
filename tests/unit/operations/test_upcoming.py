# SPDX-License-Identifier: Apache-2.0
"""next: the runs to come of one job, or of all together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from debvisor_timers.errors import DefinitionError, NotFoundError, ScheduleError, UsageError
from debvisor_timers.operations.coming.elapses import Interval
from debvisor_timers.operations.coming.upcoming import (
    upcoming_of,
    upcoming_of_calendar,
    upcoming_of_cron,
)
from debvisor_timers.systemd.memory.analyzer import MemoryAnalyzer
from debvisor_timers.systemd.ports import CalendarAnswer, FileEntry
from tests.unit.operations.world import NIGHTLY, TWO, World

NOW = datetime(2026, 11, 23, 23, 30, tzinfo=UTC)


JITTER = """\
jobs:
  late: {schedule: {cron: "0 2 * * *", jitter: 30min}, command: [/bin/true]}
"""
DELAY = timedelta(minutes=18, seconds=20, microseconds=424599)
"""What the twin gives to `late`: its own, by the name of the timer."""


def starts(
    world: World,
    *jobs: str,
    after: datetime | None = NOW,
    until: datetime | None = None,
    count: int | None = 4,
) -> list[str]:
    runs = upcoming_of(world.host, jobs, Interval(after=after, until=until, count=count))
    return [f"{run.at:%d %H:%M} {run.job_id}" for run in runs]


def windows(world: World, *, after: datetime = NOW, count: int = 2) -> list[tuple[str, timedelta]]:
    """Return when each run starts, to the second, and how much later it may."""
    runs = upcoming_of(world.host, (), Interval(after=after, count=count))
    return [(f"{run.at:%d %H:%M:%S}", run.latest - run.at) for run in runs]


def test_runs_of_all_jobs_come_in_one_order_and_no_more_than_were_asked_for(world: World) -> None:
    world.write(TWO)

    assert starts(world) == [
        "24 00:00 hourly",
        "24 01:00 hourly",
        "24 02:00 hourly",
        "24 02:00 nightly",
    ]


def test_runs_of_one_job_leave_out_the_others(world: World) -> None:
    world.write(TWO)

    assert starts(world, "nightly", count=2) == ["24 02:00 nightly", "25 02:00 nightly"]


def test_a_run_at_the_given_moment_is_past(world: World) -> None:
    world.write(NIGHTLY)
    two = datetime(2026, 11, 24, 2, tzinfo=UTC)

    assert starts(world, after=two, count=1) == ["25 02:00 nightly"]


def test_lines_of_one_job_that_name_the_same_instant_are_one_run(world: World) -> None:
    """Day of month or day of week: a cron expression of two calendar lines."""
    world.write("jobs: {both: {schedule: '0 4 24 * tue', command: [/bin/true]}}\n")

    assert starts(world, count=2) == ["24 04:00 both", "01 04:00 both"]


def test_disabled_jobs_and_jobs_without_a_schedule_add_nothing(world: World) -> None:
    world.write(
        NIGHTLY
        + "    enabled: false\n"
        + "  boot: {triggers: [{boot: 1min}], command: [/bin/true]}\n"
        + "  hand: {command: [/bin/true]}\n"
    )

    assert starts(world) == []


def test_a_disabled_job_that_is_named_is_shown_as_such(world: World) -> None:
    world.write(NIGHTLY + "    enabled: false\n")

    (run,) = upcoming_of(world.host, ["nightly"], Interval(after=NOW, count=1))

    assert (f"{run.at:%d %H:%M}", run.enabled) == ("24 02:00", False)


def test_a_schedule_in_a_zone_of_its_own(world: World) -> None:
    world.write(NIGHTLY.replace("catch_up: once", "timezone: Europe/Amsterdam"))

    assert starts(world, count=1) == ["24 01:00 nightly"]


def test_an_unknown_job_is_told_with_the_nearest(world: World) -> None:
    world.write(NIGHTLY)

    with pytest.raises(NotFoundError, match="'nighty'") as caught:
        starts(world, "nighty")

    assert caught.value.fix == "did you mean 'nightly'?"


def test_wrong_files_give_no_half_answer(world: World) -> None:
    world.write(NIGHTLY)
    world.write("jobs: {other: {schedule: '0 25 * * *', command: [/bin/true]}}\n", "b.yaml")

    with pytest.raises(DefinitionError, match=r"b\.yaml:1:"):
        starts(world, "nightly")


def test_several_jobs_that_are_named_are_one_list(world: World) -> None:
    world.write(TWO + "  other: {schedule: '30 * * * *', command: [/bin/true]}\n")

    assert starts(world, "other", "hourly", "other", count=3) == [
        "24 00:00 hourly",
        "24 00:30 other",
        "24 01:00 hourly",
    ]


def test_an_interval_ends_before_its_end(world: World) -> None:
    world.write(TWO)
    end = datetime(2026, 11, 24, 2, tzinfo=UTC)

    assert starts(world, until=end, count=None) == ["24 00:00 hourly", "24 01:00 hourly"]
    assert starts(world, until=end, count=1) == ["24 00:00 hourly"]


def test_now_is_where_it_begins_if_nothing_is_said(world: World) -> None:
    world.write(TWO)

    assert starts(world, after=None, count=1) == ["23 13:00 hourly"]


def test_every_run_of_a_long_interval_is_there(world: World) -> None:
    world.write(TWO + "  often: {schedule: '*/7 * * * *', command: [/bin/true]}\n")
    end = NOW + timedelta(days=3)

    runs = starts(world, until=end, count=None)

    # Nine runs an hour of the one, one of the other, and three nights; NOW is at half past.
    assert len(runs) == 3 * 24 * 9 + 3 * 24 + 3
    assert runs == sorted(runs, key=lambda text: text[:8])


def test_a_calendar_that_systemd_refuses_is_told_at_its_place(world: World) -> None:
    world.write("jobs:\n  a: {schedule: {on_calendar: 'Fni 03:00'}, command: [/bin/true]}\n")

    with pytest.raises(DefinitionError, match=r"a\.yaml:2:31.*'Fni 03:00' is no time"):
        starts(world)


class Counting(MemoryAnalyzer):
    """Notes how many lines were asked for how many elapses."""

    def __init__(self, world: World) -> None:
        super().__init__(world.systemd.state)
        self.asked: list[tuple[int, int]] = []

    def calendar(
        self, specs: Sequence[str], *, after: datetime, count: int
    ) -> list[CalendarAnswer]:
        self.asked.append((len(specs), count))
        return super().calendar(specs, after=after, count=count)


def test_more_is_asked_only_of_lines_that_have_not_reached_the_end(world: World) -> None:
    daily = "".join(
        f"  d{n}: {{schedule: '{n} 3 * * *', command: [/bin/true]}}\n" for n in range(20)
    )
    world.write(TWO + daily)
    counting = Counting(world)
    world.host = replace(world.host, analyzer=counting)

    starts(world, count=3)
    assert counting.asked == [(22, 1), (2, 8)]

    counting.asked.clear()
    starts(world, until=NOW + timedelta(days=4), count=None)
    assert [lines for lines, _ in counting.asked] == [22, 1, 1]


# --- jitter --------------------------------------------------------------------------------------


def test_the_delay_of_an_applied_job_is_told_by_its_timer(world: World) -> None:
    world.apply(JITTER)

    assert windows(world) == [("24 02:18:20", timedelta()), ("25 02:18:20", timedelta())]
    runs = upcoming_of(world.host, (), Interval(after=NOW, count=1))
    assert [(run.at - run.scheduled, run.latest) for run in runs] == [(DELAY, runs[0].at)]


def test_the_delay_of_a_job_that_is_not_applied_is_a_window(world: World) -> None:
    world.write(JITTER)

    half_an_hour = timedelta(minutes=30)
    assert windows(world) == [("24 02:00:00", half_an_hour), ("25 02:00:00", half_an_hour)]


@pytest.mark.parametrize("change", ["jitter: 29min", 'cron: "1 2 * * *"'])
def test_an_edit_that_is_not_applied_makes_the_delay_unknown(world: World, change: str) -> None:
    world.apply(JITTER)
    key = change.partition(":")[0]
    old = {"jitter": "jitter: 30min", "cron": 'cron: "0 2 * * *"'}[key]
    world.write(JITTER.replace(old, change))

    ((_, window),) = windows(world, count=1)

    assert window


def test_a_timer_that_was_stopped_tells_no_delay(world: World) -> None:
    world.apply(JITTER)
    world.systemd.manager.stop(["debvisor-job-late.timer"])

    assert windows(world, count=1) == [("24 02:00:00", timedelta(minutes=30))]


def test_a_timer_with_other_triggers_of_the_administrator_tells_no_delay(world: World) -> None:
    world.apply(JITTER)
    unit = world.units()["debvisor-job-late.timer"]
    assert isinstance(unit, FileEntry)
    text = unit.text.replace("AccuracySec", "OnUnitActiveSec=5min\nAccuracySec")
    world.systemd.units.write({"debvisor-job-late.timer": FileEntry(text)})

    assert windows(world, count=1) == [("24 02:00:00", timedelta(minutes=30))]


def test_a_run_that_waits_for_its_delay_is_to_come(world: World) -> None:
    world.apply(JITTER)
    world.systemd.advance_to(datetime(2026, 11, 24, 2, 5, tzinfo=UTC))

    assert windows(world, after=world.host.clock.now(), count=1) == [("24 02:18:20", timedelta())]

    world.systemd.advance_to(datetime(2026, 11, 24, 2, 20, tzinfo=UTC))
    assert windows(world, after=world.host.clock.now(), count=1) == [("25 02:18:20", timedelta())]


def test_runs_are_in_order_of_their_starts_and_none_is_lost_for_a_delay(world: World) -> None:
    world.apply(JITTER + "  after: {schedule: '5 2 * * *', command: [/bin/true]}\n")

    assert starts(world, count=1) == ["24 02:05 after"]
    assert starts(world, count=2) == ["24 02:05 after", "24 02:18 late"]
    assert starts(world, until=datetime(2026, 11, 24, 2, 8, tzinfo=UTC)) == ["24 02:05 after"]


def test_what_a_timer_has_armed_after_a_boot_may_be_no_time_of_the_calendar(world: World) -> None:
    """A missed run counts from the boot, and that is near a time of the calendar by chance."""
    world.apply(JITTER.replace("jitter", "catch_up: once, jitter"))
    world.systemd.reboot(downtime=timedelta(hours=13, minutes=55))

    ((_, window), *_) = windows(world, after=world.host.clock.now(), count=1)

    assert window


# --- expressions ---------------------------------------------------------------------------------


def test_an_expression_that_is_no_job(world: World) -> None:
    within = Interval(after=NOW, count=2)

    cron = upcoming_of_cron(world.host, "0 2 * * *", zone="Asia/Tokyo", within=within)
    calendar = upcoming_of_calendar(world.host, "Mon 02:00 UTC", within)

    assert [f"{run.at:%d %H:%M}" for run in cron] == ["24 17:00", "25 17:00"]
    assert [f"{run.at:%d %H:%M}" for run in calendar] == ["30 02:00", "07 02:00"]
    assert {run.job_id for run in (*cron, *calendar)} == {""}


def test_an_expression_that_is_wrong(world: World) -> None:
    with pytest.raises(ScheduleError, match="hour 25"):
        upcoming_of_cron(world.host, "0 25 * * *", zone=None, within=Interval())
    with pytest.raises(UsageError, match="'Fni' is no time"):
        upcoming_of_calendar(world.host, "Fni", Interval())
