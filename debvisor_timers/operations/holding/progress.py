# SPDX-License-Identifier: Apache-2.0
"""How far a backfill has come: one line a step, so that the same command goes on from there."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from debvisor_timers.disk import sync_folder
from debvisor_timers.operations import durable

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class SlotProgress:
    """What a backfill of a job that has not come to its end has made up for.

    started: the time whose run was started last, and when that was; None where it has ended.
    """

    begun: datetime
    done: frozenset[datetime] = frozenset()
    started: tuple[datetime, datetime] | None = None


def read_progress(path: Path) -> SlotProgress | None:
    """Return what the file says, None where there is none; a line that was cut off is left out."""
    try:
        text = path.read_text(encoding="ascii", errors="replace")
    except FileNotFoundError:
        return None
    except OSError as error:
        raise durable.cannot("read", path, error) from error
    begun, started, done = None, None, set()
    for line in text.split("\n")[:-1]:
        word, *numbers = line.split()
        moments = [_moment(number) for number in numbers if number.isdecimal()]
        match word, moments:
            case "begun", [at]:
                begun = at
            case "start", [slot, at]:
                started = (slot, at)
            case "done", [slot]:
                done.add(slot)
                started = None
    return SlotProgress(begun=begun, done=frozenset(done), started=started) if begun else None


class ProgressFile:
    """The file of one job, which is written as its backfill goes on."""

    def __init__(self, path: Path) -> None:
        """Write to `path`."""
        self._path = path

    def begin(self, now: datetime) -> None:
        """Note that a backfill begins, unless one is noted already."""
        if read_progress(self._path) is None:
            durable.write_bytes(self._path, f"begun {_usec(now)}\n".encode(), mode=0o644)

    def start(self, slot: datetime, now: datetime) -> None:
        """Note that the run of a time is about to be started."""
        self._add(f"start {_usec(slot)} {_usec(now)}\n")

    def done(self, slot: datetime) -> None:
        """Note that the run of a time has succeeded."""
        self._add(f"done {_usec(slot)}\n")

    def forget(self, since: datetime, until: datetime) -> None:
        """Forget what was done of these times: all of them, or they are to be done again."""
        known = read_progress(self._path)
        left = [at for at in known.done if not since <= at < until] if known else []
        if known is None or not left:
            durable.remove(self._path)
            return
        durable.write_bytes(self._path, _text(known.begun, left), mode=0o644)

    def _add(self, line: str) -> None:
        try:
            number = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
            try:
                os.write(number, line.encode())
                os.fsync(number)
            finally:
                os.close(number)
            sync_folder(self._path.parent)
        except OSError as error:
            raise durable.cannot("write", self._path, error) from error


def _text(begun: datetime, done: Iterable[datetime]) -> bytes:
    lines = [f"begun {_usec(begun)}", *(f"done {_usec(at)}" for at in sorted(done))]
    return "\n".join([*lines, ""]).encode()


def _moment(number: str) -> datetime:
    return _EPOCH + int(number) * _MICROSECOND


def _usec(moment: datetime) -> int:
    return (moment - _EPOCH) // _MICROSECOND
