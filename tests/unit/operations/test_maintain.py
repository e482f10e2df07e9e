# SPDX-License-Identifier: Apache-2.0
"""What the timer does: the index is filled, pruned and mended; metrics are written."""

from __future__ import annotations

from contextlib import closing
from datetime import UTC, datetime, timedelta

import pytest

from debvisor_timers.errors import UsageError
from debvisor_timers.history.index import Index
from debvisor_timers.operations.past.maintain import maintain
from tests.unit.operations.ran import days
from tests.unit.operations.world import NIGHTLY, World

NOW = datetime(2026, 11, 23, 12, 0, 7, tzinfo=UTC)


def kept(world: World) -> int:
    with closing(Index.upon(world.layout.index)) as index:
        (count,) = index.connection.execute("SELECT count(*) FROM runs").fetchone()
        return int(count)


def test_a_host_without_jobs_has_an_empty_index(world: World) -> None:
    done = maintain(world.host)
    assert (done.pruned.runs, done.pruned.notes, done.textfile) == (0, (), None)
    assert kept(world) == 0


def test_runs_outlive_the_journal(world: World) -> None:
    days(world, "nightly", "success", "success", start=NOW - timedelta(days=3))
    maintain(world.host)
    world.systemd.state.records.clear()
    maintain(world.host)
    assert kept(world) == 2


def test_a_damaged_index_is_made_anew_and_told(world: World) -> None:
    days(world, "nightly", "success", start=NOW - timedelta(days=3))
    maintain(world.host)
    world.layout.index.write_bytes(b"\0" * 10_000)

    (note,) = maintain(world.host).pruned.notes

    assert "made anew" in note
    assert kept(world) == 1
    assert maintain(world.host).pruned.notes == ()


def test_the_index_is_kept_up_to_date_though_metrics_cannot_be_written(world: World) -> None:
    missing = world.layout.state / "no-folder" / "debvisor.prom"
    world.write(f"metrics: {{textfile: {missing}}}\n", "../config.yaml")
    world.apply(NIGHTLY)
    days(world, "nightly", "success", start=NOW - timedelta(days=3))

    with pytest.raises(UsageError):
        maintain(world.host)
    assert kept(world) >= 1
