# SPDX-License-Identifier: Apache-2.0
"""logs: the call of journalctl that shows a job."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from debvisor_timers.errors import NotFoundError, UsageError
from debvisor_timers.history.records import MessageId
from debvisor_timers.operations.runs.logs import LogQuestion, journalctl_command
from debvisor_timers.operations.runs.which_run import Choice
from tests.unit.operations.kept_runs import keep, nightly_runs
from tests.unit.operations.run_records import Recorder
from tests.unit.operations.world import NIGHTLY, TWO, World

PLAIN = [
    "journalctl",
    "--output=short-iso",
    "--lines=200",
    "--unit=debvisor-job-nightly.service",
]


def command(
    world: World,
    job: str = "nightly",
    *,
    follow: bool = False,
    lines: int | None = None,
    as_json: bool = False,
) -> list[str]:
    question = LogQuestion(job_id=job, follow=follow, lines=lines, as_json=as_json)
    return journalctl_command(world.host, question)


def test_the_last_lines_of_the_unit(world: World) -> None:
    world.apply(NIGHTLY)

    assert command(world) == PLAIN


def test_every_option_reaches_journalctl(world: World) -> None:
    world.apply(NIGHTLY)

    assert command(world, follow=True, lines=7, as_json=True) == [
        "journalctl",
        "--output=json",
        "--follow",
        "--lines=7",
        "--unit=debvisor-job-nightly.service",
    ]


def test_a_job_that_is_not_applied_may_be_waited_for(world: World) -> None:
    world.write(NIGHTLY)

    assert command(world) == PLAIN


def test_a_job_that_was_removed_keeps_its_log(world: World) -> None:
    world.apply(TWO)
    world.systemd.advance_to(datetime(2026, 11, 24, 12, tzinfo=UTC))
    world.apply("jobs:\n" + TWO.removeprefix(NIGHTLY))

    assert command(world) == PLAIN


def test_a_job_whose_yaml_is_gone_and_whose_units_are_not(world: World) -> None:
    world.apply(TWO)
    world.write("jobs:\n" + TWO.removeprefix(NIGHTLY))

    assert command(world) == PLAIN


def test_a_job_that_was_removed_before_it_ran_is_unknown(world: World) -> None:
    world.apply(TWO)
    world.apply("jobs:\n" + TWO.removeprefix(NIGHTLY))

    with pytest.raises(NotFoundError, match="there is no job 'nightly'"):
        command(world)


LATER = NIGHTLY.replace("nightly:", "later:")
RENAMED = LATER + "    was: [nightly]\n"
UNITS = ["debvisor-job-later.service", "debvisor-job-nightly.service"]


def test_a_job_that_was_renamed_keeps_its_log(world: World) -> None:
    world.apply(NIGHTLY)
    world.apply(RENAMED)

    assert command(world, "later")[3:] == [f"--unit={unit}" for unit in UNITS]
    question = LogQuestion(job_id="later", stderr=True)
    assert journalctl_command(world.host, question)[3:5] == [
        f"_SYSTEMD_UNIT={unit}" for unit in UNITS
    ]


def test_the_log_of_another_job_that_got_the_id_later_is_not_mixed_in(world: World) -> None:
    world.apply(NIGHTLY)
    world.apply(RENAMED)
    world.apply(LATER + NIGHTLY.removeprefix("jobs:\n"))

    assert command(world, "later")[3:] == [f"--unit={UNITS[0]}"]
    assert command(world) == PLAIN


def test_a_job_that_only_the_index_remembers_has_an_empty_log(world: World) -> None:
    """As with --last, and as its history can be read."""
    keep(world, nightly_runs([60.0], first=datetime(2026, 11, 1, tzinfo=UTC)))

    assert command(world) == PLAIN


def test_an_unknown_job_is_told_with_the_nearest(world: World) -> None:
    world.apply(TWO)

    with pytest.raises(NotFoundError, match="there is no job 'hourley'") as caught:
        command(world, "hourley")

    assert caught.value.fix == "did you mean 'hourly'?"


RUN = "20261123T120007Z-aaaaaa"
A, B = "a" * 32, "b" * 32


def of_run(world: World, choice: Choice, **options: Any) -> list[str]:
    question = LogQuestion(job_id="nightly", choice=choice, **options)
    return journalctl_command(world.host, question)


def ran(world: World, *, attempts: int = 1, is_over: bool = True) -> None:
    """Record a run of `nightly` that began at 12:00:07; each record takes a second."""
    world.write(NIGHTLY)
    job = Recorder(world=world, run=RUN)
    job.begin()
    if attempts == 2:
        job.systemd(MessageId.FAILED, UNIT_RESULT="exit-code")
        job.systemd(MessageId.RESTART)
        job.invocation = B
        job.begin()
    if is_over:
        job.end()


def test_a_run_is_what_its_processes_systemd_and_our_programs_said(world: World) -> None:
    ran(world)

    assert of_run(world, Choice()) == [
        *("journalctl", "--output=short-iso", "--lines=all"),
        "--until=@1795435216.000000",
        f"_SYSTEMD_INVOCATION_ID={A}",
        *("+", "_PID=1", f"INVOCATION_ID={A}"),
        *("+", "_UID=0", f"DEBVISOR_RUN_ID={RUN}"),
    ]


def test_all_attempts_are_in_the_log_of_a_run(world: World) -> None:
    ran(world, attempts=2)

    found = of_run(world, Choice(id=RUN), lines=5, as_json=True)

    assert found[1:3] == ["--output=json", "--lines=5"]
    assert found[4:9] == [
        *(f"_SYSTEMD_INVOCATION_ID={A}", f"_SYSTEMD_INVOCATION_ID={B}"),
        *("+", "_PID=1", f"INVOCATION_ID={A}"),
    ]


def test_standard_error_of_a_run_and_of_a_job(world: World) -> None:
    ran(world)
    stderr = ["_TRANSPORT=stdout", "SYSLOG_FACILITY=1"]

    assert of_run(world, Choice(), stderr=True)[3:] == [f"_SYSTEMD_INVOCATION_ID={A}", *stderr]
    question = LogQuestion(job_id="nightly", stderr=True)
    assert journalctl_command(world.host, question)[2:] == [
        *("--lines=200", "_SYSTEMD_UNIT=debvisor-job-nightly.service", *stderr),
    ]


def test_a_run_under_way_is_followed_by_its_unit_from_its_first_record_on(world: World) -> None:
    ran(world, is_over=False)

    assert of_run(world, Choice(), follow=True) == [
        *("journalctl", "--output=short-iso", "--follow", "--lines=all"),
        "--since=@1795435207.000000",
        "_SYSTEMD_UNIT=debvisor-job-nightly.service",
        *("+", "_PID=1", "UNIT=debvisor-job-nightly.service"),
    ]


def test_a_run_that_is_over_cannot_be_followed(world: World) -> None:
    ran(world)

    with pytest.raises(UsageError, match=f"run {RUN} is over") as caught:
        of_run(world, Choice(), follow=True)

    assert "logs -f nightly" in caught.value.fix


def test_a_run_that_never_started_is_what_systemd_said_then(world: World) -> None:
    world.write(NIGHTLY)
    job = Recorder(world=world, invocation="")
    job.systemd(MessageId.NOT_STARTED, JOB_RESULT="dependency", JOB_ID="9")

    found = of_run(world, Choice())

    assert found[3:7] == [
        *("--since=@1795435207.000000", "--until=@1795435207.000000"),
        *("_PID=1", "UNIT=debvisor-job-nightly.service"),
    ]
    assert of_run(world, Choice(), stderr=True)[3] == "_SYSTEMD_INVOCATION_ID=none"


def test_starts_that_were_left_out_are_what_our_record_says(world: World) -> None:
    world.write(NIGHTLY)
    job = Recorder(world=world, run="", invocation="")
    job.ours(MessageId.RUN_SKIPPED, DEBVISOR_REASON="still running")

    found = of_run(world, Choice())

    ours = ["_UID=0", f"MESSAGE_ID={MessageId.RUN_SKIPPED}", "DEBVISOR_JOB=nightly"]
    assert found[-4:] == ["+", *ours]


def test_all_jobs_are_found_by_their_slices_and_units(world: World) -> None:
    world.apply(TWO)

    found = journalctl_command(world.host, LogQuestion(follow=True))

    assert found[:4] == ["journalctl", "--output=with-unit", "--follow", "--lines=200"]
    assert "_SYSTEMD_SLICE=debvisor-normal-0.slice" in found
    assert "_SYSTEMD_SLICE=debvisor-critical-f.slice" in found
    assert found[-7:] == [
        *("+", "_PID=1"),
        *("UNIT=debvisor-job-hourly.service", "UNIT=debvisor-job-nightly.service"),
        *("+", "_UID=0", "SYSLOG_IDENTIFIER=debvisor-timers"),
    ]


def test_a_host_without_jobs_has_an_empty_log(world: World) -> None:
    found = journalctl_command(world.host, LogQuestion())

    assert "_PID=1" not in found
