# SPDX-License-Identifier: Apache-2.0
"""status: each thing that needs attention, with the command that mends it."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import AbstractContextManager

import pytest

from debvisor_timers import __version__
from debvisor_timers.layout import TARGET
from debvisor_timers.operations.applying import fingerprint, surroundings
from debvisor_timers.operations.applying.record import ApplyRecord
from debvisor_timers.operations.applying.recover import record_file
from debvisor_timers.operations.safety.finding import FindingKind
from debvisor_timers.operations.safety.status import status
from debvisor_timers.render.location import find_templates
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
    ("files", "subject", "message", "fix"),
    [
        (
            (NIGHTLY, TWO),
            "hourly",
            f"apply would create it ({', '.join(HOURLY)})",
            "debvisor-timers apply",
        ),
        (
            (TWO, TWO.replace("0 2 * * *", "0 3 * * *")),
            "nightly",
            "apply would update it (debvisor-job-nightly.timer); changed in the YAML: schedule",
            "debvisor-timers apply",
        ),
        (
            (TWO, NIGHTLY),
            "hourly",
            f"apply would remove it ({', '.join(HOURLY)})",
            "debvisor-timers apply --yes",
        ),
    ],
    ids=["create", "update", "remove"],
)
def test_a_change_that_is_not_applied(
    world: World, files: tuple[str, str], subject: str, message: str, fix: str
) -> None:
    world.apply(files[0])
    world.write(files[1])

    assert findings(world) == [("pending", subject, message, fix)]


def test_a_timer_that_was_disabled_by_hand(world: World) -> None:
    world.apply(NIGHTLY)
    link = f"{TARGET}.wants/{TIMER}"
    world.systemd.units.write({link: None})

    assert findings(world) == [
        (
            "disabled",
            "nightly",
            f"disabled by hand, its link is gone: {link}",
            "debvisor-timers apply",
        )
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


def test_a_unit_of_others_in_the_way(world: World) -> None:
    world.systemd.units.write({TIMER: FileEntry("[Timer]\nOnCalendar=daily\n")})
    world.write(NIGHTLY)

    found = [finding for finding in findings(world) if finding[0] == FindingKind.FOREIGN]

    path = f"/etc/systemd/system/{TIMER}"
    assert found == [
        (
            "foreign",
            TIMER,
            "is in the way, not written by debvisor-timers",
            f"mv {path} {path}.away && debvisor-timers apply",
        )
    ]


@pytest.mark.parametrize(
    ("entry", "command"),
    [
        (LinkEntry("/dev/null"), f"systemctl unmask {TIMER}"),
        (FileEntry(""), f"rm /etc/systemd/system/{TIMER}"),
    ],
    ids=["link", "empty file"],
)
def test_a_timer_that_was_masked(world: World, entry: FileEntry | LinkEntry, command: str) -> None:
    world.apply(TWO)
    world.systemd.units.write({TIMER: entry})
    world.systemd.manager.reload()

    assert findings(world) == [
        (
            "masked",
            "nightly",
            f"masked by hand: {TIMER} can neither be started nor written",
            f"{command} && debvisor-timers apply",
        )
    ]


def test_a_mask_that_systemd_passes_over_is_a_note(world: World) -> None:
    world.apply(TWO)
    world.systemd.touch(f"/run/systemd/system/{TIMER}")

    result = status(world.host)

    assert result.is_healthy
    path = f"/run/systemd/system/{TIMER}"
    reason = "systemd reads /etc/systemd/system first"
    assert result.notes == (f"{path} (systemctl mask --runtime) has no effect: {reason}",)


def test_units_that_were_deleted_by_hand(world: World) -> None:
    world.apply(TWO)
    world.systemd.units.write({SERVICE: None, TIMER: None})

    assert findings(world) == [
        (
            "deleted",
            "nightly",
            f"deleted by hand: {SERVICE}, {TIMER}",
            "debvisor-timers apply",
        )
    ]
    world.apply()
    assert findings(world) == []


def test_what_was_deleted_is_told_also_while_the_yaml_is_broken(world: World) -> None:
    world.apply(TWO)
    world.systemd.units.write({TIMER: None})
    world.write("jobs: [", "b.yaml")

    assert [(kind, subject, fix) for kind, subject, _, fix in findings(world)] == [
        ("definitions", "YAML", "debvisor-timers check"),
        ("deleted", "nightly", "debvisor-timers check && debvisor-timers apply"),
    ]


def test_a_job_that_was_enabled_by_hand(world: World) -> None:
    world.apply(NIGHTLY + "    enabled: false\n")
    link = f"{TARGET}.wants/{TIMER}"
    world.systemd.units.write({link: LinkEntry(f"../{TIMER}")})

    found = [finding for finding in findings(world) if finding[0] != FindingKind.STOPPED]

    assert found == [("enabled", "nightly", f"enabled by hand: {link}", "debvisor-timers apply")]


def test_a_job_that_is_enabled_in_the_yaml_was_not_disabled_by_hand(world: World) -> None:
    world.apply(NIGHTLY + "    enabled: false\n")
    world.write(NIGHTLY)

    link = f"{TARGET}.wants/{TIMER}"
    message = f"apply would update it ({link}); changed in the YAML: enabled"
    assert findings(world) == [("pending", "nightly", message, "debvisor-timers apply")]


def test_what_is_in_no_unit_is_pending_too(world: World) -> None:
    world.apply(NIGHTLY)
    config = world.layout.config / "config.yaml"
    config.write_text("history: {keep_runs: 50}\n")

    message = "apply would keep other settings: history.keep_runs"
    assert findings(world) == [("pending", "settings", message, "debvisor-timers apply")]
    world.apply()
    assert findings(world) == []


DROP_IN = f"/etc/systemd/system/{SERVICE}.d/more-memory.conf"
ADDED = (
    f"a drop-in was added since the last apply: {DROP_IN} (to see it: systemctl cat {SERVICE};"
    f" to take it away: systemctl revert {SERVICE}); to keep it, apply"
)


def test_a_drop_in_is_told_until_an_apply_has_seen_it(world: World) -> None:
    world.apply(NIGHTLY)
    world.systemd.put_drop_in(DROP_IN, "[Service]\nMemoryMax=2G\n")

    assert findings(world) == [
        (
            "drop-in",
            SERVICE,
            ADDED,
            "debvisor-timers apply",
        )
    ]
    world.apply()
    assert findings(world) == []
    world.systemd.put_drop_in(DROP_IN, "[Service]\nMemoryMax=3G\n")
    assert [(kind, "changed" in message) for kind, _, message, _ in findings(world)] == [
        ("drop-in", True)
    ]


def test_a_drop_in_of_all_jobs(world: World) -> None:
    world.apply(NIGHTLY)
    path = "/etc/systemd/system/debvisor-job-.service.d/site.conf"
    world.systemd.put_drop_in(path, "[Service]\nNice=5\n")

    ((kind, subject, message, _),) = findings(world)

    assert (kind, subject) == ("drop-in", "debvisor-job-.service")
    assert f"to see it: cat {path}; to take it away: rm {path} && " in message


def test_another_systemd(world: World) -> None:
    world.apply(NIGHTLY)
    world.systemd.state.version = 258

    message = "is 258 now; the units were made and checked for 257"
    assert findings(world) == [("upgraded", "systemd", message, "debvisor-timers apply")]
    world.apply()
    assert findings(world) == []


def test_a_package_that_writes_other_units(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = find_templates()
    older = world.layout.config.parent / "older"
    shutil.copytree(folder, older)
    template = older / "job.service.j2"
    text = template.read_text().replace("Documentation=", "Documentation=man:older(1) ", 1)
    template.write_text(text)
    monkeypatch.setattr("debvisor_timers.render.templates.find_templates", lambda: older)
    for module in (surroundings, fingerprint):
        monkeypatch.setattr(module, "__version__", "0.1")
    world.apply(TWO)
    monkeypatch.undo()

    message = (
        f"the units of 0.1 are not those of {__version__}: apply would write anew those of"
        " hourly, nightly"
    )
    assert findings(world) == [("upgraded", "debvisor-timers", message, "debvisor-timers apply")]
    world.apply()
    assert findings(world) == []


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


def test_who_may_not_look_at_what_was_applied_hears_of_no_other_settings(
    world: World, others: Callable[[], AbstractContextManager[None]]
) -> None:
    world.apply(NIGHTLY + "    owner: anna\n")
    assert findings(world) == []

    with others():
        assert findings(world) == []
