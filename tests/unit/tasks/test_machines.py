# SPDX-License-Identifier: Apache-2.0
"""Which machines a task is for, and what becomes of each."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pytest

from debvisor_timers.tasks.base import TaskFailed
from debvisor_timers.tasks.machines import Known, Selection, choose, tags_in
from debvisor_timers.tasks.outcomes import for_each

UUID = "11111111-2222-3333-4444-55555555abcd"
HOST = [
    Known(name="web-1", uuid="a", tags=frozenset({"nightly"})),
    Known(name="web-2", uuid="b"),
    Known(name="db", uuid=UUID, tags=frozenset({"nightly", "gold"})),
    Known(name="a[1]", uuid="d"),
]


@pytest.mark.parametrize(
    ("config", "names"),
    [
        ({}, ["a[1]", "db", "web-1", "web-2"]),
        ({"vm_id": "db"}, ["db"]),
        ({"vm_id": UUID.upper()}, ["db"]),
        ({"vm_id": ["web-*", "db"]}, ["db", "web-1", "web-2"]),
        ({"vm_id": "a[1]"}, ["a[1]"]),
        ({"vm_id": ["x-*", "db"]}, ["db"]),
        ({"tag": "nightly"}, ["db", "web-1"]),
        ({"tag": ["gold", "silver"]}, ["db"]),
        ({"vm_id": "web-*", "tag": "nightly"}, ["web-1"]),
        ({"vm_id": "*", "exclude": ["web-*", "a[1]"]}, ["db"]),
    ],
)
def test_machines_are_meant_by_name_uuid_glob_and_tag(
    config: Mapping[str, object], names: list[str]
) -> None:
    assert choose(Selection.of(config), HOST) == names


@pytest.mark.parametrize(
    ("config", "message"),
    [
        ({"vm_id": ["db", "dbx"]}, "there is no virtual machine dbx on this host"),
        ({"vm_id": "x-*"}, "no virtual machine of this host is meant by vm_id: x-*"),
        ({"tag": "lead"}, "no virtual machine of this host is meant by tag: lead"),
        (
            {"vm_id": "db", "exclude": ["d*"]},
            "no virtual machine of this host is meant by vm_id: db; exclude: d*",
        ),
    ],
)
def test_a_machine_that_is_missing_is_no_matter_of_retries(
    config: Mapping[str, object], message: str
) -> None:
    with pytest.raises(TaskFailed) as failed:
        choose(Selection.of(config), HOST)
    assert str(failed.value).startswith(f"{message}\n  fix: see: virsh list --all")
    assert failed.value.exit_status == 65


def test_tags_stand_in_the_metadata() -> None:
    definition = """\
<domain><name>a</name><metadata>
  <timers:tags xmlns:timers="https://debvisor.org/timers/1">
    <timers:tag> nightly </timers:tag><timers:tag>gold</timers:tag><timers:tag/>
  </timers:tags>
  <tags xmlns="https://example.org/"><tag>foreign</tag></tags>
</metadata></domain>"""
    assert tags_in(definition) == {"nightly", "gold"}
    assert tags_in("<domain><name>a</name></domain>") == set()


@dataclass(frozen=True, slots=True)
class Machine:
    title: str

    def name(self) -> str:
        return self.title


def outcome_of(machine: Machine) -> Mapping[str, Any]:
    if machine.title.startswith("good"):
        return {"outcome": "done", "snapshot": "s"}
    status = {"busy": 75, "gone": 65, "bad": 1}[machine.title]
    raise TaskFailed(f"it is {machine.title}", fix="wait", exit_status=status)


def test_each_machine_has_its_turn() -> None:
    with pytest.raises(TaskFailed) as failed:
        for_each(map(Machine, ["busy", "good", "bad"]), outcome_of)
    assert failed.value.result == {
        "machines": {
            "busy": {"outcome": "failed", "reason": "it is busy"},
            "good": {"outcome": "done", "snapshot": "s"},
            "bad": {"outcome": "failed", "reason": "it is bad"},
        }
    }
    told = "2 of 3 virtual machines failed\n  busy: it is busy\n  bad: it is bad"
    assert str(failed.value) == told


@pytest.mark.parametrize(
    ("names", "status"),
    [
        (["busy", "good"], 75),
        (["gone", "good"], 65),
        (["busy", "gone"], 75),
        (["busy", "bad"], 1),
        (["gone", "bad"], 1),
    ],
)
def test_the_exit_status_says_whether_a_retry_helps(names: list[str], status: int) -> None:
    with pytest.raises(TaskFailed) as failed:
        for_each(map(Machine, names), outcome_of)
    assert failed.value.exit_status == status


def test_all_done_is_the_result() -> None:
    done = {"outcome": "done", "snapshot": "s"}
    assert for_each([Machine("good-1")], outcome_of) == {"machines": {"good-1": done}}
