# SPDX-License-Identifier: Apache-2.0
"""A scheduler for programs that ask again and again: what has not changed is not read again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from debvisor_timers.jobs.kept import keep_definitions, stamp_of
from debvisor_timers.operations.host import Host
from debvisor_timers.scheduler.guide import JobScheduler

if TYPE_CHECKING:
    from debvisor_timers.jobs.load import Definitions
    from debvisor_timers.layout import Layout
    from debvisor_timers.operations.holding.marks import Mark
    from debvisor_timers.operations.list import JobList, JobRow
    from debvisor_timers.operations.past.counts import RunCounts
    from debvisor_timers.systemd.ports import Entry, UnitDirectory

_LOOK_AGAIN = timedelta(seconds=5)
"""So long a change may stay unseen that no file tells of, as of a timer stopped by hand."""
_SOON = timedelta(seconds=1)
_NEVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class News:
    """What has changed of all jobs since the state `before`; 0: since nothing was told.

    rows: those that are new or changed. gone: the ids of those that are not there any more.
    definitions, counts: None where they are as before.
    """

    before: int = 0
    number: int = 0
    rows: tuple[JobRow, ...] = ()
    gone: tuple[str, ...] = ()
    maintenance: Mark | None = None
    definitions: Definitions | None = None
    counts: Mapping[str, RunCounts] | None = None

    def tells_something(self, old: JobList | None) -> bool:
        """Return True where anything is not as in `old`."""
        is_held = old is None or self.maintenance != old.maintenance
        has_others = self.definitions is not None or self.counts is not None
        return bool(self.rows or self.gone or is_held or has_others)


class KeptScheduler(JobScheduler):
    """The scheduler of this host, which keeps definitions and unit files that it has read."""

    def __init__(self, layout: Layout) -> None:
        """Read nothing yet."""
        super().__init__()
        self.layout = layout
        keep_definitions()
        host = super().host
        self._host = replace(host, units=KeptUnits(host.units, layout.units))
        self._told = _Told()

    def news(self, number: int) -> News:
        """Return what has changed since the state of that number, which `news` has told."""
        told = self._told
        if told.found is None or number != told.number:
            return self._since(before=0)
        now, traces = self.now(), _traces(self.host)
        is_due = told.next_start is not None and now >= told.next_start
        is_due = is_due or now - told.at >= (_SOON if told.is_busy else _LOOK_AGAIN)
        if traces == told.traces and not is_due:
            return News(before=number, number=number, maintenance=told.found.maintenance)
        return self._since(before=number)

    def _since(self, *, before: int) -> News:
        """Look at all jobs, and return how they differ from what was told; 0: all of it."""
        told, now, traces = self._told, self.now(), _traces(self.host)
        found = self.list()
        old = told.found if before else None
        news = self._differences(old, found)
        number = told.number + 1 if news.tells_something(old) else told.number
        starts = [row.next_start for row in found.rows if row.next_start]
        self._told = _Told(
            number=number,
            at=now,
            traces=traces,
            found=found,
            next_start=max(min(starts), now + _SOON) if starts else None,
            is_busy=any(row.under_way for row in found.rows),
        )
        return replace(news, before=before, number=number)

    def _differences(self, old: JobList | None, found: JobList) -> News:
        before = {row.job_id: row for row in old.rows} if old else {}
        rows = tuple(row for row in found.rows if not _is_same(row, before.get(row.job_id)))
        have_run = old is None or any(_has_run(row, before.get(row.job_id)) for row in rows)
        is_known = old is not None and found.definitions is old.definitions
        return News(
            rows=rows,
            gone=tuple(before.keys() - {row.job_id for row in found.rows}),
            maintenance=found.maintenance,
            definitions=None if is_known else found.definitions,
            counts=self.run_counts() if have_run else None,
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Told:
    """What was told last, when, and how files were then; is_busy: a job runs, which tells more."""

    number: int = 0
    at: datetime = _NEVER
    traces: object = None
    found: JobList | None = None
    next_start: datetime | None = None
    is_busy: bool = False


def _is_same(row: JobRow, old: JobRow | None) -> bool:
    # Jobs are the very same objects while their files are: to compare 1,000 models takes long.
    if old is None or row.job is not old.job:
        return False
    return replace(row, job=None) == replace(old, job=None)


def _has_run(row: JobRow, old: JobRow | None) -> bool:
    return old is None or row.last != old.last or row.under_way != old.under_way


def _traces(host: Host) -> object:
    """Return what changes whenever a job is edited, applied, held back, begins or ends."""
    layout = host.layout
    folders = (
        *(layout.units, layout.runs, layout.last, layout.ended, layout.paused, layout.skip_next),
        *(layout.maintenance, layout.runtime),
    )
    return stamp_of(layout.config), [_status(folder) for folder in folders]


def _status(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except OSError:
        return ()
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


class KeptUnits:
    """A unit folder of which each file is read once while it is the same."""

    def __init__(self, units: UnitDirectory, path: Path) -> None:
        """Read `units`, which is the folder `path`."""
        self._units = units
        self._path = path
        self._stamp: object = None
        self._entries: Mapping[str, Entry] = {}

    def read(self) -> dict[str, Entry]:
        """Return every file and link of ours."""
        stamp = self._look()
        if stamp is None or stamp != self._stamp:
            self._entries = self._units.read()
            self._stamp = stamp
        return dict(self._entries)

    def entry(self, name: str) -> Entry | None:
        """Return the file or link of ours with this name."""
        return self._units.entry(name)

    def write(self, changes: Mapping[str, Entry | None]) -> None:
        """Make changes; who reads again and again makes none, but a port has it."""
        self._units.write(changes)

    def _look(self) -> object:
        """Return what tells whether a file has changed; None where that cannot be told."""
        stamps: list[object] = []
        try:
            folders = [self._path, *self._path.glob("debvisor-*.wants")]
            for folder in folders:
                with os.scandir(folder) as found:
                    for item in found:
                        if item.name.startswith("debvisor-"):
                            status = item.stat(follow_symlinks=False)
                            stamps.append((item.path, status.st_ino, status.st_mtime_ns))
        except OSError:
            return None
        return stamps
