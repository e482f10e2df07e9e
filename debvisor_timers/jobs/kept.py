# SPDX-License-Identifier: Apache-2.0
"""Definitions that are kept while their files are the same: for programs that ask often."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextvars import ContextVar
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from debvisor_timers.jobs.load import Definitions

_FOLDERS = ("", "jobs.d", "tasks.d")
_SECONDS = 60.0
"""So long what stands in no file is taken for the same: users, installed handlers."""

Stamp = tuple[tuple[str | int, ...], ...]
"""What tells files apart: their names, inodes, sizes and times."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Kept:
    at: float
    stamp: Stamp
    definitions: Definitions


class KeptDefinitions:
    """What the files of a configuration have said, as long as they are the same."""

    def __init__(self) -> None:
        """Keep nothing yet."""
        self._kept: dict[Path, _Kept] = {}

    def of(self, config: Path, load: Callable[[], Definitions]) -> Definitions:
        """Return what `load` has returned for these files, or returns now."""
        now = time.monotonic()
        kept = self._kept.get(config)
        if kept is not None and now - kept.at < _SECONDS and _is_now(config, kept):
            return kept.definitions
        before = stamp_of(config)
        found = load()
        # What has changed while it was read is to be read again.
        if stamp_of(config) == before:
            stamp = stamp_of(config, found.calendar_files)
            self._kept[config] = _Kept(at=now, stamp=stamp, definitions=found)
        return found


KEPT: ContextVar[KeptDefinitions | None] = ContextVar("kept", default=None)
"""Where `load_definitions` looks first; None, as in commands, which ask once: nowhere."""


def keep_definitions() -> None:
    """Let `load_definitions` of this thread keep what it has read, from now on."""
    KEPT.set(KeptDefinitions())


def _is_now(config: Path, kept: _Kept) -> bool:
    return stamp_of(config, kept.definitions.calendar_files) == kept.stamp


def stamp_of(config: Path, files: Iterable[Path] = ()) -> Stamp:
    """Return what tells whether the files of a configuration, and `files`, have changed."""
    stamps: list[tuple[str | int, ...]] = [_status(path) for path in files]
    for name in _FOLDERS:
        try:
            with os.scandir(config / name) as found:
                stamps += sorted(_status(item) for item in found)
        except OSError as error:
            stamps.append((name, error.errno or 0))
    return tuple(stamps)


def _status(path: Path | os.DirEntry[str]) -> tuple[str | int, ...]:
    try:
        status = path.stat()
    except OSError as error:
        return os.fspath(path), error.errno or 0
    return os.fspath(path), status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns
