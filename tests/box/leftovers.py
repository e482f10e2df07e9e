# SPDX-License-Identifier: Apache-2.0
"""A box's place under /run, and the removal of places whose owner was killed."""

from __future__ import annotations

import fcntl
import shutil
from pathlib import Path
from typing import TextIO

from tests.box import overlay
from tests.box.container import forget, new_name
from tests.box.places import RUN, lock, say


class Place:
    """A folder in memory for one box. A lock that dies with us tells others that it is in use."""

    def __init__(self) -> None:
        """Sweep what others left, then take a place of our own."""
        with lock(RUN / ".lock"):  # nobody sweeps between the making of our lock and its taking
            _sweep()
            self.name = new_name()
            self.path = RUN / self.name
            self._lock = _lock_file(self.name).open("w")
            fcntl.flock(self._lock, fcntl.LOCK_EX)
            overlay.mount_tmpfs(self.path)

    def close(self) -> None:
        """Remove everything of this place; a second call does nothing."""
        if not self._lock.closed:
            _remove(self.name, self._lock)


def sweep() -> None:
    """Remove the boxes of processes that no longer live; never one whose owner does."""
    with lock(RUN / ".lock"):
        _sweep()


def _sweep() -> None:
    for path in RUN.glob("debvisor-box-*.lock"):
        file = path.open("w")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.close()
            continue
        say(f"removing {path.stem}, whose owner was killed")
        _remove(path.stem, file)


def _remove(name: str, locked: TextIO) -> None:
    forget(name)
    overlay.unmount_below(RUN / name)
    shutil.rmtree(RUN / name, ignore_errors=True)
    _lock_file(name).unlink(missing_ok=True)
    locked.close()


def _lock_file(name: str) -> Path:
    return RUN / f"{name}.lock"
