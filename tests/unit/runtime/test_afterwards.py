# SPDX-License-Identifier: Apache-2.0
"""afterwards: how many elapses a run has swallowed, and that chains are looked at again."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from debvisor_timers.history.records import MessageId
from debvisor_timers.runtime import afterwards, bus, notes, skip
from tests.unit.runtime.manager import Systemd


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skip, "LOCALTIME", "/usr/share/zoneinfo/UTC")


def at(text: str) -> int:
    return int(datetime.fromisoformat(f"2026-11-23T{text}+00:00").timestamp())


@pytest.mark.parametrize(
    ("lines", "begun", "until", "count"),
    [
        (["*-*-* *:00/15:00"], "02:00:00", "02:14:59", 0),
        (["*-*-* *:00/15:00"], "02:00:00", "02:15:00", 1),
        (["*-*-* *:00/15:00"], "02:00:00", "04:07:00", 8),
        (["*-*-* *:*:00"], "02:00:01", "12:00:00", 600),
        (["*-*-* *:*:*"], "02:00:00", "06:00:00", afterwards.MOST),
        (["*-*-* *:00:00", "*-*-* *:30:00"], "02:10:00", "03:40:00", 3),
        (["*-*-* *:00:00", "*-*-* 03:00:00"], "02:10:00", "03:40:00", 1),
        (["2020-01-01"], "02:00:00", "04:00:00", 0),
        ([], "02:00:00", "04:00:00", 0),
    ],
)
def test_each_elapse_within_the_run_is_counted_once(
    lines: list[str], begun: str, until: str, count: int
) -> None:
    found = afterwards.between(skip, lines, at(begun), at(until))
    assert len(found) == count
    assert found == sorted(set(found))
    assert all(at(begun) < moment <= at(until) for moment in found)


def test_the_record_says_how_many_and_which() -> None:
    run = {"DEBVISOR_JOB": "backup", "DEBVISOR_RUN_ID": "r"}
    found = afterwards.record(run, "still running", [10, 20, 30])
    assert found["MESSAGE"] == "Skipped 3 starts of backup: still running"
    assert (found["DEBVISOR_COUNT"], found["DEBVISOR_OVERLAPPED"]) == ("3", "r")
    assert (found["DEBVISOR_SCHEDULED_USEC"], found["DEBVISOR_LAST_USEC"]) == (
        *("10000000", "30000000"),
    )
    assert found["MESSAGE_ID"] == MessageId.RUN_SKIPPED
    assert "1 start of" in afterwards.record(run, "still running", [10])["MESSAGE"]


class Ending:
    """The end of a run of `backup` that took three minutes."""

    def __init__(self, folder: Path, systemd: Systemd, *timer: str, service: str = "") -> None:
        (folder / "debvisor-job-backup.timer").write_text("\n".join(["[Timer]", *timer, ""]))
        (folder / "service").write_text(f"[Service]\n{service}\n")
        systemd.units["debvisor-job-backup.timer"] = ("active", "running", "", 0)
        self.timer_since(systemd, 3600)
        self.sent: list[dict[str, str]] = []
        begun = (time.time_ns() // 1000) - 180 * 1_000_000
        self.job = "backup"
        self.fields = {
            "DEBVISOR_JOB": "backup",
            "DEBVISOR_RUN_ID": "r",
            "DEBVISOR_START_USEC": str(begun),
        }
        self.unit = notes.statements(str(folder / "service"))
        self.notes = SimpleNamespace(
            UNITS=str(folder), statements=notes.statements, send=self.sent.append
        )
        self.bus = SimpleNamespace(asking=lambda step: bus.asking(step, systemd.address))
        self.beside: Callable[[str], object] = lambda _: skip

    def timer_since(self, systemd: Systemd, seconds: int) -> None:
        """Let the timer be active for so long."""
        since = round((time.monotonic() - seconds) * 1_000_000)
        path = "/unit/debvisor-job-backup.timer"
        systemd.properties[path, "ActiveEnterTimestampMonotonic"] = max(since, 1)

    def lasted(self) -> bool:
        return True


@pytest.mark.parametrize(
    ("timer", "counts"),
    [
        (["OnCalendar=*-*-* *:*:00"], {"3"}),
        (["OnCalendar=*-*-* *:*:00", "DeferReactivation=yes"], {"3"}),
        (["OnCalendar=*-*-* *:*:00", "DeferReactivation=no"], {"2"}),
        (["OnCalendar=2020-01-01"], set()),
    ],
)
def test_what_is_queued_is_not_lost(tmp_path: Path, timer: list[str], counts: set[str]) -> None:
    with Systemd(str(tmp_path / "private")) as systemd:
        ending = Ending(tmp_path, systemd, *timer)
        afterwards.afterwards(ending)
    assert {record["DEBVISOR_COUNT"] for record in ending.sent} == counts
    assert systemd.started == []


def test_only_the_schedule_in_force_counts(tmp_path: Path) -> None:
    """An apply has started the timer with another calendar while the job ran."""
    with Systemd(str(tmp_path / "private")) as systemd:
        ending = Ending(tmp_path, systemd, "OnCalendar=*-*-* *:*:*")
        ending.timer_since(systemd, 20)
        afterwards.afterwards(ending)
    (record,) = ending.sent
    assert 19 <= int(record["DEBVISOR_COUNT"]) <= 22


def test_a_timer_that_is_stopped_elapses_for_nobody(tmp_path: Path) -> None:
    with Systemd(str(tmp_path / "private")) as systemd:
        ending = Ending(tmp_path, systemd, "OnCalendar=*-*-* *:*:00")
        systemd.units.clear()
        afterwards.afterwards(ending)
    assert ending.sent == []


def test_the_chain_of_a_job_is_looked_at_again(tmp_path: Path) -> None:
    with Systemd(str(tmp_path / "private")) as systemd:
        afterwards.afterwards(Ending(tmp_path, systemd, service="X-SuccessOf=a b"))
    assert systemd.started == ["debvisor-timers-chain@backup:backup.service"]
