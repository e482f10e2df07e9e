# SPDX-License-Identifier: Apache-2.0
"""Bringing files to the disk: that it can be seen only when it fails."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from debvisor_timers.disk import sync_file_system, sync_folder

SYNCS = (sync_folder, sync_file_system)


@pytest.mark.parametrize("sync", SYNCS)
def test_a_folder_that_is_not_there_is_said(sync: Callable[[Path], None], tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        sync(tmp_path / "missing")


@pytest.mark.parametrize("sync", SYNCS)
def test_a_file_is_no_folder(sync: Callable[[Path], None], tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(NotADirectoryError):
        sync(tmp_path / "file")


@pytest.mark.parametrize("sync", SYNCS)
def test_no_descriptor_is_left_open(sync: Callable[[Path], None], tmp_path: Path) -> None:
    before = len(list(Path("/proc/self/fd").iterdir()))

    sync(tmp_path)

    assert len(list(Path("/proc/self/fd").iterdir())) == before
