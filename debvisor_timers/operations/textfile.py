# SPDX-License-Identifier: Apache-2.0
"""A file for the textfile collector of the node exporter: whole, or as it was."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from debvisor_timers.errors import PermissionRefusedError, UsageError

SUFFIX = ".prom"
"""The exporter reads files with this suffix and passes over all others."""

_MODE = 0o644
"""The exporter runs as a user of its own."""


def replace_textfile(path: Path, data: bytes) -> None:
    """Let `data` be all of the file at `path`, or leave what was there.

    A reader finds the old file or the new one, never a part; of several writers the last one wins.
    A symbolic link at `path` is replaced, not followed.
    Raises UsageError for a path that is no such file's, PermissionRefusedError for a folder where
    the caller may not write.
    """
    require_textfile(path)
    try:
        _replace(path, data)
    except PermissionError as error:
        raise PermissionRefusedError(
            f"cannot write {path}: {error.strerror}",
            fix="run the command with sudo, or name a file in a folder of your own",
        ) from error
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}",
            fix=f"see whether the folder {path.parent} exists and has room: it is the one that the"
            " node exporter has as --collector.textfile.directory",
        ) from error


def require_textfile(path: Path) -> None:
    """Raise UsageError for a path that the node exporter would not read."""
    if path.suffix != SUFFIX:
        raise UsageError(
            f"{path} does not end in {SUFFIX}: the node exporter would pass over it",
            fix=f"name a file such as {path.name or 'debvisor-timers'}{SUFFIX}",
        )
    if path.is_dir() and not path.is_symlink():
        raise UsageError(f"{path} is a folder", fix="name a file in it")


def _replace(path: Path, data: bytes) -> None:
    # Beside it, so that the rename is one; its name ends in no .prom, so that nobody reads it.
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            os.fchmod(descriptor, _MODE)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        Path(name).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise
