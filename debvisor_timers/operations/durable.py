# SPDX-License-Identifier: Apache-2.0
"""Files of ours that must be whole after a power cut."""

from __future__ import annotations

import json
import os
import tempfile
from contextlib import suppress
from pathlib import Path

from debvisor_timers.disk import sync_folder
from debvisor_timers.errors import (
    DebvisorTimersError,
    PermissionRefusedError,
    SystemdError,
)


def write_json(path: Path, value: object, *, mode: int = 0o600) -> None:
    """Write `value` as JSON to `path`, as `write_bytes` does."""
    text = json.dumps(value, separators=(",", ":"))
    write_bytes(path, text.encode("utf-8", "surrogateescape"), mode=mode)


def write_bytes(path: Path, data: bytes, *, mode: int = 0o600) -> None:
    """Write `data` to `path`: the old content or the new, never a part of either.

    Durable when it returns; folders are made. Raises SystemdError naming the path.
    """
    temporary = path.with_name(f".{path.name}.new")
    try:
        path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
        with temporary.open("wb") as file:
            os.fchmod(file.fileno(), mode)
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        raise cannot("write", path, error) from error


def replace_file(
    path: Path, data: bytes, *, mode: int, owner: tuple[int, int] | None = None
) -> None:
    """Let `data` be all of the file at `path`, or leave what was there; several may do it at once.

    owner: user and group, before anybody sees it; those of the caller where none are named. A
    symbolic link at `path` is replaced, not followed. Its folder must exist. Raises OSError.
    """
    # Hidden, and beside it: then the rename is one, and nobody takes it for the file.
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name[:100]}.", dir=path.parent)
    try:
        with os.fdopen(descriptor, "wb") as file:
            if owner is not None:
                os.fchown(descriptor, *owner)
            os.fchmod(descriptor, mode)
            file.write(data)
            file.flush()
            os.fsync(descriptor)
        Path(name).replace(path)
    except BaseException:
        with suppress(FileNotFoundError):
            Path(name).unlink()
        raise


def read_json(path: Path) -> object | None:
    """Return what `write_json` wrote, None when there is no such file.

    Raises SystemdError when the file is there and cannot be read.
    """
    try:
        value: object = json.loads(path.read_text(encoding="utf-8", errors="surrogateescape"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        raise cannot("read", path, error) from error
    return value


def remove(path: Path) -> None:
    """Remove the file `path`, durably; nothing happens when it is not there."""
    try:
        path.unlink(missing_ok=True)
        if path.parent.is_dir():
            sync_folder(path.parent)
    except OSError as error:
        raise cannot("remove", path, error) from error


def cannot(verb: str, path: Path, error: Exception) -> DebvisorTimersError:
    """Return the error for a file that we could not read, write or remove."""
    if isinstance(error, PermissionError):
        return PermissionRefusedError(
            f"only root may do this (cannot {verb} {path})", fix="run the command with sudo"
        )
    reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return SystemdError(f"cannot {verb} {path}: {reason}")
