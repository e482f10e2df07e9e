# SPDX-License-Identifier: Apache-2.0
"""The fixtures of the operations' tests."""

from __future__ import annotations

import os
import tempfile
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest

from tests.unit.operations.world import World


@pytest.fixture
def world(tmp_path: Path) -> World:
    """Return a host in memory without jobs."""
    return World(tmp_path)


@pytest.fixture
def others(tmp_path: Path) -> Callable[[], AbstractContextManager[None]]:
    """Return what lets a block be done by a user who is not root, and in no group of root's.

    What is to be done there has to be done once before: that user may not see Python's modules.
    """
    if os.geteuid() != 0:
        pytest.skip("becomes another user: runs in the box")
    for folder in (tmp_path, *tmp_path.parents):
        if folder.is_relative_to(tempfile.gettempdir()):
            folder.chmod(folder.stat().st_mode | 0o011)
    return _as_nobody


@contextmanager
def _as_nobody() -> Iterator[None]:
    groups = os.getgroups()
    os.setgroups([])
    os.setegid(65534)
    os.seteuid(65534)
    try:
        yield
    finally:
        os.seteuid(0)
        os.setegid(0)
        os.setgroups(groups)
