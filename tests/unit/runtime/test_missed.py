# SPDX-License-Identifier: Apache-2.0
"""missed: which run makes up for a time that its timer has missed, and which time that was."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace

import pytest

from debvisor_timers.runtime import begin, missed, notes, skip

SECOND = 1_000_000
NIGHTLY = "OnCalendar=*-*-* 02:00:00"


@pytest.fixture(autouse=True)
def zone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skip, "LOCALTIME", "/usr/share/zoneinfo/UTC")


def utc(text: str) -> datetime:
    return datetime.fromisoformat(f"{text}+00:00")


def due(folder: Path, timer: str, *, since: str, fired: str) -> str:
    """Return for which time a run is that makes up for one, empty for any other run."""
    (folder / "debvisor-job-backup.timer").write_text(f"[Timer]\n{timer}\n", encoding="utf-8")
    run = SimpleNamespace(job="backup", units=str(folder), notes=notes, beside=lambda _: skip)
    real = round(utc(fired).timestamp() * SECOND)
    clock = 3600 * SECOND
    age = real - round(utc(since).timestamp() * SECOND)
    details = {
        "TRIGGER_TIMER_REALTIME_USEC": str(real),
        "TRIGGER_TIMER_MONOTONIC_USEC": str(clock),
        missed.SINCE: str(clock - age),
    }
    found = missed.made_up(run, details)
    if not found:
        return ""
    assert found["DEBVISOR_TRIGGER"] == "catch_up"
    usec = int(found["DEBVISOR_SCHEDULED_USEC"])
    return f"{datetime.fromtimestamp(usec / SECOND, UTC):%Y-%m-%d %H:%M:%S}"


@pytest.mark.parametrize(
    ("timer", "since", "fired", "expected"),
    [
        (NIGHTLY, "2026-11-23 08:00:00.4", "2026-11-23 08:00:00.5", "2026-11-23 02:00:00"),
        # The timer was started a moment before its time, at it, and a moment after it.
        (NIGHTLY, "2026-11-23 01:59:59.5", "2026-11-23 02:00:00.1", ""),
        (NIGHTLY, "2026-11-23 02:00:00", "2026-11-23 02:00:00.2", ""),
        (NIGHTLY, "2026-11-23 02:00:00.1", "2026-11-23 02:00:00.2", "2026-11-23 02:00:00"),
        # PID 1 was busy after the boot; no boot takes so long.
        (NIGHTLY, "2026-11-23 08:00:00", "2026-11-23 08:00:59", "2026-11-23 02:00:00"),
        (NIGHTLY, "2026-11-23 08:00:00", "2026-11-23 08:01:01", ""),
        # Several were missed: the newest counts, of whichever line.
        (
            f"{NIGHTLY}\nOnCalendar=*-*-* 03:30:00",
            *("2026-11-23 08:00:00", "2026-11-23 08:00:01", "2026-11-23 03:30:00"),
        ),
        (
            "OnCalendar=*-02-29 02:00:00",
            *("2027-01-01 00:00:00", "2027-01-01 00:00:01", "2024-02-29 02:00:00"),
        ),
        (
            "OnCalendar=*-*-* 09..17:*:*",
            *("2026-11-23 23:10:00", "2026-11-23 23:10:01", "2026-11-23 17:59:59"),
        ),
        (
            "OnCalendar=*-*-* *:*:00",
            *("2026-11-23 08:00:30", "2026-11-23 08:00:30.1", "2026-11-23 08:00:00"),
        ),
        (
            "OnCalendar=*-*-* 02:00:00 Europe/Amsterdam",
            *("2026-11-23 08:00:00", "2026-11-23 08:00:01", "2026-11-23 01:00:00"),
        ),
        # None was missed that a calendar knows.
        ("OnCalendar=2030-01-01", "2026-11-23 08:00:00", "2026-11-23 08:00:01", ""),
        ("OnUnitActiveSec=1h", "2026-11-23 08:00:00", "2026-11-23 08:00:01", ""),
    ],
)
def test_a_run_makes_up_for_the_newest_time_before_its_timer_was_started(
    tmp_path: Path, timer: str, since: str, fired: str, expected: str
) -> None:
    assert due(tmp_path, timer, since=since, fired=fired) == expected


JITTER = f"{NIGHTLY}\nRandomizedDelaySec=1h\nFixedRandomDelay=yes"


@pytest.mark.parametrize(
    ("since", "fired", "expected"),
    [
        # systemd 257 counts the delay from the boot.
        ("2026-11-23 08:00:00", "2026-11-23 08:45:00", "2026-11-23 02:00:00"),
        ("2026-11-23 08:00:00", "2026-11-23 09:02:00", ""),
        # Its time came while the timer was active, its delay was over later.
        ("2026-11-23 01:59:00", "2026-11-23 02:45:00", ""),
        # Its time passed just before, whether or not its delay did.
        ("2026-11-23 02:10:00", "2026-11-23 02:45:00", "2026-11-23 02:00:00"),
    ],
)
def test_a_jitter_delays_what_is_made_up_for(
    tmp_path: Path, since: str, fired: str, expected: str
) -> None:
    assert due(tmp_path, JITTER, since=since, fired=fired) == expected


def test_a_clock_that_is_set_after_the_boot_moves_no_start_of_the_timer(tmp_path: Path) -> None:
    """Without a clock of its own a host boots in the past, and learns the time a bit later."""
    (tmp_path / "debvisor-job-backup.timer").write_text(f"[Timer]\n{NIGHTLY}\n", encoding="utf-8")
    run = SimpleNamespace(job="backup", units=str(tmp_path), notes=notes, beside=lambda _: skip)
    details = {
        "TRIGGER_TIMER_REALTIME_USEC": str(round(utc("2026-11-23 08:00:09").timestamp() * SECOND)),
        "TRIGGER_TIMER_MONOTONIC_USEC": str(30 * SECOND),
        missed.SINCE: str(21 * SECOND),
    }
    assert missed.made_up(run, details)["DEBVISOR_SCHEDULED_USEC"] == "1795399200000000"


def test_begin_and_missed_have_one_name_for_the_start_of_the_timer() -> None:
    assert begin.SINCE == missed.SINCE
