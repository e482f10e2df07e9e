# SPDX-License-Identifier: Apache-2.0
"""Files of the administrator's that an apply changes, and their undoing."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from debvisor_timers.disk import sync_folder
from debvisor_timers.errors import RefusedError
from debvisor_timers.operations import durable

_NEW_FILE = 0o640


@dataclass(frozen=True, slots=True, kw_only=True)
class FileEdit:
    """One file before and after; None: there is none.

    path: absolute. A symbolic link stays one: the file that it points at is changed.
    mode: of a file that is new.
    """

    path: Path
    before: bytes | None
    after: bytes | None
    mode: int = _NEW_FILE


def check_edits(edits: Iterable[FileEdit]) -> None:
    """Raise RefusedError where a file is no longer as it was when its edit was made."""
    for edit in edits:
        if _content(edit.path) != edit.before:
            raise RefusedError(
                f"nothing was applied: {edit.path} was changed by somebody else meanwhile",
                fix="look at the file, and try again",
            )


def write_edits(edits: Iterable[FileEdit]) -> None:
    """Bring every file to what its edit says, each whole or not at all."""
    for edit in edits:
        _put(edit.path, edit.after, edit.mode)


def undo_edits(edits: Iterable[FileEdit]) -> None:
    """Bring back what was there, but over nobody's change that came later."""
    for edit in edits:
        if _content(edit.path) == edit.after != edit.before:
            _put(edit.path, edit.before, edit.mode)


def undoable(edits: Iterable[FileEdit]) -> tuple[FileEdit, ...]:
    """Return the edits that take `edits` back, but of no file that was changed since."""
    return tuple(
        replace(edit, before=edit.after, after=edit.before)
        for edit in edits
        if _content(edit.path) == edit.after != edit.before
    )


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise durable.cannot("read", path, error) from error


def _put(path: Path, data: bytes | None, new_mode: int) -> None:
    path = path.resolve()
    if data is None:
        durable.remove(path)
        return
    try:
        path.parent.mkdir(mode=0o750, parents=True, exist_ok=True)
        mode, owner = _rights(path, new_mode)
        durable.replace_file(path, data, mode=mode, owner=owner)
        sync_folder(path.parent)
    except OSError as error:
        raise durable.cannot("write", path, error) from error


def _rights(path: Path, new_mode: int) -> tuple[int, tuple[int, int]]:
    """Return mode, owner and group of a file: as it had them, or for a new one by its folder."""
    try:
        status = path.stat()
    except FileNotFoundError:
        return new_mode, (os.geteuid(), path.parent.stat().st_gid)
    return stat.S_IMODE(status.st_mode), (status.st_uid, status.st_gid)
