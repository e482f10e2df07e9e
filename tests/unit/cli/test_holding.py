# SPDX-License-Identifier: Apache-2.0
"""pause, resume, skip-next, maintenance and backfill as people see them."""

from __future__ import annotations

import pytest

from tests.unit.cli.program import Program
from tests.unit.operations.world import TWO

PATH = "  drop: {triggers: [{path_exists: /srv/in}], command: [/bin/true]}\n"


@pytest.fixture
def host(program: Program) -> Program:
    """A host with the jobs nightly and hourly, at 13:00 in Amsterdam."""
    program.world.apply(TWO)
    return program


def state(host: Program, job: str = "nightly") -> str:
    """Return the last column of a job in `list`."""
    line = next(line for line in host("list").out.splitlines() if line.startswith(job))
    return line.rsplit("  ", 1)[-1].strip()


def test_a_pause_and_its_end(host: Program) -> None:
    answer = host("pause", "nightly", "--until", "2026-11-24 06:00", "--reason", "new disk")
    assert (answer.code, answer.err) == (0, "")
    assert answer.out == (
        "paused nightly, since 2026-11-23 13:00, until 2026-11-24 07:00, by alice: new disk\n"
    )
    assert state(host) == "paused until 2026-11-24 07:00"
    assert (
        "      paused  since 2026-11-23 13:00, until 2026-11-24 07:00, by alice: new disk\n"
        in host("show", "nightly").out
    )
    assert "skipped: paused by alice: new disk" in host("next", "nightly").out

    again = host("pause", "nightly", "hourly")
    assert again.out == (
        "paused 2 jobs, since 2026-11-23 13:00, without an end, by alice\n    nightly, hourly\n"
    )
    assert again.err == "note: paused already, with another end or reason now: nightly\n"
    assert state(host) == "paused"

    assert host("resume", "nightly").out == "resumed nightly\n"
    assert host("resume", "nightly").out == "not paused: nightly\n"
    assert host("resume", "--all").out == "resumed hourly\n"
    assert host("resume", "--all").out == "no job is paused\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["pause"], "no job is named\n fix: write ids of jobs, or --tag NAME=VALUE, or --all"),
        (["pause", "nightly", "--all"], "jobs are named in more than one way"),
        (["pause", "nihgtly"], "there is no job 'nihgtly'\n fix: did you mean 'nightly'?"),
        (["pause", "--tag", "=x"], "'=x' is no tag"),
        (["pause", "nightly", "--until", "2026-11-22"], "--until names a time that has passed"),
        (["pause", "nightly", "--until", "whenever"], "'whenever' is no time"),
        (["resume"], "no job is named"),
        (["skip-next", "nihgtly"], "there is no job 'nihgtly'"),
        (["maintenance", "off", "--reason", "x"], "are of `maintenance on`"),
        (["backfill", "--from", "2026-11-22"], "no job is named"),
        (["backfill", "nightly", "--from", "2026-12-01"], "lies in the future"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_bad_input_is_named_and_changes_nothing(
    host: Program, arguments: list[str], said: str
) -> None:
    answer = host(*arguments)
    assert answer.code == 2
    assert said in answer.err
    assert answer.out == ""
    assert not host.world.layout.paused.exists()
    assert host("audit").out.count("\n") <= 1


def test_the_next_runs(host: Program) -> None:
    assert host("skip-next", "nightly", "2").out == (
        "the next 2 runs of nightly by its schedule will be skipped:\n"
        "    Tue 2026-11-24 03:00:00 CET\n"
        "    Wed 2026-11-25 03:00:00 CET\n"
    )
    assert state(host) == "scheduled, skips next 2"
    assert "2 of 2 runs are still to be skipped, by alice" in host("show", "nightly").out
    assert "skipped: on request, 1 of 2" in host("next", "nightly").out
    assert host("skip-next", "nightly", "0").out == (
        "no run of nightly is skipped any more (2 of 2 were left)\n"
    )
    assert host("skip-next", "nightly", "0").out == "no run of nightly was to be skipped\n"
    assert host("skip-next", "hourly").out == (
        "the next run of hourly by its schedule will be skipped:\n    Mon 2026-11-23 14:00:00 CET\n"
    )


def test_the_next_runs_of_a_paused_job_are_not_in_sight(host: Program) -> None:
    host("pause", "nightly")

    answer = host("skip-next", "nightly", "2")

    assert answer.out == "the next 2 runs of nightly by its schedule will be skipped\n"
    assert "such as a pause, do not count" in answer.err


def test_maintenance(host: Program) -> None:
    begun = host("maintenance", "on", "--reason", "kernel")
    assert begun.out == (
        "maintenance is on, since 2026-11-23 13:00, without an end, by alice: kernel\n"
    )
    listed = host("list")
    assert listed.err == (
        "note: the host is in maintenance, since 2026-11-23 13:00, without an end, by alice:"
        " kernel; its schedules start nothing\n"
    )
    assert listed.out.count("scheduled, skips next") == 2
    assert host("status").code == 0
    again = host("maintenance", "on", "--until", "2026-11-24")
    assert "note: it was on already, since 2026-11-23 13:00" in again.err
    assert host("maintenance", "off").out.startswith("maintenance is off; it was on since ")
    assert host("maintenance", "off").out == "maintenance was not on\n"


def test_whether_maintenance_is_on(host: Program) -> None:
    assert host("maintenance").out == "maintenance is off\n"
    host("maintenance", "on")
    assert host("maintenance").out.startswith("maintenance is on, since 2026-11-23 13:00, ")
    assert host("maintenance", "--json").json["maintenance"]["by"] == "alice"
    assert host("maintenance", "--until", "tomorrow").code == 2


def test_who_runs_a_paused_job_by_hand_is_told(host: Program) -> None:
    host("pause", "nightly", "--reason", "new disk")
    answer = host("run", "nightly")
    assert answer.code == 0
    assert answer.err == (
        "note: nightly is paused, since 2026-11-23 13:00, without an end, by alice: new disk;"
        " a run by hand takes place all the same\n"
    )


def test_what_a_backfill_would_run(host: Program) -> None:
    answer = host("backfill", "nightly", "--from", "2026-11-22", "--dry-run", "--parallel", "4")
    assert answer.out == (
        "JOB      FOR\n"
        "nightly  Sun 2026-11-22 03:00:00 CET\n"
        "nightly  Mon 2026-11-23 03:00:00 CET\n"
        "2 runs\n"
    )
    assert answer.err == "note: runs of one job never overlap: --parallel counts jobs\n"
    assert host.world.ran() == []
    nothing = host("backfill", "nightly", "--from", "2026-11-23 11:00")
    assert (nothing.code, nothing.out) == (0, "nothing to make up for\n")


def test_a_backfill_that_does_not_succeed(host: Program) -> None:
    """Nothing of ours runs in the twin: as with a condition that is not met."""
    answer = host("backfill", "nightly", "--from", "2026-11-22")
    assert answer.code == 5
    assert answer.out == (
        "nightly 2026-11-22 03:00:00: skipped (its condition was not met)\n"
        "0 succeeded, 1 failed, 2 left\n"
    )
    assert "the same command runs what is left" in answer.err


def test_a_backfill_that_is_stopped(host: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_units: object, **_how: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(host.world.systemd.manager, "start", interrupt)
    answer = host("backfill", "nightly", "--from", "2026-11-22", terminal=True)
    assert answer.code == 130
    assert "backfill stopped; the run that is under way goes on" in answer.err
    assert "the same command goes on from there" in answer.err


def test_all_of_it_is_in_the_audit(host: Program) -> None:
    host("pause", "--all", "--reason", "move")
    host("resume", "nightly")
    host("resume", "nightly")
    host("skip-next", "hourly", "3")
    host("maintenance", "on")
    host("maintenance", "off")
    host("backfill", "nightly", "--from", "2026-11-23")
    told = [
        (record["verb"], record["jobs"], record["what"]) for record in host("audit", "--json").json
    ]
    assert told[::-1] == [
        ("pause", ["hourly", "nightly"], "move"),
        ("resume", ["nightly"], ""),
        ("skip-next", ["hourly"], "3 runs"),
        ("maintenance", [], "on"),
        ("maintenance", [], "off"),
        ("backfill", ["nightly"], "0 succeeded, 1 failed, 1 left"),
    ]
