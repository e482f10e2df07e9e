# SPDX-License-Identifier: Apache-2.0
"""try, confirm, rollback, generations, diff: what they print, and with what they end."""

from __future__ import annotations

import os
import pty
import signal
import sys
from collections.abc import Iterator
from datetime import timedelta
from io import StringIO

import pytest

from debvisor_timers.cli.answers import Answers
from debvisor_timers.operations.applying.recover import generations
from debvisor_timers.operations.safety.trying import Answer
from tests.unit.cli.program import Program
from tests.unit.operations.world import NIGHTLY, TWO, World

LATER = NIGHTLY.replace("0 2", "0 3")
SOON = timedelta(seconds=5)
ALICE = "root (login of alice)"


@pytest.fixture
def applied(program: Program, world: World) -> Program:
    world.write(NIGHTLY)
    assert program("apply").code == 0
    return program


# --- try and confirm -----------------------------------------------------------------------------


def test_try_without_waiting_says_how_to_keep_it(applied: Program, world: World) -> None:
    world.write(TWO)

    answer = applied("try", "--timeout", "5min", "--no-wait")

    assert answer.code == 0
    assert answer.out == (
        "1 created, 0 updated, 0 removed, 1 unchanged (generation 2)\n"
        "it is taken back at 2026-11-23 13:05:07; keep it with: debvisor-timers confirm\n"
    )
    assert applied("confirm").out == "confirmed: generation 2 stays\n"


def test_try_with_json_is_one_document(applied: Program, world: World) -> None:
    world.write(TWO)

    found = applied("try", "--no-wait", "--json").json

    assert (found["generation"], found["created"]) == (2, 1)
    assert (found["deadline"], found["decision"]) == ("2026-11-23T13:02:07+01:00", None)
    assert applied("confirm", "--json").json == {"generation": 2}


def test_try_of_nothing_ends_at_once(applied: Program) -> None:
    answer = applied("try")

    assert answer.code == 0
    assert answer.out.endswith("nothing has changed, so there is nothing to confirm\n")


def test_confirm_without_a_trial_is_refused(applied: Program) -> None:
    answer = applied("confirm")

    assert answer.code == 4
    assert "nothing is being tried" in answer.err


@pytest.mark.parametrize("text", ["0", "2d", "soon", "-5"])
def test_a_time_that_makes_no_sense_changes_nothing(
    applied: Program, world: World, text: str
) -> None:
    world.write(TWO)

    answer = applied("try", f"--timeout={text}")

    assert answer.code == 2
    assert "is no time from 1s to 1d" in answer.err
    assert generations(world.host).latest() == 1


def test_apply_waits_for_the_answer(applied: Program, world: World) -> None:
    world.write(TWO)
    applied("try", "--no-wait")

    answer = applied("apply", "--yes")

    assert answer.code == 4
    assert f"what {ALICE} is trying since 12:00:07 UTC is not confirmed yet" in answer.err
    assert "debvisor-timers rollback" in answer.err
    assert applied("generations").err == (
        f"note: what {ALICE} is trying is taken back at 2026-11-23 13:02:07;"
        " to keep it: debvisor-timers confirm\n"
    )


def test_the_service_takes_it_back(applied: Program, world: World) -> None:
    world.write(TWO)
    applied("try", "--no-wait")

    answer = applied("undo-try")

    assert answer.code == 0
    assert answer.out == (
        "not confirmed in time: generation 1 is in force again (0 created, 0 updated, 1 removed)\n"
    )
    assert applied("undo-try").out == "nothing is being tried\n"


def test_recover_takes_back_what_a_boot_has_found(applied: Program, world: World) -> None:
    world.write(TWO)
    applied("try", "--no-wait")
    assert "taken back" not in applied("recover").out
    world.systemd.reboot()

    answer = applied("recover")

    assert answer.out == (
        "nothing to recover\nwhat was being tried was never confirmed; it is taken back\n"
    )


def test_all_of_it_is_in_the_audit(applied: Program, world: World) -> None:
    world.write(TWO)
    applied("try", "--no-wait")
    applied("confirm")
    applied("rollback", "--yes")

    found = [
        (each["verb"], each["what"], each["generation"]) for each in applied("audit", "--json").json
    ]

    assert found == [
        ("rollback", "generation 1 again: 0 created, 0 updated, 1 removed", 3),
        ("confirm", "generation 2", 2),
        ("try", "1 created, 0 updated, 0 removed", 2),
        ("apply", "1 created, 0 updated, 0 removed", 1),
    ]


# --- rollback ------------------------------------------------------------------------------------


