# SPDX-License-Identifier: Apache-2.0
"""coverage on a command line: what is wrong is told before libvirt is asked."""

from __future__ import annotations

import sys
from datetime import UTC, datetime, timedelta

import pytest

from debvisor_timers.cli.coverage import document
from debvisor_timers.operations.past.coverage import judged
from debvisor_timers.tasks.protection import Backups, Guarded, Saved
from tests.unit.cli.program import Program

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("span", "message", "fix"),
    [
        ("24", "--within 24: no unit", "write --within 24h"),
        ("soon", "--within: 'soon' is not a duration", "write --within 24h"),
        ("0s", "--within 0s: no time in which to look", "write --within 24h"),
        ("infinity", "--within infinity: no time in which to look", "write --within 24h"),
        ("99999d", "--within: longer than 100 years", "write --within 24h"),
    ],
)
def test_a_span_that_is_none(program: Program, span: str, message: str, fix: str) -> None:
    answer = program("coverage", "--within", span)
    assert (answer.code, answer.out) == (2, "")
    assert message in answer.err
    assert fix in answer.err


def test_a_host_without_libvirt(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "libvirt", None)
    answer = program("coverage")
    assert (answer.code, answer.out) == (5, "")
    assert "there is no libvirt for Python" in answer.err
    assert "fix: apt install python3-libvirt" in answer.err


@pytest.mark.usefixtures("program")
def test_programs_are_told_of_every_machine() -> None:
    backups = Backups(
        by_machine={"a": (Saved(place="/b/1", made=NOW - timedelta(hours=2)),)},
        problems=("/x is no folder",),
    )
    found = judged(
        [
            Guarded(
                name="a",
                uuid="u-a",
                state="running",
                snapshots=(Saved(place="s", made=NOW - timedelta(hours=30)),),
            ),
            Guarded(name="b", uuid="u-b", state="off"),
        ],
        backups,
        since=NOW - timedelta(hours=24),
    )
    assert document(found) == {
        "since": "2026-11-22T13:00:00+01:00",
        "covered": False,
        "machines": [
            {
                "machine": "a",
                "uuid": "u-a",
                "state": "running",
                "covered": True,
                "snapshot": {"name": "s", "time": "2026-11-22T07:00:00+01:00"},
                "backup": {"path": "/b/1", "time": "2026-11-23T11:00:00+01:00"},
                "faults": [],
            },
            {
                "machine": "b",
                "uuid": "u-b",
                "state": "off",
                "covered": False,
                "snapshot": None,
                "backup": None,
                "faults": [],
            },
        ],
        "folders": [],
        "problems": ["/x is no folder"],
    }
