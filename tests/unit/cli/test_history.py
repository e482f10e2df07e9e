# SPDX-License-Identifier: Apache-2.0
"""history, history prune and maintain: pages, what is refused, and what people are told."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from debvisor_timers.errors import ExitCode, SystemdError
from debvisor_timers.history.outcome import RunOutcome, Trigger
from tests.unit.cli.program import Program
from tests.unit.operations.kept_runs import a_run, keep, nightly_runs
from tests.unit.operations.world import NIGHTLY, World

NOW = datetime(2026, 11, 23, 12, 0, 7, tzinfo=UTC)
TAGGED = NIGHTLY + "    owner: ops\n    tags: {team: db}\n"


@pytest.fixture
def kept(world: World) -> World:
    """Return a world with five runs of nightly and one of a job that is gone."""
    world.write(TAGGED)
    runs = nightly_runs([60.0] * 5, first=NOW - timedelta(days=8))
    gone = a_run(NOW - timedelta(days=2), 5.0, job="gone", outcome=RunOutcome.FAILED,
                 reason="exit status 3", trigger=Trigger.MANUAL)  # fmt: skip
    keep(world, [*runs, gone])
    return world


def test_the_newest_come_first_with_their_jobs(kept: World, program: Program) -> None:
    answer = program("history")
    lines = answer.out.splitlines()
    assert lines[0].split() == ["JOB", "START", "TOOK", "RESULT", "TRIGGER", "CPU", "RUN"]
    assert lines[1].split()[:4] == ["gone", "2026-11-21", "13:00:07", "5s"]
    assert "failed (exit status 3)" in lines[1]
    assert len(lines) == 7
    assert answer.err == ""


def test_a_narrow_terminal_has_whole_times_and_fewer_columns(kept: World, program: Program) -> None:
    """What tells least goes first; before that a start without its hours told nothing."""
    reason = "maintenance: the cooling of the second room is replaced"
    long = a_run(NOW - timedelta(days=1), 5.0, job="nightly-backup", reason=reason,
                 outcome=RunOutcome.SKIPPED)  # fmt: skip
    keep(kept, [long])

    answer = program("--color=never", "history", "-n2", terminal=True)
    lines = [line for line in answer.out.splitlines() if line.strip()]

    assert lines[0].split() == ["JOB", "START", "TOOK", "RESULT", "RUN"]
    assert lines[1].split()[:4] == ["nightly-backup", "2026-11-22", "13:00", "5s"]
    assert max(map(len, lines)) <= 80
    wide = program("--color=never", "history", "-n2", terminal=True,
                   environment={"COLUMNS": "110"})  # fmt: skip
    assert "TRIGGER" in wide.out


@pytest.mark.parametrize(
    ("options", "count"),
    [
        (["--limit", "2"], 2),
        (["--offset", "4"], 2),
        (["--offset", "99"], 0),
        (["--limit", "9" * 30], 6),
        (["--offset", "9" * 30], 0),
        (["--limit", "9" * 30, "--offset", "9" * 30], 0),
        (["nightly"], 5),
        (["gone"], 1),
        (["gone", "nightly"], 6),
        (["--status", "failed"], 1),
        (["--status", "completed", "--trigger", "timer"], 5),
        (["--trigger", "manual"], 1),
        (["--trigger", "catch-up"], 0),
        (["--since", "2026-11-18 00:00:00 UTC"], 3),
        (["--until", "2026-11-18 00:00:00 UTC"], 3),
        (["--owner", "ops"], 5),
        (["--owner", "nobody"], 0),
        (["--tag", "team=db"], 5),
        (["--tag", "team="], 0),
        (["gone", "--owner", "ops"], 0),
    ],
)
def test_as_json_it_is_a_list(
    kept: World, program: Program, options: list[str], count: int
) -> None:
    answer = program("history", *options, "--json")
    assert (answer.code, answer.err) == (0, "")
    assert len(answer.json) == count


def test_further_pages_are_told(kept: World, program: Program) -> None:
    answer = program("history", "nightly", "--limit", "2")
    assert answer.err == "older runs follow: --offset 2\n"
    assert len(answer.out.splitlines()) == 3
    answer = program("history", "nightly", "--limit", "2", "--offset", "4")
    assert (len(answer.out.splitlines()), answer.err) == (2, "")


def test_nothing_is_said_to_be_nothing(world: World, program: Program) -> None:
    world.write(NIGHTLY)
    assert program("history").out == "no job has run yet\n"
    assert program("history", "nightly").out == "nightly has not run yet\n"
    assert program("history", "--status", "failed").out == "no such runs\n"
    assert program("history", "--json").json == []


@pytest.mark.parametrize(
    ("options", "code", "words"),
    [
        (["nightlx"], ExitCode.USAGE, "there is no job 'nightlx'"),
        (["--status", "faxled"], ExitCode.USAGE, "there is no status 'faxled'"),
        (["--trigger", "cron"], ExitCode.USAGE, "there is no trigger 'cron'"),
        (["--tag", "team"], ExitCode.USAGE, "'team' is no tag"),
        (["--limit", "0"], ExitCode.USAGE, "--limit"),
        (["--limit", "-1"], ExitCode.USAGE, "--limit"),
        (["--offset", "-1"], ExitCode.USAGE, "--offset"),
        (["--since", "when"], ExitCode.USAGE, "when"),
        (["../../etc/passwd"], ExitCode.USAGE, "there is no job"),
        (["\x00"], ExitCode.USAGE, "there is no job"),
    ],
)
def test_what_makes_no_sense_is_refused(
    kept: World, program: Program, options: list[str], code: int, words: str
) -> None:
    answer = program("history", *options)
    assert answer.code in {code, ExitCode.REFUSED}
    assert words in answer.err
    assert "Traceback" not in answer.err


def test_pruning_counts_and_forgets(kept: World, program: Program) -> None:
    would = program("history", "prune", "--keep-runs", "2", "--dry-run")
    assert would.out == "would forget 3 runs; kept are 400d, and 2 of each job\n"
    assert len(program("history", "--json").json) == 6
    did = program("history", "prune", "--keep-runs", "2")
    assert did.out == "forgot 3 runs; kept are 400d, and 2 of each job\n"
    assert len(program("history", "--json").json) == 3
    again = program("history", "prune", "--keep", "36h", "--keep-runs", "2", "--json")
    assert again.json == {
        "forgotten": 3, "keep_seconds": 129600.0, "keep_runs": 2, "dry_run": False
    }  # fmt: skip


@pytest.mark.parametrize("keep_runs", ["9" * 18, "9" * 19, "9" * 40])
def test_any_number_of_runs_may_be_kept(kept: World, program: Program, keep_runs: str) -> None:
    answer = program("history", "prune", "--keep-runs", keep_runs)
    assert (answer.code, answer.out.split(";")[0]) == (0, "forgot 0 runs")


def test_a_very_long_time_may_be_kept(kept: World, program: Program) -> None:
    answer = program("history", "prune", "--keep", "99y")
    assert (answer.code, answer.out.split(";")[0]) == (0, "forgot 0 runs")


@pytest.mark.parametrize(
    "options",
    [
        ["--keep", "0"], ["--keep", ""], ["--keep", "soon"], ["--keep", "-3d"],
        ["--keep", "infinity"], ["--keep", "9" * 40 + "y"],
        ["--keep-runs", "0"], ["--keep-runs", "-1"], ["--keep-runs", "many"],
    ],
)  # fmt: skip
def test_limits_that_make_no_sense_are_refused(
    kept: World, program: Program, options: list[str]
) -> None:
    answer = program("history", "prune", *options)
    assert answer.code == ExitCode.USAGE
    assert "Traceback" not in answer.err
    assert len(program("history", "--json").json) == 6


def test_the_maintenance_says_nothing_where_there_is_nothing(kept: World, program: Program) -> None:
    assert (program("maintain").out, program("maintain").err) == ("", "")


def test_the_maintenance_says_what_it_forgot(kept: World, program: Program) -> None:
    kept.write("history: {keep_runs: 1}\n", "../config.yaml")
    kept.apply(TAGGED)
    assert program("maintain").out == "forgot 4 runs\n"


def test_a_damaged_index_is_told_on_stderr(kept: World, program: Program) -> None:
    kept.layout.index.write_text("no index" * 1000)
    answer = program("history", "--json")
    assert (answer.code, answer.json) == (0, [])
    assert "made anew; the old one is" in answer.err
    assert program("history").err == ""


def test_a_journal_that_cannot_be_read_is_an_error(kept: World, program: Program) -> None:
    for command in (["history"], ["history", "prune"], ["maintain"]):
        error = SystemdError("the journal is not readable")
        kept.systemd.steps.fail_on("journal.records", error)
        answer = program(*command)
        assert answer.code == ExitCode.SYSTEMD
        assert "the journal is not readable" in answer.err
