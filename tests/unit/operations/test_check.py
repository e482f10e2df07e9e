# SPDX-License-Identifier: Apache-2.0
"""check: every problem of every file, systemd's opinion included; changes nothing."""

from __future__ import annotations

from pathlib import Path

from debvisor_timers.operations.check import CheckResult, check
from tests.unit.operations.world import NIGHTLY, World

BAD_HOUR = "jobs: {late: {schedule: '0 25 * * *', command: [/bin/true]}}\n"
BAD_KEY = "jobs:\n  odd: {shedule: '@daily', command: [/bin/true]}\n"


def places(result: CheckResult) -> list[str]:
    return [
        f"{problem.span.file.name}:{problem.span.line} {problem.severity}"
        for problem in result.problems
    ]


def outside(folder: Path, name: str, text: str) -> Path:
    """Write a file that the host does not read."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_nothing_to_check_is_correct(world: World) -> None:
    assert check(world.host) == CheckResult(files=0, jobs=0, problems=())


def test_all_files_of_the_host_are_checked_and_all_problems_told(world: World) -> None:
    world.write(NIGHTLY)
    world.write(BAD_HOUR, "b.yaml")
    world.write(BAD_KEY, "c.yaml")

    result = check(world.host)

    assert (result.files, result.jobs, result.has_errors) == (3, 1, True)
    assert places(result) == ["b.yaml:1 error", "c.yaml:2 error"]


def test_several_files_that_are_named_are_checked_and_no_others(
    world: World, tmp_path: Path
) -> None:
    world.write(BAD_HOUR, "host.yaml")
    good = outside(tmp_path, "good.yaml", NIGHTLY)
    bad = outside(tmp_path, "bad.yaml", BAD_KEY)

    assert places(check(world.host, [good])) == []
    assert places(check(world.host, [bad, good])) == ["bad.yaml:2 error"]
    assert check(world.host, [bad, good]).files == 2


def test_an_id_that_two_of_the_named_files_have(world: World, tmp_path: Path) -> None:
    one = outside(tmp_path, "1.yaml", NIGHTLY)
    two = outside(tmp_path, "2.yaml", NIGHTLY)

    (problem,) = check(world.host, [one, two]).problems

    assert problem.message == "the job 'nightly' is defined a second time"


def test_a_named_file_may_repeat_a_job_of_the_host(world: World, tmp_path: Path) -> None:
    """It is the new version of it, most often."""
    world.apply(NIGHTLY)
    path = outside(tmp_path, "new.yaml", NIGHTLY)

    assert check(world.host, [path]).problems == ()


def test_a_named_file_that_is_not_there(world: World, tmp_path: Path) -> None:
    result = check(world.host, [tmp_path / "nowhere.yaml"])

    (problem,) = result.problems
    assert (problem.message, result.has_errors) == ("does not exist", True)


def test_a_job_that_waits_for_a_paused_one_is_told(world: World) -> None:
    world.write(
        "jobs:\n"
        "  a: {schedule: '@daily', command: [/bin/true]}\n"
        "  b: {schedule: '@daily', command: [/bin/true], depends_on: [a]}\n"
        "  c: {schedule: '@daily', command: [/bin/true], conflicts_with: [a]}\n"
    )
    paused = world.layout.state / "paused"
    paused.mkdir(parents=True)
    (paused / "a").write_text("until the disk is new\n")

    (problem,) = check(world.host).problems

    assert (problem.severity, problem.span.line) == ("warning", 3)
    assert problem.message == "b requires a, which is paused: its runs are skipped"
    assert problem.fix == "debvisor-timers resume a"


def test_what_only_systemd_knows_is_told_at_its_line(world: World) -> None:
    world.write(
        NIGHTLY + "  odd:\n    command: [/bin/true]\n    unit: {Service: {NoSuchKey: yes}}\n"
    )

    (problem,) = check(world.host).problems

    assert (problem.span.line, problem.is_error) == (7, True)
    assert "Unknown key 'NoSuchKey'" in problem.message


def test_a_calendar_that_systemd_refuses(world: World) -> None:
    world.write("jobs:\n  a: {schedule: {on_calendar: 'Fni 03:00'}, command: [/bin/true]}\n")

    result = check(world.host)

    assert result.has_errors
    assert "Fni 03:00" in result.problems[0].message


def test_a_schedule_that_never_fires_again(world: World) -> None:
    world.write("jobs:\n  a: {schedule: {on_calendar: '2020-01-01'}, command: [/bin/true]}\n")

    (problem,) = check(world.host).problems

    assert (problem.message, problem.is_error) == ("never fires again", True)


def test_what_this_host_lacks_is_a_warning(world: World) -> None:
    world.write("jobs:\n  a: {command: [/nowhere/program]}\n")

    result = check(world.host)

    assert places(result) == ["a.yaml:2 warning"]
    assert not result.has_errors


def test_checking_changes_nothing(world: World) -> None:
    world.apply(NIGHTLY)
    before = world.picture()
    world.systemd.steps.clear()
    world.write(BAD_HOUR, "b.yaml")

    check(world.host)

    assert world.systemd.steps.done == []
    assert world.picture() == before


EXCLUDING = (
    "jobs:\n  a:\n    command: [/bin/true]\n"
    "    schedule: {cron: '@daily', exclude: [past, yearly]}\n"
)


def test_a_calendar_that_has_only_the_past_is_a_warning_in_config_yaml(world: World) -> None:
    config = "calendars:\n  past: [2026-11-22]\n  yearly: ['*-12-25']\n  today: [2026-11-23]\n"
    (world.layout.config / "config.yaml").write_text(config, encoding="utf-8")
    world.write(EXCLUDING.replace("yearly]", "yearly, today]"))

    (problem,) = check(world.host).problems

    assert (problem.span.file.name, problem.span.line, problem.severity) == (
        "config.yaml",
        2,
        "warning",
    )
    assert (problem.key, problem.message) == ("calendars.past", "past has no date after 2026-11-22")


def test_the_beginning_of_a_window_is_shown_to_systemd(world: World) -> None:
    config = "maintenance_windows:\n  - {on_calendar: [daily, 'Sun 25:00'], duration: 1h}\n"
    (world.layout.config / "config.yaml").write_text(config, encoding="utf-8")
    world.write(NIGHTLY)

    (problem,) = check(world.host).problems

    assert (problem.span.line, problem.span.column, problem.severity) == (2, 27, "error")
    assert problem.message.startswith("'Sun 25:00' is no time that systemd can read")


def test_errors_in_config_yaml_do_not_keep_the_jobs_from_being_checked(world: World) -> None:
    config = "calendars: {past: [2026-02-30], yearly: /no/such.ics}\n"
    (world.layout.config / "config.yaml").write_text(config, encoding="utf-8")
    world.write(EXCLUDING)

    result = check(world.host)

    assert places(result) == ["config.yaml:1 error"]
