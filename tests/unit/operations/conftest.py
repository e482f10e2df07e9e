# SPDX-License-Identifier: Apache-2.0
"""The fixtures of the operations' tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.operations.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a host in memory without jobs."""
    return World(tmp_path)
