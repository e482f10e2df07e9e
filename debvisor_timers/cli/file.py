# SPDX-License-Identifier: Apache-2.0
"""A file that a command is told to write: whole, or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from debvisor_timers.errors import PermissionRefusedError, UsageError


def write_file(path: Path, text: str) -> None:
    """Let `text` be all of the file at `path`, or leave what was there.

    Raises UsageError for a path that no file can have, PermissionRefusedError for one where the
    caller may not write.
    """
    target = path.resolve()
    if target.exists() and not target.is_file():
        what = "a folder" if target.is_dir() else "no regular file"
        raise UsageError(f"{path} is {what}", fix="name a file, such as timeline.svg")
    try:
        _replace(target, text)
    except PermissionError as error:
        raise PermissionRefusedError(
            f"cannot write {path}: {error.strerror}", fix="name a file in a folder of your own"
        ) from error
    except OSError as error:
        raise UsageError(
            f"cannot write {path}: {error.strerror}", fix="name a file in a folder that exists"
        ) from error


def _replace(target: Path, text: str) -> None:
    descriptor, name = tempfile.mkstemp(prefix=f".{target.name[:100]}.", dir=target.parent)
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            os.fchmod(descriptor, _mode(target))
            file.write(text)
            file.flush()
            os.fsync(descriptor)
        Path(name).replace(target)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def _mode(target: Path) -> int:
    """Return the mode of the file that is replaced, or that of a new one."""
    try:
        return target.stat().st_mode & 0o777
    except FileNotFoundError:
        umask = os.umask(0o022)
        os.umask(umask)
        return 0o666 & ~umask
