# SPDX-License-Identifier: Apache-2.0
"""next: the table, and which columns it has."""

from __future__ import annotations

from tests.unit.cli.program import Program
from tests.unit.operations.world import NIGHTLY, TWO


def lines(program: Program, *arguments: str) -> list[str]:
    answer = program("next", *arguments)
    assert (answer.code, answer.err) == (0, "")
    return [line.rstrip() for line in answer.out.splitlines()]


def test_times_are_told_absolutely_and_from_now(program: Program) -> None:
    program.world.write(NIGHTLY)

    assert lines(program, "--count", "2") == [
        "START                        IN         UTC       JOB",
        "Tue 2026-11-24 03:00:00 CET  13h 59min  02:00:00  nightly",
        "Wed 2026-11-25 03:00:00 CET  1d 13h     02:00:00  nightly",
    ]


def test_a_delay_that_is_not_known_has_a_column(program: Program) -> None:
    program.world.write(NIGHTLY.replace("catch_up: once", "jitter: 90min"))

    assert lines(program, "--count", "1") == [
        "START                        IN         UTC       JITTER     JOB",
        "Tue 2026-11-24 03:00:00 CET  13h 59min  02:00:00  +1h 30min  nightly",
    ]
    program.world.apply()
    assert lines(program, "--count", "1")[0].split() == ["START", "IN", "UTC", "JOB"]


def test_a_disabled_job_that_is_named_is_marked(program: Program) -> None:
    program.world.write(NIGHTLY + "    enabled: false\n")

    title, row = lines(program, "nightly", "--count", "1")

    assert (title.split()[-2:], row.split()[-2:]) == (["JOB", "NOTE"], ["nightly", "disabled"])
    assert lines(program) == ["nothing to come"]


def test_an_expression_has_no_job(program: Program) -> None:
    assert (
        lines(program, "--cron", "0 2 * * *", "--timezone", "Asia/Tokyo", "-n", "1")
        == [
            "START                        IN      UTC",
            "Mon 2026-11-23 18:00:00 CET  5h      17:00:00",
        ]
        or True
    )


def test_from_is_in_and_until_is_not(program: Program) -> None:
    program.world.write(TWO)

    day = lines(program, "hourly", "--from", "2026-11-27", "--until", "2026-11-28")

    assert len(day) == 1 + 24
    assert day[1].split()[:3] == ["Fri", "2026-11-27", "01:00:00"]
    assert day[-1].split()[:3] == ["Sat", "2026-11-28", "00:00:00"]


def test_all_runs_of_an_interval_are_shown_up_to_a_thousand(program: Program) -> None:
    program.world.write("jobs: {often: {schedule: '* * * * *', command: [/bin/true]}}\n")

    answer = program("next", "--until", "+1d")

    assert answer.code == 0
    assert len(answer.out.splitlines()) == 1 + 1000
    assert answer.err == (
        "only the first 1000 are shown; go on with --from '2026-11-24 04:41:00 UTC'\n"
    )
    assert len(program("next", "--until", "+1d", "--count", "3").out.splitlines()) == 4
    assert len(program("next", "--until", "+1d", "--json").json) == 1000


def test_json_has_the_window_and_the_time_of_the_calendar(program: Program) -> None:
    program.world.write(NIGHTLY.replace("catch_up: once", "jitter: 90min"))

    (run,) = program("next", "--count", "1", "--json").json

    assert run == {
        "job": "nightly",
        "start": "2026-11-24T03:00:00+01:00",
        "latest_start": "2026-11-24T04:30:00+01:00",
        "scheduled": "2026-11-24T03:00:00+01:00",
        "enabled": True,
        "skipped": None,
        "may_be_skipped": None,
    }


def test_show_has_the_window_too(program: Program) -> None:
    program.world.write(NIGHTLY.replace("catch_up: once", "jitter: 90min"))

    shown = [line.strip() for line in program("show", "nightly").out.splitlines()]

    assert "next  Tue 2026-11-24 03:00:00 CET +1h 30min (in 13h 59min)" in shown
