# SPDX-License-Identifier: Apache-2.0
"""What the command line ends with, as debvisor-timers(8) lists it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from debvisor_timers.errors import SystemdError
from debvisor_timers.layout import TARGET
from debvisor_timers.operations.applying.record import ApplyRecord
from debvisor_timers.operations.applying.recover import record_file
from debvisor_timers.systemd.memory.state import Outcome
from tests.unit.cli.program import Program
from tests.unit.operations.last_runs import FAILED_AT_TWO, note_last
from tests.unit.operations.world import NIGHTLY, TWO

SERVICE = "debvisor-job-nightly.service"
WRONG = "jobs: {late: {schedule: '0 25 * * *', command: [/bin/true]}}\n"

READING = (
    ["plan"],
    ["plan", "--diff"],
    ["check"],
    ["list"],
    ["show", "nightly"],
    ["show", "nightly", "--units"],
    ["next"],
    ["next", "nightly"],
    ["next", "--cron", "0 2 * * *"],
    ["next", "--on-calendar", "Mon 02:00"],
    ["timeline"],
    ["timeline", "nightly", "--week", "today"],
    ["report"],
    ["report", "--since", "yesterday", "--html"],
    ["graph"],
    ["graph", "nightly"],
    ["graph", "--dot"],
    ["history", "nightly"],
    ["status"],
    ["explain"],
    ["explain", "schedule"],
    ["schema"],
    ["schema", "--config"],
    ["translate", "0 2 * * *"],
    ["version"],
    ["run", "nightly", "--dry-run"],
    ["apply", "--dry-run"],
    ["recover"],
    ["stop", "nightly"],
    ["notify-failure", "nightly"],
    ["apply"],
)


@pytest.mark.parametrize("arguments", READING, ids=" ".join)
def test_done(program: Program, arguments: list[str]) -> None:
    program.world.apply(NIGHTLY)

    answer = program(*arguments)

    assert (answer.code, answer.err) == (0, "")
    assert answer.out.strip()


@pytest.mark.parametrize("arguments", [["--help"], ["-h"], ["--version"], ["run", "--help"], []])
def test_help_and_version_are_done(program: Program, arguments: list[str]) -> None:
    answer = program(*arguments)

    assert answer.code == 0
    assert "debvisor-timers" in answer.out


def test_a_bug_is_1_and_said_as_such(program: Program) -> None:
    program.world.systemd.steps.fail_on("manager.units", RuntimeError("no such thing"))

    answer = program("list")

    assert answer.code == 1
    assert "RuntimeError: no such thing" in answer.err
    assert "this is a bug in debvisor-timers" in answer.err


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["appl"], "No such command 'appl'. Did you mean 'apply'?"),
        (["xyzzy"], "No such command 'xyzzy'."),
        (["apply", "--yess"], "No such option: --yess"),
        (["--colour=never", "list"], "No such option: --colour"),
        (["--color=blue", "list"], "'blue' is not one of 'auto', 'always', 'never'"),
        (["show"], "Missing argument 'JOB'"),
        (["history", "nightly", "--limit", "0"], "0 is not in the range x>=1"),
        (["next", "--count", "many"], "'many' is not a valid integer"),
        (["next", "--count", "1001"], "1001 is not in the range 1<=x<=1000"),
        (
            ["next", "--from", "bogus"],
            "'bogus' is no time that systemd can read\n fix: write one as",
        ),
        (["next", "--until", "yesterday"], "--until 'yesterday' is not after the present"),
        (["next", "--from", "@9", "--until", "@9"], "--until '@9' is not after --from '@9'"),
        (["next", "nightly", "--cron", "@daily"], "jobs and an expression together"),
        (["next", "--on-calendar", "daily", "--cron", "@daily"], "write one of them"),
        (["next", "--timezone", "UTC"], "--timezone without --cron"),
        (["next", "--on-calendar", "0 2 * * *"], "'0 2 * * *' is no time that systemd can read"),
        (["timeline", "--day", "bogus"], "'bogus' is no time that systemd can read"),
        (["timeline", "--day", "today", "--week", "today"], "write one of them"),
        (["timeline", "--width", "30"], "a width of 30 is too small for a day\n fix: use 34"),
        (["timeline", "--width", "wide"], "'wide' is not a valid integer"),
        (["timeline", "--svg", "/"], "/ is a folder"),
        (["timeline", "--svg", "/dev/null"], "/dev/null is no regular file"),
        (["timeline", "--svg", "/nowhere/a.svg"], "cannot write /nowhere/a.svg: No such file"),
        (["list", "nightly"], "Got unexpected extra argument (nightly)"),
        (["translate"], "no expression"),
        (["translate", "--stdin"], "answers in JSON"),
        (["explain", "shedule"], "schedule"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_usage_is_2_with_a_hint(program: Program, arguments: list[str], said: str) -> None:
    answer = program(*arguments)

    assert (answer.code, answer.out) == (2, "")
    assert said in answer.err


@pytest.mark.parametrize(
    "command", ["show", "next", "timeline", "graph", "run", "stop", "logs", "history"]
)
def test_an_unknown_job_is_2_with_the_nearest(program: Program, command: str) -> None:
    program.world.apply(NIGHTLY)

    answer = program(command, "nightlyy")

    assert (answer.code, answer.out) == (2, "")
    assert answer.err == ("error: there is no job 'nightlyy'\n fix: did you mean 'nightly'?\n")


@pytest.mark.parametrize("command", ["plan", "apply", "check", "list", "next", "timeline", "graph"])
def test_wrong_definitions_are_3_with_their_place(program: Program, command: str) -> None:
    program.world.write(WRONG)

    answer = program(command)

    assert answer.code == 3
    assert f"{program.world.layout.jobs}/a.yaml:1:" in answer.err
    assert "hour 25" in answer.err
    assert answer.err.endswith("\n1 error\n")


@pytest.mark.parametrize("arguments", [["translate"], ["next", "--cron"]], ids=" ".join)
def test_an_expression_that_cannot_be_told_is_3_with_a_caret(
    program: Program, arguments: list[str]
) -> None:
    answer = program(*arguments, "0 25 * * *")

    assert (answer.code, answer.out) == (3, "")
    assert "\n    0 25 * * *\n      ^^\n" in answer.err


def test_a_removal_that_nobody_confirmed_is_4(program: Program) -> None:
    program.world.apply(TWO)
    program.world.write(NIGHTLY)

    answer = program("apply")

    assert (answer.code, answer.out) == (4, "")
    assert "it would remove jobs: hourly" in answer.err
    assert "--yes" in answer.err


@pytest.mark.parametrize(("typed", "code", "jobs"), [("y\n", 0, 1), ("n\n", 4, 2)])
def test_a_removal_is_asked_for_on_a_terminal(
    program: Program, typed: str, code: int, jobs: int
) -> None:
    program.world.apply(TWO)
    program.world.write(NIGHTLY)

    answer = program("apply", terminal=True, typed=typed)

    assert answer.code == code
    assert "Remove 1 job (hourly)? [y/N]" in answer.err
    assert len(program.world.running()) == jobs


@pytest.mark.parametrize("arguments", [["run", "nightly"], ["run", "nightly", "--dry-run"]])
def test_a_job_that_is_not_applied_is_4(program: Program, arguments: list[str]) -> None:
    program.world.write(NIGHTLY)

    answer = program(*arguments)

    assert answer.code == 4
    assert "is not applied yet\n fix: run `debvisor-timers apply` first" in answer.err


def test_systemd_that_does_not_answer_is_5(program: Program) -> None:
    program.world.apply(NIGHTLY)
    program.world.systemd.steps.fail_on(
        "manager.units", SystemdError("systemd does not answer", fix="look at PID 1")
    )

    answer = program("list")

    assert (answer.code, answer.out) == (5, "")
    assert answer.err == "error: systemd does not answer\n fix: look at PID 1\n"


@pytest.mark.parametrize(
    ("outcome", "code", "words"),
    [
        (Outcome(duration=timedelta(seconds=90)), 0, "nightly succeeded after 1min 30s\n"),
        (Outcome.failure(3), 5, "nightly failed (exit status 3) after 0ms\n"),
        (Outcome(result="timeout"), 5, "nightly timed out after 0ms\n"),
    ],
    ids=["good", "bad", "late"],
)
def test_a_run_that_was_waited_for_is_0_or_5(
    program: Program, outcome: Outcome, code: int, words: str
) -> None:
    program.world.apply(NIGHTLY)
    program.world.systemd.set_outcome(SERVICE, outcome)

    answer = program("run", "nightly", "--wait")

    assert (answer.code, answer.out) == (code, words)


def test_a_run_that_nobody_waits_for_is_0(program: Program) -> None:
    program.world.apply(NIGHTLY)
    program.world.systemd.set_outcome(SERVICE, Outcome.failure(3, duration=timedelta(hours=1)))

    answer = program("run", "nightly")

    assert answer.code == 0
    assert "debvisor-timers logs -f nightly" in answer.out


def test_an_apply_that_could_not_be_undone_is_6_with_what_continues(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.world.apply(TWO)
    program.world.write(TWO.replace("0 2 * * *", "0 3 * * *"))

    def broken() -> None:
        raise SystemdError("systemd does not answer")

    monkeypatch.setattr(program.world.systemd.manager, "reload", broken)
    answer = program("apply")

    assert answer.code == 6
    assert "debvisor-timers recover" in answer.err


def test_a_plan_with_changes_is_10_where_asked_for(program: Program) -> None:
    program.world.write(NIGHTLY)

    assert program("plan").code == 0
    assert program("plan", "--detailed-exitcode").code == 10
    assert program("plan", "--detailed-exitcode", "--json").code == 10

    program.world.apply()
    assert program("plan", "--detailed-exitcode").code == 0


def test_a_status_with_findings_is_10(program: Program) -> None:
    program.world.apply(NIGHTLY)
    note_last(program.world, "nightly", FAILED_AT_TWO)

    answer = program("status")

    assert answer.code == 10
    assert "nightly: its last run failed (exit status 3)\n    fix: " in answer.out
    assert answer.out.endswith("1 job, 1 timer running: 1 finding\n")
    assert program("status", "--json").code == 10


def test_ctrl_c_is_130(program: Program) -> None:
    program.world.apply(NIGHTLY)
    program.world.systemd.steps.fail_on("manager.units", KeyboardInterrupt())

    answer = program("list")

    assert answer.code == 130
    assert "interrupted" in answer.err
    assert "Traceback" not in answer.err


def test_ctrl_c_in_an_apply_is_130_and_says_that_it_was_undone(program: Program) -> None:
    program.world.apply(NIGHTLY)
    before = program.world.picture()
    program.world.write(TWO)
    program.world.systemd.steps.fail_on("manager.reload", KeyboardInterrupt())

    answer = program("apply")

    assert answer.code == 130
    assert "undone" in answer.err
    assert program.world.picture() == before


def test_ctrl_c_while_waiting_for_a_run_is_130_and_the_run_goes_on(program: Program) -> None:
    program.world.apply(NIGHTLY)
    program.world.systemd.steps.fail_on("manager.start", KeyboardInterrupt())

    answer = program("run", "nightly", "--wait")

    assert answer.code == 130
    assert "nightly goes on" in answer.err


def test_what_recover_says_by_what_there_was(program: Program) -> None:
    program.world.apply(NIGHTLY)
    assert program("recover").out == "nothing to recover\n"
    record_file(program.world.host).write(ApplyRecord(generation=2, before={}, after={}))

    answer = program("recover")

    assert (answer.code, answer.err) == (0, "")
    assert answer.out == "an apply had been cut off; everything is as it was before it\n"


def test_an_apply_under_the_emergency_brake_says_how_to_release_it(program: Program) -> None:
    program.world.systemd.manager.stop([TARGET])
    program.world.write(NIGHTLY)

    answer = program("apply")

    assert answer.code == 0
    assert answer.out == "1 created, 0 updated, 0 removed, 0 unchanged (generation 1)\n"
    assert "systemctl start debvisor-timers.target" in answer.err
