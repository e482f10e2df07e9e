# SPDX-License-Identifier: Apache-2.0
"""status: each thing that needs attention, with the command that mends it."""

from __future__ import annotations

import pytest

from debvisor_timers.layout import TARGET
from debvisor_timers.operations.applying.record import ApplyRecord
from debvisor_timers.operations.applying.recover import record_file
from debvisor_timers.operations.status import FindingKind, status
from debvisor_timers.systemd.ports import FileEntry, LinkEntry
from tests.unit.operations.last_runs import (
    FAILED_AT_TWO,
    STOPPED_AT_TWO,
    SUCCEEDED_AT_TWO,
    note_last,
)
from tests.unit.operations.world import NIGHTLY, TWO, World

SERVICE = "debvisor-job-nightly.service"
TIMER = "debvisor-job-nightly.timer"
HOURLY = (
    "debvisor-job-hourly.service",
    "debvisor-job-hourly.timer",
    "debvisor-timers.target.wants/debvisor-job-hourly.timer",
)


def findings(world: World) -> list[tuple[str, str, str, str]]:
    return [
        (str(each.kind), each.subject, each.message, each.fix)
        for each in status(world.host).findings
    ]


def test_nothing_needs_attention_after_an_apply(world: World) -> None:
    world.apply(TWO)

    result = status(world.host)

    assert (result.jobs, result.timers, result.is_healthy) == (2, 2, True)


def test_a_host_without_jobs_is_healthy(world: World) -> None:
    result = status(world.host)

    assert (result.jobs, result.timers, result.is_healthy) == (0, 0, True)


def test_looking_changes_nothing(world: World) -> None:
    world.apply(TWO)
    world.write(NIGHTLY)
    world.systemd.steps.clear()

    status(world.host)

    assert world.systemd.steps.done == []


def test_files_with_errors(world: World) -> None:
    world.apply(TWO)
    world.write("jobs: {late: {schedule: '0 25 * * *', nmae: x, command: [/bin/true]}}\n", "b.yaml")

    result = status(world.host)

    assert findings(world) == [
        ("definitions", "YAML", "the definitions have errors: 2", "debvisor-timers check")
    ]
    assert (result.jobs, result.timers) == (2, 2)


def test_an_apply_that_was_cut_off(world: World) -> None:
    world.apply(NIGHTLY)
    record_file(world.host).write(ApplyRecord(generation=2, before={}, after={}))

    assert findings(world) == [
        ("interrupted", "apply", "an apply was cut off", "debvisor-timers recover")
    ]


@pytest.mark.parametrize(
    ("applied", "written", "subject", "message"),
    [
        (
            NIGHTLY,
            TWO,
            "hourly",
            f"apply would create it ({', '.join(HOURLY)})",
        ),
        (
            TWO,
            TWO.replace("0 2 * * *", "0 3 * * *"),
            "nightly",
            "apply would update it (debvisor-job-nightly.timer)",
        ),
        (
            TWO,
            NIGHTLY,
            "hourly",
            f"apply would remove it ({', '.join(HOURLY)})",
        ),
    ],
    ids=["create", "update", "remove"],
)
def test_a_change_that_is_not_applied(
    world: World, applied: str, written: str, subject: str, message: str
) -> None:
    world.apply(applied)
    world.write(written)

    assert findings(world) == [("pending", subject, message, "debvisor-timers apply")]


def test_a_timer_that_was_disabled_by_hand(world: World) -> None:
    world.apply(NIGHTLY)
    link = f"{TARGET}.wants/{TIMER}"
    world.systemd.units.write({link: None})

    assert findings(world) == [
        ("pending", "nightly", f"apply would update it ({link})", "debvisor-timers apply")
    ]


def test_a_unit_that_was_edited_by_hand_and_not_loaded_again(world: World) -> None:
    world.apply(NIGHTLY)
    entry = world.units()[TIMER]
    assert isinstance(entry, FileEntry)
    edited = entry.text.replace("02:00:00", "05:00:00")
    world.systemd.units.write({TIMER: FileEntry(edited)})

    assert findings(world) == [
        (
            "edited",
            "nightly",
            f"edited by hand: {TIMER}",
            "debvisor-timers apply --overwrite-edits",
        ),
        (
            "stale",
            TIMER,
            "changed on disk since systemd loaded it",
            "systemctl daemon-reload",
        ),
    ]


@pytest.mark.parametrize(
    "entry",
    [FileEntry("[Timer]\nOnCalendar=daily\n"), LinkEntry("/dev/null")],
    ids=["file", "mask"],
)
def test_a_unit_of_others_in_the_way(world: World, entry: FileEntry | LinkEntry) -> None:
    world.systemd.units.write({TIMER: entry})
    world.write(NIGHTLY)

    found = [finding for finding in findings(world) if finding[0] == FindingKind.FOREIGN]

    assert found == [
        (
            "foreign",
            TIMER,
            "is in the way, not written by debvisor-timers",
            "move it away, or give the job another id",
        )
    ]


def test_a_unit_of_others_that_no_job_needs_is_no_finding_and_no_job(world: World) -> None:
    world.apply(NIGHTLY)
    foreign = FileEntry("[Service]\nExecStart=/bin/true\n")
    world.systemd.units.write({"debvisor-job-other.service": foreign})

    result = status(world.host)

    assert (result.jobs, result.findings) == (1, ())


def test_the_emergency_brake_is_one_finding_whatever_the_number_of_timers(world: World) -> None:
    world.apply(TWO)
    world.systemd.manager.stop([TARGET])

    assert findings(world) == [
        (
            "brake",
            TARGET,
            "is stopped: no job is started by its timer or by a path",
            f"systemctl start {TARGET}",
        )
    ]
    assert status(world.host).timers == 0


def test_a_timer_that_was_stopped_by_hand(world: World) -> None:
    world.apply(TWO)
    world.systemd.manager.stop([TIMER])

    assert findings(world) == [
        (
            "stopped",
            "nightly",
            "is enabled, but its timer does not run",
            f"systemctl start {TIMER}",
        )
    ]
    assert status(world.host).timers == 1


def test_a_disabled_job_is_no_finding(world: World) -> None:
    world.apply(NIGHTLY + "    enabled: false\n")

    assert findings(world) == []


def test_a_job_whose_last_run_failed(world: World) -> None:
    world.apply(TWO)
    note_last(world, "nightly", FAILED_AT_TWO)
    note_last(world, "hourly", SUCCEEDED_AT_TWO)

    assert findings(world) == [
        (
            "failed",
            "nightly",
            "its last run failed (exit status 3)",
            "debvisor-timers logs nightly",
        )
    ]


def test_a_run_that_an_operator_stopped_is_no_failure(world: World) -> None:
    world.apply(NIGHTLY)
    note_last(world, "nightly", STOPPED_AT_TWO)

    assert findings(world) == []


def test_the_failure_of_a_job_that_was_removed_is_forgotten(world: World) -> None:
    world.apply(TWO)
    note_last(world, "nightly", FAILED_AT_TWO)
    world.apply("jobs:\n" + TWO.removeprefix(NIGHTLY))

    assert findings(world) == []