def test_rollback_says_what_is_in_force_and_what_the_yaml_says(
    applied: Program, world: World
) -> None:
    world.write(LATER)
    applied("apply")

    answer = applied("rollback")

    assert answer.code == 0
    assert answer.out == (
        "0 created, 1 updated, 0 removed, 0 unchanged (generation 3)\n"
        "generation 1 is in force again\n"
    )
    assert answer.err == (
        f"note: the YAML says something else ({world.layout.jobs}/a.yaml): the next apply brings"
        " that back; to bring the YAML back as well: debvisor-timers rollback 1 --yaml\n"
    )


def test_rollback_with_the_yaml(applied: Program, world: World) -> None:
    world.write(LATER)
    applied("apply")
    world.write(LATER + "# pending\n")
    refused = applied("rollback", "--yaml")
    assert (refused.code, "edits that were never applied" in refused.err) == (4, True)

    answer = applied("rollback", "--yaml", "--force")

    assert answer.code == 0
    assert f"brought back: {world.layout.jobs}/a.yaml\n" in answer.out
    kept = world.layout.replaced / "20261123T120007Z"
    assert answer.err == f"edits that were never applied are kept in {kept}\n"
    assert (kept / "jobs.d" / "a.yaml").read_text() == LATER + "# pending\n"


def test_a_dry_run_shows_and_writes_nothing(applied: Program, world: World) -> None:
    world.write(TWO)
    applied("apply")

    answer = applied("rollback", "--dry-run", "--yaml")

    assert answer.out.splitlines()[0] == "back to generation 1:"
    assert answer.out.splitlines()[1].startswith("- hourly")
    assert answer.out.splitlines()[-1] == f"{world.layout.jobs}/a.yaml would be as it was"
    found = applied("rollback", "--dry-run", "--json").json
    assert (found["restores"], found["files"]) == (1, [])
    assert generations(world.host).latest() == 2


def test_rollback_asks_before_it_removes(applied: Program, world: World) -> None:
    world.write(TWO)
    applied("apply")

    assert applied("rollback").code == 4
    asked = applied("rollback", terminal=True, typed="y\n")

    assert asked.code == 0
    assert "Remove 1 job (hourly)?" in asked.err


def test_rollback_json(applied: Program, world: World) -> None:
    world.write(LATER)
    applied("apply")

    found = applied("rollback", "1", "--json").json

    assert {name: found[name] for name in ("generation", "restores", "of_trial", "files")} == {
        "generation": 3,
        "restores": 1,
        "of_trial": False,
        "files": [],
    }
    assert found["differing"] == [f"{world.layout.jobs}/a.yaml"]


def test_there_is_no_way_back_from_the_first(applied: Program) -> None:
    answer = applied("rollback")

    assert answer.code == 2
    assert "no older generation" in answer.err
    assert applied("rollback", "7").code == 2
    assert applied("rollback", "0").code == 2


# --- generations and diff ------------------------------------------------------------------------


def test_generations_fit_a_terminal(applied: Program, world: World) -> None:
    world.write(TWO)
    applied("apply")
    applied("rollback", "--yes")

    answer = applied("generations", terminal=True, environment={"NO_COLOR": "1"})

    lines = answer.out.splitlines()
    assert lines[:2] == [
        "GEN    WHEN                 WHO                    WHAT           CHANGES",
        "3 now  2026-11-23 13:00:07  root (login of alice)  rollback to 1  +0 ~0 -1",
    ]
    assert all(len(line) <= 80 for line in lines)


def test_generations_json(applied: Program) -> None:
    assert applied("generations", "--json").json == {
        "current": 1,
        "trial": None,
        "generations": [
            {
                "generation": 1,
                "applied": "2026-11-23T13:00:07+01:00",
                "by": ALICE,
                "how": "apply",
                "restores": None,
                "created": 1,
                "updated": 0,
                "removed": 0,
            }
        ],
    }


def test_generations_of_nothing(program: Program) -> None:
    assert program("generations").out == "nothing was ever applied here\n"
    assert program("generations", "--json").json == {
        "current": None,
        "trial": None,
        "generations": [],
    }


def test_diff_is_text_like_a_plan(applied: Program, world: World) -> None:
    world.write(LATER)
    applied("apply")

    answer = applied("diff", "1")

    lines = answer.out.splitlines()
    assert lines[:2] == ["generation 1 -> generation 2", "~ nightly"]
    assert "    -OnCalendar=*-*-* 02:00:00" in lines
    assert "~ jobs.d/a.yaml" in lines
    assert lines[-1] == "1 job and 1 file differ"
    assert applied("diff", "1", "--detailed-exitcode").code == 10
    nothing = applied("diff", "--detailed-exitcode")
    assert (nothing.code, nothing.out) == (
        0,
        "generation 2 -> what is on disk\nnothing differs\n",
    )


