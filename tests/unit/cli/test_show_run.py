# SPDX-License-Identifier: Apache-2.0
"""show --run: one run for people and for programs; and what logs and show refuse together."""

from __future__ import annotations

import re

import pytest

from debvisor_timers.history.records import MessageId
from tests.unit.cli.program import Program
from tests.unit.operations.run_records import Recorder
from tests.unit.operations.world import NIGHTLY

RUN = "20261123T120007Z-aaaaaa"


@pytest.fixture
def ran(program: Program) -> Program:
    """A host where a run of `nightly` has failed twice, and printed something."""
    world = program.world
    world.write(NIGHTLY)
    told = {
        "DEBVISOR_BY": "alice",
        "DEBVISOR_RETRY_OF": "20261122T020000Z-000003",
        "DEBVISOR_GENERATION": "12",
        "DEBVISOR_MAX_ATTEMPTS": "2",
        "DEBVISOR_WAITED_USEC": "90500000",
        "DEBVISOR_CPU_USEC": "1500000",
        "DEBVISOR_MEMORY_PEAK": "36175872",
        "DEBVISOR_SCHEDULED_USEC": "1795399200000000",
    }
    job = Recorder(world=world, run=RUN, fields=told)
    job.begin()
    job.printed("first attempt")
    job.systemd(MessageId.FAILED, UNIT_RESULT="exit-code")
    job.systemd(MessageId.RESTART)
    job.invocation = "b" * 32
    job.begin()
    for number in range(25):
        job.printed(f"line {number}\t\x1b[31m")
    job.printed("x" * 200, stderr=True)
    job.end(exit_status=3)
    return program


PEOPLE = f"""\
         job  nightly
         run  {RUN}
      result  failed (exit status 3)
     trigger  retry by alice
     repeats  20261122T020000Z-000003
         due  Mon 2026-11-23 03:00:00 CET
       start  Mon 2026-11-23 13:00:08 CET
         end  Mon 2026-11-23 13:00:43 CET
        took  35s
      waited  1min 30s
    attempts  2 of 2
              1: 2026-11-23 13:00:07, failed (exit-code), took 3s
              2: 2026-11-23 13:00:12, failed (exit status 3), took 30s
         CPU  3s
      memory  34.5 MiB at most
  generation  12

stdout (the last 20 lines)
"""


def test_people_see_all_of_a_run_and_its_last_lines(ran: Program) -> None:
    answer = ran("show", "nightly", "--run", RUN[:18])

    assert answer.out.startswith(PEOPLE)
    assert answer.out.count("  line ") == 20
    assert "  line 24 \\x1b[31m\n" in answer.out
    assert answer.out.endswith(f"\nstderr\n  {'x' * 200}\n")
    assert (answer.code, answer.err) == (0, "")


def test_on_a_terminal_no_line_is_longer_than_it_is_wide(ran: Program) -> None:
    answer = ran("show", "nightly", "--run", RUN, terminal=True, environment={"NO_COLOR": "1"})

    assert max(map(len, answer.out.splitlines())) == 80
    assert answer.out.splitlines()[-1].endswith("x…")


def test_programs_get_the_streams_apart(ran: Program) -> None:
    document = ran("show", "nightly", "--run", RUN, "--json").json

    assert document["stdout"].startswith("first attempt\nline 0\t\x1b[31m\n")
    assert document["stderr"] == "x" * 200 + "\n"
    assert document["truncated"] is False
    assert document["invocations"] == ["a" * 32, "b" * 32]
    assert (document["run"], document["trigger"], document["outcome"]) == (RUN, "retry", "failed")
    assert [each["outcome"] for each in document["each_attempt"]] == ["failed", "failed"]


def test_a_run_that_printed_nothing_has_no_headlines(program: Program) -> None:
    program.world.write(NIGHTLY)
    job = Recorder(world=program.world)
    job.begin()
    job.end()

    answer = program("show", "nightly", "--run", job.run)

    assert "std" not in answer.out
    assert "attempts" not in answer.out


SKIPS = """\
         job  nightly
         run  20261123T120007Z-000000
      result  skipped (still running), 3 times
     trigger  timer
      during  20261123T030000Z-dddddd
         due  Mon 2026-11-23 12:40:00 CET
    last due  Mon 2026-11-23 13:00:00 CET
       start  Mon 2026-11-23 13:00:07 CET
"""


def test_of_starts_that_were_left_out_all_are_told(program: Program) -> None:
    program.world.write(NIGHTLY)
    job = Recorder(world=program.world, run="", invocation="")
    job.ours(
        MessageId.RUN_SKIPPED,
        DEBVISOR_REASON="still running",
        DEBVISOR_OVERLAPPED="20261123T030000Z-dddddd",
        DEBVISOR_COUNT="3",
        DEBVISOR_SCHEDULED_USEC="1795434000000000",
        DEBVISOR_LAST_USEC="1795435200000000",
    )

    answer = program("show", "nightly", "--run", "2026").out

    assert re.sub(r"Z-0\w{5}", "Z-000000", answer).startswith(SKIPS)


def test_an_unknown_run_is_told(ran: Program) -> None:
    answer = ran("show", "nightly", "--run", "2027")

    assert answer.code == 2
    assert "there is no run '2027' of job 'nightly'" in answer.err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["show", "nightly", "--run", RUN, "--units"], "--run and --units together"),
        (["logs"], "logs of which job?"),
        (["logs", "nightly", "--all"], "job 'nightly' and --all together"),
        (["logs", "--all", "--last"], "--last and --all together"),
        (["logs", "nightly", "--last", "--failed"], "--last and --failed together"),
        (["logs", "nightly", "--run", RUN, "--failed"], "--run and --failed together"),
        (["logs", "nightly", "-f", "--failed"], f"run {RUN} is over"),
        (["logs", "nightly", "--run", "2027"], "there is no run '2027' of job 'nightly'"),
        (["logs", "nightly", "--run", ""], "--run without an id"),
        (["show", "nightly", "--run", ""], "--run without an id"),
        (["logs", "hourley", "--last"], "there is no job 'hourley'"),
    ],
)
def test_what_makes_no_sense_is_refused(ran: Program, arguments: list[str], words: str) -> None:
    answer = ran(*arguments)

    assert answer.code == 2
    assert words in answer.err
    assert "fix: " in answer.err
