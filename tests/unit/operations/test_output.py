# SPDX-License-Identifier: Apache-2.0
"""What a run printed, by stream: which records count, and how much is kept."""

from __future__ import annotations

from typing import Any

from debvisor_timers.history.records import MessageId
from debvisor_timers.history.runs import Run
from debvisor_timers.operations.runs.output import Limit, Output, run_output
from debvisor_timers.operations.runs.which_run import Choice, find_run
from tests.unit.operations.run_records import Recorder
from tests.unit.operations.world import NIGHTLY, World


def output_of(world: World, **limits: Any) -> Output:
    world.write(NIGHTLY)
    run = find_run(world.host, "nightly", Choice())
    return run_output(world.host, run, Limit(**limits))


def texts(output: Output) -> tuple[list[str], list[str]]:
    return ([x.text for x in output.stdout.lines], [x.text for x in output.stderr.lines])


def test_a_level_that_a_line_names_moves_it_to_no_other_stream(world: World) -> None:
    job = Recorder(world=world)
    job.begin()
    job.printed("out")
    job.printed("loud", PRIORITY="3")
    job.printed("err", stderr=True)
    job.printed("quiet", stderr=True, PRIORITY="6")
    job.end()
    assert texts(output_of(world)) == (["out", "loud"], ["err", "quiet"])


def test_what_our_programs_say_is_with_standard_error(world: World) -> None:
    job = Recorder(world=world)
    job.begin()
    job.printed("debvisor-timers: no run of nightly: begin failed", PRIORITY="3")
    job.printed("debvisor-timers: is what a program may print as well")
    job.end(exit_status=1)
    assert texts(output_of(world)) == (
        ["debvisor-timers: is what a program may print as well"],
        ["debvisor-timers: no run of nightly: begin failed"],
    )


def test_records_of_others_do_not_count(world: World) -> None:
    job = Recorder(world=world)
    job.begin()
    job.printed("mine")
    job.printed("of another run", _SYSTEMD_INVOCATION_ID="b" * 32)
    job.printed("by syslog", _TRANSPORT="syslog")
    job.printed("by the native protocol", stderr=True, _TRANSPORT="journal")
    job.end()
    assert texts(output_of(world)) == (["mine"], [])


def test_all_attempts_count(world: World) -> None:
    job = Recorder(world=world)
    job.begin()
    job.printed("first")
    job.systemd(MessageId.FAILED, UNIT_RESULT="exit-code")
    job.systemd(MessageId.RESTART)
    job.invocation = "b" * 32
    job.begin()
    job.printed("second")
    job.end()
    assert texts(output_of(world)) == (["first", "second"], [])


def test_the_newest_lines_are_kept_of_each_stream(world: World) -> None:
    job = Recorder(world=world)
    job.begin()
    for number in range(10):
        job.printed(f"out {number}")
    job.printed("err", stderr=True)
    job.end()
    found = output_of(world, lines=3)
    assert texts(found) == (["out 7", "out 8", "out 9"], ["err"])
    assert (found.stdout.is_cut, found.stderr.is_cut) == (True, False)
    assert not output_of(world, lines=10).stdout.is_cut


def test_no_more_bytes_are_kept_than_allowed(world: World) -> None:
    job = Recorder(world=world)
    job.begin()
    for text in ("x" * 100, "é" * 4, "1234567"):
        job.printed(text)
    job.end()
    found = output_of(world, size=17)
    assert (found.stdout.text, found.stdout.is_cut) == ("éééé\n1234567\n", True)
    assert output_of(world, size=16).stdout.text == "1234567\n"
    assert output_of(world, size=200).stdout.is_cut is False


def test_a_single_line_that_is_too_large_keeps_its_end(world: World) -> None:
    job = Recorder(world=world)
    job.begin()
    job.printed("beginning and end")
    job.end()
    found = output_of(world, size=4)
    assert (found.stdout.text, found.stdout.is_cut) == ("end\n", True)


def test_pieces_of_a_line_are_put_together_and_a_last_one_may_be_open(world: World) -> None:
    job = Recorder(world=world)
    job.begin()
    job.printed("one long ", _LINE_BREAK="line-max")
    job.printed("line")
    job.printed("of one process", _LINE_BREAK="pid-change")
    job.printed("of another")
    job.printed("zero", _LINE_BREAK="nul")
    job.printed("open", _LINE_BREAK="eof")
    job.end()
    expected = "one long line\nof one process\nof another\nzero\nopen"
    assert output_of(world).stdout.text == expected


def test_a_record_without_a_message_is_an_empty_line(world: World) -> None:
    job = Recorder(world=world)
    job.begin()
    job.printed("")
    job.end()
    assert output_of(world).stdout.text == "\n"


def test_a_run_that_never_started_has_printed_nothing(world: World) -> None:
    run = _without_invocation(world)
    assert run_output(world.host, run) == Output()


def _without_invocation(world: World) -> Run:
    world.write(NIGHTLY)
    job = Recorder(world=world, invocation="")
    job.systemd(MessageId.DONE, JOB_RESULT="done", JOB_ID="9")
    run = find_run(world.host, "nightly", Choice())
    assert run.invocation_ids == ()
    return run
