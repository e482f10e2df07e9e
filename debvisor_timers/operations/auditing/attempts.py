# SPDX-License-Identifier: Apache-2.0
"""Notes on changes that are being made: who is killed meanwhile is in the audit none the less."""

from __future__ import annotations

import fcntl
import json
import os
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from debvisor_timers.history.audit import AuditEvent, AuditResult
from debvisor_timers.operations.auditing.audit_head import read_kept


@dataclass(slots=True)
class AttemptNote:
    """A note that this process holds a lock on: the kernel drops it when the process dies."""

    path: Path
    _descriptor: int

    @classmethod
    def leave(cls, folder: Path, event: AuditEvent) -> AttemptNote:
        """Leave a note that `event` is under way. Raises OSError."""
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path, temporary = folder / event.id, folder / f".{event.id}"
        descriptor = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            fields = replace(event, result=AuditResult.CUT_OFF).to_fields()
            os.write(descriptor, json.dumps(fields).encode())
            temporary.rename(path)
        except OSError:
            os.close(descriptor)
            temporary.unlink(missing_ok=True)
            raise
        return cls(path, descriptor)

    def remove(self) -> None:
        """Take the note away; whoever looks finds either it or the event in the audit."""
        with suppress(OSError):
            self.path.unlink(missing_ok=True)
        os.close(self._descriptor)


def left_behind(folder: Path) -> Iterator[tuple[Path, AuditEvent | None]]:
    """Yield the note of each process that has died, and what it was about; None: nobody knows."""
    for path in _notes(folder):
        if not _is_alive(path):
            yield path, _read(path)


def under_way(folder: Path) -> list[AuditEvent]:
    """Return what is being done right now, as far as this user may know, newest first."""
    read = [event for path in _notes(folder) if _is_alive(path) and (event := _read(path))]
    events = [replace(event, result=AuditResult.UNDER_WAY) for event in read]
    return sorted(events, key=lambda event: event.time, reverse=True)


def _notes(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if not path.name.startswith("."))
    except OSError:
        return []


def _is_alive(path: Path) -> bool:
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return True  # gone by now, so nobody has to care for it
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    finally:
        os.close(descriptor)
    return False


def _read(path: Path) -> AuditEvent | None:
    try:
        return read_kept(json.loads(path.read_text(encoding="utf-8"))).event
    except (OSError, ValueError, TypeError, AttributeError):
        return None
