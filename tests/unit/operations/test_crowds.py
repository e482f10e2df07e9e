# SPDX-License-Identifier: Apache-2.0
"""check: too many jobs in the same minute, or at the boot, and the jitter that helps."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from debvisor_timers.operations.check import check
from debvisor_timers.source import Problem
from tests.unit.operations.world import World

SPREAD = "in these schedules, or under defaults.schedule of config.yaml"


def jobs(count: int, schedule: str, prefix: str = "a") -> str:
    return "".join(
        f"  {prefix}{number:02}: {{schedule: {schedule}, command: [/bin/true]}}\n"
        for number in range(count)
    )


def warnings(world: World, *parts: str, config: str = "") -> list[Problem]:
    (world.layout.config / "config.yaml").write_text(f"# settings\n{config}", encoding="utf-8")
    world.write("jobs:\n" + "".join(parts))
    return list(check(world.host).problems)


def said(problems: Iterable[Problem]) -> list[str]:
    return [f"{problem.span.line} {problem.severity} {problem.key}" for problem in problems]


def test_a_crowd_is_told_at_its_first_job_with_the_jitter_that_spreads_it(world: World) -> None:
    (problem,) = warnings(world, jobs(1, "'0 5 * * *'", "x"), jobs(30, "'0 2 * * *'"))

    assert said([problem]) == ["3 warning schedule"]
    assert problem.message == (
        "30 runs start in one minute, Tue 2026-11-24 02:00: a00, a01, a02, a03, a04 and 25 more"
    )
    assert problem.fix == f"spread them: write jitter: 5min {SPREAD}"


def test_no_more_than_the_limit_is_no_crowd(world: World) -> None:
    assert warnings(world, jobs(20, "'0 2 * * *'")) == []


def test_the_limit_is_that_of_the_configuration(world: World) -> None:
    assert warnings(world, jobs(30, "'0 2 * * *'"), config="starts_per_minute: 30\n") == []
    (problem,) = warnings(world, jobs(3, "'0 2 * * *'"), config="starts_per_minute: 2\n")
    assert "3 runs start in one minute" in problem.message


def test_jobs_with_a_jitter_count_as_spread(world: World) -> None:
    assert warnings(world, jobs(100, "{cron: '0 2 * * *', jitter: 5min}")) == []
    (problem,) = warnings(world, jobs(99, "{cron: '0 2 * * *', jitter: 3min}"))
    assert problem.message.startswith("33 runs start in one minute, Tue 2026-11-24 02:00: ")
    assert problem.fix.startswith("spread them: write jitter: 10min ")


def test_a_jitter_of_seconds_spreads_nothing(world: World) -> None:
    assert len(warnings(world, jobs(21, "{cron: '0 2 * * *', jitter: 59s}"))) == 1


def test_jobs_meet_whatever_their_schedules(world: World) -> None:
    (problem,) = warnings(
        world,
        jobs(8, "'0 3 * * sun'", "w"),
        jobs(8, "'0 * * * *'", "h"),
        jobs(8, "'*/5 * * * *'", "m"),
    )

    assert problem.message.startswith("24 runs start in one minute, Sun 2026-11-29 03:00: ")
    # 8 at once, and 16 in ten minutes.
    assert problem.fix == (
        "spread them: write jitter: 10min in these schedules, but for those of m00, m01, m02, m03,"
        " m04 and 3 more, which run too often for it"
    )


def test_each_set_is_told_once_the_worst_first_and_three_at_most(world: World) -> None:
    problems = warnings(
        world,
        jobs(21, "'0 2 * * *'", "a"),
        jobs(24, "'0 3 * * *'", "b"),
        jobs(23, "'0 4 * * *'", "c"),
        jobs(22, "'0 5 * * *'", "d"),
    )

    # In the order of the file; the smallest of the four is not told.
    assert [problem.message.split()[0] for problem in problems] == ["24", "23", "22"]


def test_disabled_jobs_are_not_counted(world: World) -> None:
    text = jobs(30, "'0 2 * * *'").replace("schedule:", "enabled: false, schedule:")

    assert warnings(world, text) == []


def test_jobs_that_run_every_minute_cannot_be_spread(world: World) -> None:
    (problem,) = warnings(world, jobs(30, "'* * * * *'"))

    assert problem.fix == (
        "let some of them start at other times: they run too often for a jitter to help"
    )


def test_the_jitter_is_shorter_than_the_time_between_two_runs(world: World) -> None:
    (problem,) = warnings(world, jobs(90, "'*/5 * * * *'"))

    # 20 minutes would be enough, five are too many; with two there are still 45 a minute.
    assert problem.fix.startswith("let some of them start at other times")


def test_jobs_that_all_catch_up_at_the_boot(world: World) -> None:
    spread = "".join(
        f"  a{n:02}: {{schedule: {{cron: '{n} 2 * * *', catch_up: once}}, command: [/bin/true]}}\n"
        for n in range(25)
    )

    (problem,) = warnings(world, spread)

    assert problem.message == (
        "25 jobs catch up without jitter: after a long down time all start at the boot:"
        " a00, a01, a02, a03, a04 and 20 more"
    )
    assert problem.fix == f"spread them: write jitter: 5min {SPREAD}"
    assert warnings(world, spread, config="defaults: {schedule: {jitter: 5min}}\n") == []


@pytest.mark.parametrize("zone", ["UTC", "Europe/Amsterdam"])
def test_the_minute_is_told_in_the_zone_of_the_host(world: World, zone: str) -> None:
    world.systemd.state.zone = zone

    (problem,) = warnings(world, jobs(21, "'30 6 * * *'"))

    assert "Tue 2026-11-24 06:30" in problem.message


def test_plan_and_apply_say_nothing_of_it(world: World) -> None:
    result = world.apply("jobs:\n" + jobs(30, "'0 2 * * *'"))

    assert result.plan is not None
    assert result.plan.warnings == ()


def test_a_jitter_for_all_is_named_only_where_no_job_runs_too_often_for_it(world: World) -> None:
    often = jobs(1, "'2-59/5 * * * *'", "often")
    off = often.replace("schedule:", "enabled: false, schedule:")

    for other in (often, off):
        (problem,) = warnings(world, jobs(30, "'0 2 * * *'"), other)
        assert problem.fix == "spread them: write jitter: 5min in these schedules"


@pytest.mark.parametrize(
    ("schedule", "when"),
    [
        ("'0 4 15 * *'", "Tue 2026-12-15 04:00"),
        ("'0 4 20 11 *'", "Sat 2027-11-20 04:00"),
        ("'0 4 1-3 * *'", "Tue 2026-12-01 04:00"),
        ("'0 4 1 */3 *'", "Fri 2027-01-01 04:00"),
    ],
)
def test_jobs_that_run_seldom_are_seen_months_ahead(world: World, schedule: str, when: str) -> None:
    (problem,) = warnings(world, jobs(30, schedule))

    assert problem.message.startswith(f"30 runs start in one minute, {when}: a00, ")


def test_jobs_that_run_seldom_meet_those_of_every_day(world: World) -> None:
    """They meet in the time of the host, also where its clocks have changed until then."""
    world.systemd.state.zone = "Europe/Amsterdam"

    (problem,) = warnings(
        world, jobs(15, "'0 4 15 6 *'"), jobs(5, "'0 4 * * *'", "d"), jobs(5, "'0 4 * * tue'", "w")
    )

    assert problem.message.startswith("25 runs start in one minute, Tue 2027-06-15 04:00: ")


def test_jobs_that_never_meet_are_no_crowd(world: World) -> None:
    assert warnings(world, jobs(15, "'0 4 15 * *'"), jobs(15, "'0 5 * * *'", "d")) == []


def test_runs_that_are_going_to_be_skipped_do_not_count(world: World) -> None:
    nightly = jobs(30, "'0 2 * * *'")
    weekly = jobs(30, "{cron: '0 2 * * wed', exclude: ['2026-11-25..2026-12-09']}")
    held = "maintenance_windows: [{cron: '0 1 * * *', duration: 2h}]\n"
    half = "maintenance_windows: [{cron: '0 1 * * *', duration: 2h, jobs: [a00, a01]}]\n"

    assert warnings(world, nightly, config=held) == []
    (problem,) = warnings(world, nightly, config=half)
    assert problem.message.startswith("28 runs start in one minute, Tue 2026-11-24 02:00: a02, ")
    assert warnings(world, weekly) == []
