# SPDX-License-Identifier: Apache-2.0
"""coverage: which machines have something recent that is good."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from debvisor_timers.operations.past.coverage import judged
from debvisor_timers.tasks.protection import Backups, Guarded, Saved

NOW = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
SINCE = NOW - timedelta(hours=24)


def saved(place: str, hours: float, fault: str = "") -> Saved:
    return Saved(place=place, made=NOW - timedelta(hours=hours), fault=fault)


def machine(name: str, *snapshots: Saved) -> Guarded:
    return Guarded(name=name, uuid=f"u-{name}", state="running", snapshots=snapshots)


def test_a_recent_snapshot_or_backup_covers_a_machine() -> None:
    machines = [
        machine("bare"),
        machine("broken", saved("s", 1, "its image is gone"), saved("r", 30)),
        machine("fresh", saved("s", 24)),
        machine("kept", saved("s", 25)),
        machine("old", saved("s", 24.1)),
    ]
    backups = Backups(
        by_machine={
            "u-kept": (saved("/b/kept", 2),),
            "u-old": (saved("/b/1", 30), saved("/b/2", 48)),
        }
    )

    found = judged(machines, backups, since=SINCE)

    assert [one.machine.name for one in found.uncovered] == ["bare", "broken", "old"]
    broken = found.machines[1]
    assert (broken.snapshot, broken.faults) == (saved("r", 30), ("s: its image is gone",))
