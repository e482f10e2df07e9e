# SPDX-License-Identifier: Apache-2.0
"""A served world for every test of the server."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.unit.operations.world import World
from tests.unit.web.served import Served


@pytest.fixture
def served(tmp_path: Path) -> Served:
    return Served(World(tmp_path))
