# SPDX-License-Identifier: Apache-2.0
"""Failures put among the changes that are made to the twin."""

from __future__ import annotations

from datetime import timedelta

import pytest

from debvisor_timers.errors import SystemdError
from debvisor_timers.systemd.memory import MemorySystemd
from debvisor_timers.systemd.ports import ActiveState, FileEntry, LinkEntry

TIMER = "debvisor-job-a.timer"
SERVICE = "debvisor-job-a.service"
FILES = {
    TIMER: FileEntry("[Unit]\nPartOf=debvisor-timers.target\n[Timer]\nOnCalendar=02:00\n"),
    SERVICE: FileEntry("[Service]\nType=oneshot\nExecStart=/bin/true\n"),
}


@pytest.fixture
def twin() -> MemorySystemd:
    """A host that has just booted."""
    return MemorySystemd()


def test_every_change_is_noted_in_order(twin: MemorySystemd) -> None:
    twin.units.write(FILES)
    twin.manager.reload()
    twin.manager.start([TIMER])
    twin.manager.touch_stamp(TIMER)
    twin.manager.units("*")
    assert twin.steps.done == [
        "units.write",
        f"units.put {TIMER}",
        f"units.put {SERVICE}",
        "manager.reload",
        f"manager.start {TIMER}",
        f"manager.touch_stamp {TIMER}",
    ]


@pytest.mark.parametrize(("number", "left"), [(1, set()), (2, set()), (3, {TIMER})])
def test_a_write_can_fail_at_each_of_its_steps(
    twin: MemorySystemd, number: int, left: set[str]
) -> None:
    twin.steps.fail_at(number)
    with pytest.raises(SystemdError, match=f"fail at step {number}"):
        twin.units.write(FILES)
    assert twin.units.read().keys() == left
    twin.units.write(FILES)
    assert twin.units.read() == FILES


def test_a_failure_by_name_happens_once_and_instead_of_the_change(twin: MemorySystemd) -> None:
    twin.units.write(FILES)
    twin.steps.fail_on("manager.start", KeyboardInterrupt())
    with pytest.raises(KeyboardInterrupt):
        twin.manager.start([TIMER])
    assert twin.manager.units(TIMER) == []
    twin.manager.start([TIMER])
    assert [unit.active_state for unit in twin.manager.units(TIMER)] == [ActiveState.ACTIVE]


def test_a_question_can_fail_as_well(twin: MemorySystemd) -> None:
    twin.steps.fail_on("manager.units")
    with pytest.raises(SystemdError):
        twin.manager.units("*")
    assert twin.manager.units("*.target") != []


def test_healing_forgets_what_was_to_fail(twin: MemorySystemd) -> None:
    twin.steps.fail_at(1)
    twin.steps.fail_on("manager.reload")
    twin.steps.heal()
    twin.manager.reload()
    assert twin.steps.done == ["manager.reload"]


def test_a_reboot_starts_what_the_target_wants_and_keeps_the_journal(twin: MemorySystemd) -> None:
    link = "debvisor-timers.target.wants/" + TIMER
    twin.units.write({**FILES, link: LinkEntry(f"../{TIMER}")})
    twin.manager.start([SERVICE])
    boot = twin.journal.boot_id()
    twin.reboot()
    assert [unit.sub_state for unit in twin.manager.units(TIMER)] == ["waiting"]
    assert twin.journal.boot_id() != boot
    assert {record.boot_id for record in twin.journal.records([{"UNIT": SERVICE}])} == {boot}
    twin.advance(timedelta(days=1))
    assert [(run.unit, run.trigger) for run in twin.executions] == [
        (SERVICE, ""),
        (SERVICE, TIMER),
    ]
