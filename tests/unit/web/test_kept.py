# SPDX-License-Identifier: Apache-2.0
"""What a scheduler that is asked again and again reads, and tells of."""

from __future__ import annotations

from collections.abc import Iterator
from contextvars import copy_context
from datetime import timedelta
from pathlib import Path

import pytest

from debvisor_timers.jobs.kept import KEPT, KeptDefinitions, keep_definitions
from debvisor_timers.jobs.load import load_definitions
from debvisor_timers.scheduler.kept import KeptScheduler
from tests.unit.operations.world import TWO, World


@pytest.fixture
def world(tmp_path: Path) -> World:
    return World(tmp_path)


@pytest.fixture
def kept(world: World) -> Iterator[KeptScheduler]:
    token = KEPT.set(None)
    scheduler = KeptScheduler(world.layout)
    scheduler._host = world.host
    yield scheduler
    KEPT.reset(token)


def test_all_is_told_once_and_then_what_has_changed(world: World, kept: KeptScheduler) -> None:
    world.apply(TWO)

    first = kept.news(0)
    same = kept.news(first.number)
    world.write(TWO.replace("echo hello", "echo other"))
    changed = kept.news(first.number)

    assert [row.job_id for row in first.rows] == ["hourly", "nightly"]
    assert (same.rows, same.number) == ((), first.number)
    assert [row.job_id for row in changed.rows if row.job_id == "hourly"] == ["hourly"]
    assert changed.number == first.number + 1
    assert changed.definitions is not None


def test_a_job_that_is_gone_is_told(world: World, kept: KeptScheduler) -> None:
    world.apply(TWO)
    first = kept.news(0)
    world.apply("jobs:\n  nightly: {schedule: '0 2 * * *', command: [/bin/true]}\n")

    assert kept.news(first.number).gone == ("hourly",)


def test_who_has_missed_something_is_told_all(world: World, kept: KeptScheduler) -> None:
    world.apply(TWO)
    kept.news(0)

    again = kept.news(17)

    assert again.before == 0
    assert len(again.rows) == 2
    assert again.definitions is not None


def test_what_no_file_tells_of_is_seen_after_seconds(world: World, kept: KeptScheduler) -> None:
    world.apply(TWO)
    first = kept.news(0)
    world.systemd.manager.stop(["debvisor-job-nightly.timer"])
    world.systemd.advance(timedelta(seconds=6))

    found = kept.news(first.number)

    assert {row.job_id: str(row.state) for row in found.rows} == {"nightly": "stopped"}


def test_definitions_are_read_again_where_a_file_has_changed(world: World) -> None:
    world.write(TWO)

    def read() -> tuple[object, object, object]:
        keep_definitions()
        first, second = (load_definitions(world.layout.config) for _ in range(2))
        world.write(TWO, name="b.yaml")
        return first, second, load_definitions(world.layout.config)

    first, second, third = copy_context().run(read)

    assert first is second
    assert third is not second


def test_a_file_that_changes_while_it_is_read_is_read_again(world: World) -> None:
    world.write(TWO)
    kept, config = KeptDefinitions(), world.layout.config

    def load() -> object:
        found = load_definitions(config)
        world.write(TWO, name=f"{len(list(world.layout.jobs.iterdir()))}.yaml")
        return found

    first = kept.of(config, load)  # type: ignore[arg-type]

    assert kept.of(config, lambda: load_definitions(config)) is not first
