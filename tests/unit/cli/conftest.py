# SPDX-License-Identifier: Apache-2.0
"""The fixtures of the command line's tests."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.unit.cli.program import Program
from tests.unit.operations.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a host in memory without jobs."""
    return World(tmp_path)


@pytest.fixture
def program(world: World, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    """Return the command line over `world`, for users in Amsterdam."""
    with monkeypatch.context() as patch:
        patch.setenv("TZ", "Europe/Amsterdam")
        time.tzset()
        yield Program(world, monkeypatch)
    time.tzset()