def test_diff_json(applied: Program, world: World) -> None:
    world.write("# only a comment\n" + NIGHTLY)

    assert applied("diff", "--json").json == {
        "before": 1,
        "after": None,
        "units": [],
        "files": [
            {
                "file": "jobs.d/a.yaml",
                "change": "update",
                "diff": [
                    "--- jobs.d/a.yaml",
                    "+++ jobs.d/a.yaml",
                    "@@ -1,3 +1,4 @@",
                    "+# only a comment",
                    " jobs:",
                    "   nightly:",
                    '     schedule: {cron: "0 2 * * *", catch_up: once}',
                ],
            }
        ],
    }


# --- for configuration management ----------------------------------------------------------------


def test_apply_expects_a_generation(applied: Program, world: World) -> None:
    world.write(LATER)
    plan = applied("plan", "--json").json
    assert (plan["current_generation"], plan["generation"]) == (1, 2)

    late = applied("apply", "--expect-generation", "7")

    assert late.code == 4
    assert "generation 1 is the newest, not 7" in late.err
    assert applied("apply", "--dry-run", "--expect-generation", "7").code == 4
    assert applied("apply", "--expect-generation", "1").code == 0
    assert applied("try", "--expect-generation", "1").code == 4


def test_plan_json_has_these_keys_and_the_same_bytes_each_time(
    applied: Program, world: World
) -> None:
    world.write(TWO.replace("0 2", "0 3"))

    answer = applied("plan", "--json")

    assert applied("plan", "--json").out == answer.out
    assert answer.json == {
        "current_generation": 1,
        "generation": 2,
        "unchanged": 0,
        "foreign": [],
        "warnings": [],
        "jobs": [
            {
                "job": "hourly",
                "change": "create",
                "next_before": None,
                "next_after": "2026-11-23T14:00:00+01:00",
                "jitter_seconds": 0.0,
                "edited": [],
                "entries": [
                    "debvisor-job-hourly.service",
                    "debvisor-job-hourly.timer",
                    "debvisor-timers.target.wants/debvisor-job-hourly.timer",
                ],
            },
            {
                "job": "nightly",
                "change": "update",
                "next_before": "2026-11-24T03:00:00+01:00",
                "next_after": "2026-11-24T04:00:00+01:00",
                "jitter_seconds": 0.0,
                "edited": [],
                "entries": ["debvisor-job-nightly.timer"],
            },
        ],
    }
    world.write("jobs: {x: {command: [/bin/true], schedule: '@daily', usr: a}}\n")
    assert applied("plan", "--json").code == 3


# --- answers -------------------------------------------------------------------------------------


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> Iterator[int]:
    """Let standard input be a terminal; gives the end that a person types at."""
    person, program = pty.openpty()
    with os.fdopen(program) as stdin, monkeypatch.context() as patch:
        patch.setattr(sys, "stdin", stdin)
        yield person
    os.close(person)


@pytest.mark.parametrize(
    ("typed", "answer"),
    [("\n", Answer.KEEP), ("yes\n", Answer.KEEP), ("no\n", Answer.UNDO), ("what?\n", None)],
)
def test_what_is_typed_is_an_answer(terminal: int, typed: str, answer: Answer | None) -> None:
    with Answers() as answers:
        assert answers.has_terminal
        os.write(terminal, typed.encode())

        assert answers.listen(SOON) is answer


def test_what_was_typed_before_the_question_is_none(terminal: int) -> None:
    with Answers() as answers:
        os.write(terminal, b"\n")
        os.kill(os.getpid(), signal.SIGUSR1)
        answers.forget()

        assert answers.listen(timedelta()) is None


def test_the_end_of_input_is_none(terminal: int) -> None:
    with Answers() as answers:
        os.write(terminal, b"\x04")

        assert answers.listen(SOON) is None
        assert not answers.has_terminal


def test_a_signal_keeps_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "stdin", StringIO("\n"))
    with Answers() as answers:
        assert not answers.has_terminal
        os.kill(os.getpid(), signal.SIGUSR1)

        assert answers.listen(SOON) is Answer.KEEP
        assert answers.listen(timedelta()) is None
    assert signal.getsignal(signal.SIGUSR1) is signal.SIG_DFL


def test_a_generation_says_what_command_has_made_it(applied: Program) -> None:
    assert (
        applied("job", "create", "--name=New", "--cron=0 2 * * *", "--command=/bin/true").code == 0
    )

    newest = applied("generations", "--json").json["generations"][0]

    assert (newest["generation"], newest["how"], newest["by"]) == (2, "create", ALICE)
