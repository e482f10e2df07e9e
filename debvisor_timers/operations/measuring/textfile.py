# SPDX-License-Identifier: Apache-2.0
"""A file for the textfile collector of the node exporter: whole, or as it was."""

from __future__ import annotations

from pathlib import Path

from debvisor_timers.errors import PermissionRefusedError, UsageError
from debvisor_timers.operations import durable

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
        durable.replace_file(path, data, mode=_MODE)
    except IsADirectoryError as error:
        raise UsageError(f"{path} is a folder", fix="name a file in it") from error
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
