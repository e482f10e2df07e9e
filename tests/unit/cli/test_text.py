# SPDX-License-Identifier: Apache-2.0
"""Answers for people: colour only where it is seen, tables that fit, ids that can be copied."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

import pytest

from debvisor_timers.systemd.memory.state import Outcome
from debvisor_timers.systemd.ports import FileEntry
from tests.unit.cli.program import Answer, Program
from tests.unit.cli.test_exit_status import READING
from tests.unit.operations.last_runs import (
    FAILED_AT_TWO,
    WAITING,
    fail_and_retry,
    note_last,
    note_under_way,
)
from tests.unit.operations.world import NIGHTLY, TWO

ESCAPE = "\x1b["
BOLD = "\x1b[1m\x1b[0m"
SERVICE = "debvisor-job-nightly.service"
LONG_ID = "a" * 64
LONG_WORDS = """\
jobs:
  storage-report:
    schedule:
      cron: "13,27,44 1-5,9,22 3,9,17 2,5,8,11 mon,thu"
      timezone: America/Argentina/Buenos_Aires
    triggers: [{boot: 90min}]
    command: [/bin/true]
  not-yet: {schedule: '@daily', command: [/bin/true]}
"""


def text(answer: Answer) -> str:
    return answer.out + answer.err


@pytest.mark.parametrize("arguments", [*READING, ["list", "--nope"], ["appl"]], ids=" ".join)
def test_what_is_piped_has_no_escape_codes(program: Program, arguments: list[str]) -> None:
    program.world.apply(NIGHTLY)

    assert ESCAPE not in text(program(*arguments))


@pytest.mark.parametrize("arguments", [["list"], ["show", "nightly"], ["plan", "--diff"]])
def test_a_terminal_is_coloured_unless_somebody_minds(
    program: Program, arguments: list[str]
) -> None:
    program.world.apply(NIGHTLY)
    program.world.write(TWO)

    assert ESCAPE in program(*arguments, terminal=True).out
    assert ESCAPE not in program("--color=never", *arguments, terminal=True).out
    no_colour = program(*arguments, terminal=True, environment={"NO_COLOR": "1"})
    assert ESCAPE not in no_colour.out
    empty = program(*arguments, terminal=True, environment={"NO_COLOR": ""})
    assert ESCAPE in empty.out


def test_colour_that_was_asked_for_is_there_in_a_pipe_too(program: Program) -> None:
    program.world.apply(NIGHTLY)

    assert ESCAPE in program("--color=always", "list").out
    forced = program("--color=always", "list", environment={"NO_COLOR": "1"})
    assert ESCAPE in forced.out


@pytest.mark.parametrize("command", ["list", "plan", "status", "check"])
def test_json_is_never_coloured(program: Program, command: str) -> None:
    program.world.apply(NIGHTLY)

    answer = program("--color=always", command, "--json", terminal=True)

    assert ESCAPE not in answer.out


def test_problems_follow_the_same_rule(program: Program) -> None:
    program.world.write("jobs: {a: {shedule: '@daily', command: [/bin/true]}}\n")

    for command in ("check", "list"):
        assert ESCAPE in program("--color=always", command).err
        assert ESCAPE in program(command, terminal=True).err
        assert ESCAPE not in program("--color=never", command, terminal=True).err
        plain = program(command, terminal=True, environment={"NO_COLOR": "1"})
        assert ESCAPE not in plain.err


def test_colour_carries_no_meaning_alone(program: Program) -> None:
    program.world.apply(TWO)
    program.world.write(
        NIGHTLY.replace("0 2", "0 3") + "  new: {schedule: '@daily', command: [/bin/true]}\n"
    )

    lines = program("plan").out.splitlines()

    assert [line.split()[:2] for line in lines[:3]] == [
        ["-", "hourly"],
        ["+", "new"],
        ["~", "nightly"],
    ]
    assert lines[3] == "1 to create, 1 to update, 1 to remove, 0 unchanged"


def plain_lines(answer: Answer) -> list[str]:
    """Return the lines of a table, which was asked for without colour."""
    assert ESCAPE not in answer.out
    return answer.out.splitlines()


def test_a_list_fits_a_terminal_of_80_columns(program: Program) -> None:
    program.world.write(LONG_WORDS)

    lines = plain_lines(program("--color=never", "list", terminal=True))

    assert [len(line) <= 80 for line in lines] == [True] * 3
    assert {line.split()[0] for line in lines} == {"JOB", "not-yet", "storage-report"}
    assert "…" in lines[2]


def test_a_list_in_a_pipe_is_whole(program: Program) -> None:
    program.world.write(LONG_WORDS)

    lines = plain_lines(program("list"))

    assert "…" not in "".join(lines)
    assert max(map(len, lines)) > 80


@pytest.mark.parametrize("columns", ["20", "80"])
def test_an_id_is_never_cut(program: Program, columns: str) -> None:
    program.world.apply(f"jobs: {{{LONG_ID}: {{schedule: '@daily', command: [/bin/true]}}}}\n")

    for command in ("list", "next", "plan"):
        answer = program(command, terminal=True, environment={"COLUMNS": columns})
        assert answer.code == 0
    shown = program("--color=never", "list", terminal=True, environment={"COLUMNS": columns})
    assert shown.out.splitlines()[1].split()[0] == LONG_ID
    coming = program("--color=never", "next", terminal=True, environment={"COLUMNS": columns})
    assert [line.split()[-1] for line in coming.out.splitlines()[1:]] == [LONG_ID] * 5


@pytest.mark.parametrize("columns", ["20", "80"])
def test_the_id_of_a_run_is_never_cut(program: Program, columns: str) -> None:
    program.world.apply(NIGHTLY)
    program.world.systemd.advance_to(datetime(2026, 11, 26, 12, tzinfo=UTC))
    ids = [run["run"] for run in program("history", "nightly", "--json").json]
    assert len(ids) == 3

    answer = program(
        "--color=never", "history", "nightly", terminal=True, environment={"COLUMNS": columns}
    )

    assert [line.split()[-1] for line in answer.out.splitlines()[1:]] == ids
    if columns == "80":
        assert max(map(len, answer.out.splitlines())) <= 80


def test_only_an_id_makes_a_line_too_long(program: Program) -> None:
    program.world.apply(
        f"jobs: {{{'b' * 30}: {{schedule: '13,27 1-5,9 * * mon', command: [/bin/true]}}}}\n"
    )
    note_last(program.world, "b" * 30, FAILED_AT_TWO)

    lines = plain_lines(program("--color=never", "list", terminal=True))

    assert max(map(len, lines)) <= 80


def test_a_table_without_rows_says_so(program: Program) -> None:
    assert program("list").out == (
        "no jobs; write one into /etc/debvisor/timers/jobs.d/, then: debvisor-timers apply\n"
    )
    assert program("next").out == "nothing to come\n"
    program.world.write(NIGHTLY)
    assert program("history", "nightly").out == "nightly has not run yet\n"


def test_show_names_everything_of_a_job(program: Program) -> None:
    program.world.apply(
        "jobs:\n  nightly:\n    name: Nightly\n    description: Of all.\n    owner: ops\n"
        "    tags: {site: ams}\n    schedule: '0 2 * * *'\n    command: [/bin/true]\n"
    )
    note_last(program.world, "nightly", FAILED_AT_TWO)

    lines = [line.strip() for line in program("show", "nightly").out.splitlines()]

    assert lines[:7] == [
        "job  nightly",
        "name  Nightly",
        "description  Of all.",
        f"source  {program.world.layout.jobs}/a.yaml:2",
        "owner  ops",
        "tags  site=ams",
        "schedule  every day at 02:00",
    ]
    assert "OnCalendar  *-*-* 02:00:00" in lines
    assert "last run  Mon 2026-11-23 03:00:00 CET, 10h ago: failed (exit status 3)" in lines
    assert "next  Tue 2026-11-24 03:00:00 CET (in 13h 59min)" in lines


def test_what_a_job_waits_for_and_how_often_it_is_tried_is_shown(program: Program) -> None:
    world = program.world
    (world.layout.config / "config.yaml").write_text("pools: {backup: 5}\n")
    world.systemd.units.write({"x.service": FileEntry("[Service]\nExecStart=/bin/true\n")})
    world.apply(
        "jobs:\n"
        "  nightly:\n"
        "    command: [/bin/true]\n"
        "    retries: {max: 3}\n"
        "    total_timeout: 2h\n"
        "    depends_on: [step, {job: other, type: after, wait: 0}, {unit: x.service}]\n"
        "    conflicts_with: [{job: step, policy: skip}]\n"
        "    pool: {name: backup, slots: 2, wait: 90min}\n"
        "    where: {vm_active: vm-123, host: [node1, node2]}\n"
        "  step: {command: [/bin/true], retries: {max: 7, delay: 5min}}\n"
        "  other:\n"
        "    command: [/bin/true]\n"
        "    conflicts_with: [{job: nightly, wait: 2h}]\n"
        "  tell: {command: [/bin/true], triggers: [{failure_of: [nightly]}]}\n"
    )

    lines = [line.strip() for line in program("show", "nightly").out.splitlines()]

    begin = lines.index("schedule  on demand") + 1
    assert lines[begin : begin + 11] == [
        "attempts  up to 4, after 1min, 2min, 4min",
        "in total  2h",
        "needs  step (requires, waits up to 1h)",
        "other (after, does not wait)",
        "x.service",
        "needed by  tell is started by failure of nightly",
        "conflicts  other (waits)",
        "step (skips)",
        "pool  backup, 2 of 5, waits up to 1h 30min",
        "where  virtual machine vm-123 runs, host is node1 or node2",
        "priority  normal",
    ]
    assert "attempts  up to 8, after 5min, then 10min each" in program("show", "step").out


def test_show_tells_what_keeps_a_job_apart_and_no_more_of_secrets_than_their_names(
    program: Program,
) -> None:
    program.world.apply(
        "jobs:\n  nightly:\n    command: [/bin/true]\n    sandbox: strict\n    umask: 0027\n"
        "    private_network: true\n    credentials: {token: /etc/creds/of-ops}\n"
        "    conditions: {ac_power: true, path_exists: ['!/x', /y]}\n"
    )

    answer = program("show", "nightly")
    lines = [line.strip() for line in answer.out.splitlines()]

    first = lines.index("sandbox  strict")
    assert lines[first + 1 : first + 7] == [
        "network  private",
        "credentials  token",
        "umask  0027",
        "only if  ConditionPathExists=!/x",
        "only if  ConditionPathExists=/y",
        "only if  ConditionACPower=true",
    ]
    assert re.fullmatch(r"exposure  \d+\.\d [A-Z]+", lines[first + 7])
    assert "of-ops" not in answer.out


def test_show_of_a_job_that_is_not_applied_has_no_exposure(program: Program) -> None:
    program.world.write(NIGHTLY)

    assert "exposure" not in program("show", "nightly").out


def test_units_are_shown_as_they_stand_on_disk(program: Program) -> None:
    program.world.apply(NIGHTLY)

    answer = program("show", "nightly", "--units")

    assert "\n# debvisor-job-nightly.timer\n" in answer.out
    assert "\nOnCalendar=*-*-* 02:00:00\n" in answer.out


def test_a_dry_run_shows_and_does_nothing(program: Program) -> None:
    program.world.apply(NIGHTLY)
    program.world.write(TWO)
    program.world.systemd.steps.clear()

    applied = program("apply", "--dry-run")
    run = program("run", "nightly", "--dry-run")

    assert applied.out.endswith("1 to create, 0 to update, 0 to remove, 1 unchanged\n")
    assert run.out == (
        " would start  debvisor-job-nightly.service\n"
        "     program  /bin/true\n"
        "        user  root\n"
        "     timeout  1h\n"
    )
    assert program.world.systemd.steps.done == []


def test_list_tells_that_the_next_run_is_skipped(program: Program) -> None:
    schedule = "{cron: '0 2 * * *', exclude: [2026-11-24]}"
    program.world.apply(f"jobs: {{a: {{schedule: {schedule}, command: [/bin/true]}}}}\n")

    assert program("list").out.splitlines()[1].endswith("  scheduled, skips next")
    (row,) = program("list", "--json").json
    assert (row["state"], row["skipped"]) == ("scheduled", "excluded: 2026-11-24")


@pytest.mark.parametrize(
    ("further", "words"),
    [
        ("", "running"),
        (WAITING, "waiting for pool backup (5 of 5 taken)"),
        ("DEBVISOR_ATTEMPT=2\n", "running, attempt 2 of 4"),
    ],
)
def test_a_run_that_is_under_way_says_what_it_does(
    program: Program, further: str, words: str
) -> None:
    program.world.apply(NIGHTLY)
    program.world.systemd.set_outcome(SERVICE, Outcome(duration=timedelta(hours=1)))
    program.world.systemd.manager.start([SERVICE], wait=False)
    note_under_way(program.world, "nightly", further)

    assert words in program("list").out
    assert f"state  {words}\n" in program("show", "nightly").out
    assert "run  20261123T120000Z-0d4c52, since " in program("show", "nightly").out
    assert max(map(len, program("list", terminal=True).out.splitlines())) <= 80 + len(BOLD)


def test_a_note_that_is_left_of_another_run_is_not_shown(program: Program) -> None:
    program.world.apply(NIGHTLY)
    note_under_way(program.world, "nightly", WAITING)
    assert "scheduled" in program("list").out
    program.world.systemd.set_outcome(SERVICE, Outcome(duration=timedelta(hours=1)))
    program.world.systemd.manager.start([SERVICE], wait=False)
    assert "running" in program("list").out
    assert "waiting" not in program("list").out


def test_a_run_between_two_attempts_says_which_is_next(program: Program) -> None:
    """The command line's clock is the host's: there the time of the next attempt has passed."""
    program.world.apply(NIGHTLY)
    fail_and_retry(program.world, "nightly")

    assert "attempt 2 of 4 " in program("list").out


def test_a_run_that_waits_is_in_the_history_as_it_was_noted(program: Program) -> None:
    program.world.apply(NIGHTLY)
    program.world.systemd.set_outcome(SERVICE, Outcome(duration=timedelta(hours=1)))
    program.world.systemd.manager.start([SERVICE], wait=False)
    note_under_way(program.world, "nightly", WAITING)

    line = program("history", "nightly").out.splitlines()[1]

    assert "waiting (for pool backup (5 of 5 taken))  manual by alice" in line
    assert line.endswith("20261123T120000Z-0d4c52")


def test_what_unit_files_call_is_not_offered_to_people(program: Program) -> None:
    assert "notify-failure" not in program("--help").out
    assert "notify-failure" in program("notify-failure", "--help").out
