# SPDX-License-Identifier: Apache-2.0
"""Marks written and removed: many at once, whole after a power cut."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from pathlib import Path

from debvisor_timers.disk import sync_file_system, sync_folder
from debvisor_timers.operations import durable


def write_marks(folder: Path, marks: Mapping[str, bytes]) -> None:
    """Write each of `marks` to the file of its name: the old content or the new, never a part.

    Durable when it returns. Raises SystemdError naming the file.
    """
    if not marks:
        return
    path = folder
    try:
        folder.mkdir(mode=0o755, parents=True, exist_ok=True)
        for name, data in marks.items():
            path = folder / f".{name}.new"
            path.write_bytes(data)
            path.chmod(0o644)
        sync_file_system(folder)  # one call, where each file would need an fsync of its own
        for name in marks:
            path = folder / name
            path.with_name(f".{name}.new").replace(path)
        sync_folder(folder)
    except OSError as error:
        raise durable.cannot("write", path, error) from error


def remove_marks(folder: Path, names: Collection[str]) -> None:
    """Remove the files of these names, durably; some may not be there. Raises SystemdError."""
    path = folder
    try:
        for name in names:
            path = folder / name
            path.unlink(missing_ok=True)
        if names and folder.is_dir():
            sync_folder(folder)
    except OSError as error:
        raise durable.cannot("remove", path, error) from error
