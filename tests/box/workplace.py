# SPDX-License-Identifier: Apache-2.0
"""A folder in which a layer or a package is made: one maker at a time, no remains."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from tests.box import overlay
from tests.box.container import forget
from tests.box.places import cache, lock


@contextmanager
def workplace(name: str) -> Iterator[Path]:
    """Give an empty folder for making `name`; whoever else makes the same waits.

    Its processes are to run in the control group `maker(name)`, so that those of a maker that was
    killed can be found and ended before another begins.
    """
    # Beside the layers: overlayfs cannot write on every file system, and a rename must do.
    folder = cache() / "parts" / name
    with lock(cache() / "locks" / name):
        _remove(name, folder)
        folder.mkdir(parents=True)
        try:
            yield folder
        finally:
            _remove(name, folder)


def maker(name: str) -> str:
    """Return the name of the control group and container in which `name` is made."""
    return f"debvisor-make-{name}"


def _remove(name: str, folder: Path) -> None:
    forget(maker(name))
    overlay.unmount_below(folder)
    if folder.exists():
        shutil.rmtree(folder)
