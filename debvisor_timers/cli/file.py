# SPDX-License-Identifier: Apache-2.0
"""A file that a command is told to write: whole, or not at all."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from debvisor_timers.errors import PermissionRefusedError, UsageError
from debvisor_timers.operations import durable


def write_file(path: Path, text: str | bytes) -> None:
    """Let `text` be all of the file at `path`, or leave what was there.

    A symbolic link at `path` is replaced, not followed: in a folder where others may write it could
    lead to any file. Raises UsageError for a path that no file can have, PermissionRefusedError for
    one where the caller may not write.
    """
    try:
        before = _before(path)
        if before is not None and not _is_replaceable(before):
            what = "a folder" if stat.S_ISDIR(before.st_mode) else "no regular file"
            raise UsageError(f"{path} is {what}", fix="name a file, such as jobs.svg")
        data = text if isinstance(text, bytes) else text.encode()
        durable.replace_file(path, data, mode=_mode(before))
    except PermissionError as error:
        raise PermissionRefusedError(
            f"cannot write {path}: {error.strerror}", fix="name a file in a folder of your own"
        ) from error
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}", fix="name a file in a folder that exists"
        ) from error


def _before(path: Path) -> os.stat_result | None:
    try:
        return path.lstat()
    except FileNotFoundError:
        return None


def _is_replaceable(entry: os.stat_result) -> bool:
    return stat.S_ISREG(entry.st_mode) or stat.S_ISLNK(entry.st_mode)


def _mode(before: os.stat_result | None) -> int:
    """Return the mode of the caller's own file that is replaced, or that of a new one."""
    if before is not None and stat.S_ISREG(before.st_mode) and before.st_uid == os.geteuid():
        return stat.S_IMODE(before.st_mode) & 0o777
    umask = os.umask(0o022)
    os.umask(umask)
    return 0o666 & ~umask
