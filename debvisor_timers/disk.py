# SPDX-License-Identifier: Apache-2.0
"""What was written, brought to the disk."""

from __future__ import annotations

import os
from pathlib import Path


def sync_folder(folder: Path) -> None:
    """Make the names in `folder` durable. Raises OSError."""
    descriptor = _open(folder)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_file_system(folder: Path) -> None:
    """Bring all that was written to the file system of `folder` to the disk. Raises OSError.

    One call instead of an fsync for each file is 14 times as fast; unlike sync(2) it does not wait
    for the disks of virtual machines or for a dead NFS server.
    """
    import ctypes  # noqa: PLC0415  # of 5 ms, and most commands write nothing

    descriptor = _open(folder)
    try:
        if ctypes.CDLL(None, use_errno=True).syncfs(descriptor) != 0:
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()), str(folder))
    finally:
        os.close(descriptor)


def _open(folder: Path) -> int:
    return os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
