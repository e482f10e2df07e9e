# SPDX-License-Identifier: Apache-2.0
"""The door to the past: what the index keeps, with what the journal has beyond it."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Callable, Collection, Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from debvisor_timers.errors import SystemdError
from debvisor_timers.history.index import Index
from debvisor_timers.history.news import Source, read_news
from debvisor_timers.history.past import Past
from debvisor_timers.history.rows import IndexFileError
from debvisor_timers.history.runs import matches
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.past.renamed import Renamings

__all__ = ["Past", "has_runs", "may_write", "open_past", "synchronize"]

OnStep = Callable[[str], None]
"""Told before something that may take more than a second."""
_MODE = 0o640
_MEND = "debvisor-timers maintain"
# A file that is no index, or lacks tables, is as bad as one with bad pages.
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB, sqlite3.SQLITE_ERROR}
_LEFT_BY_A_WRITER = {sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_IOERR}
_MOST_DAMAGED = 3
"""Of the files that were moved aside; the oldest, which know most, stay."""
_SILENT: OnStep = lambda _step: None  # noqa: E731


@contextmanager
def open_past(
    host: Host, *, jobs: Collection[str] | None = None, on_step: OnStep = _SILENT
) -> Iterator[Past]:
    """Give the runs that the index and the journal have.

    jobs: only those are going to be asked for, which saves time; None: all. Who may write the index
    brings it up to date by the way; for others the rest of the journal is read each time, in
    memory. Raises SystemdError when neither can be read, PermissionRefusedError when the journal
    may not be read.
    """
    is_writer = may_write(host.layout.index)
    kept = synchronize(host, on_step=on_step) if is_writer else Synchronized()
    index, notes = _layer(host.layout.index)
    notes += kept.notes
    try:
        with closing(index):
            if not kept.is_done:
                _read_all(_source(host, Renamings.read(host.layout), jobs), index, on_step)
            yield Past(index, notes)
    except (IndexFileError, sqlite3.Error) as error:
        raise _unreadable(host, error, is_writer=is_writer) from error


def has_runs(host: Host, job_id: str) -> bool:
    """Return whether the index as it is, or the journal, has a run of the job; changes nothing."""
    index, _ = _layer(host.layout.index)
    with closing(index):
        if job_id in index.jobs():
            return True
    return next(iter(host.journal.records(matches(job_id))), None) is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Synchronized:
    """Whether the index is up to date with the journal, and what people should know."""

    is_done: bool = False
    notes: tuple[str, ...] = ()


def synchronize(
    host: Host,
    *,
    on_step: OnStep = _SILENT,
    then: Callable[[Index], None] = lambda _index: None,
) -> Synchronized:
    """Bring the index up to date with the journal.

    then: what else is to be done in the same transaction. A file that is damaged, or none of ours,
    is moved aside and made anew.
    """
    path = host.layout.index
    renamings = Renamings.read(host.layout)
    source = _source(host, renamings, None)

    def rename(index: Index) -> None:
        # First: what the journal tells again is known by the ids of today.
        for each in renamings.several:
            index.rename(each.old, each.new, before=each.at)

    note = ""
    for is_second in (False, True):
        seen = _inode(path)
        try:
            _write(source, path, on_step, first=rename, then=then)
        except (IndexFileError, sqlite3.Error, OSError) as error:
            aside = None if is_second or not _is_damaged(error) else _move_aside(path, seen, host)
            if aside is None:
                return Synchronized(notes=(f"the index {path} is not up to date: {error}",))
            note = f"the index {path} was unusable ({error}): made anew; the old one is {aside}"
        else:
            return Synchronized(is_done=True, notes=(note,) if note else ())
    raise AssertionError("the second attempt returns")


def _source(host: Host, renamings: Renamings, jobs: Collection[str] | None) -> Source:
    ids = None if jobs is None else {id_ for job in jobs for id_ in renamings.ids(job)}
    return Source(journal=host.journal, now=host.clock.now(), jobs=ids, name=renamings.name)


def _write(
    source: Source,
    path: Path,
    on_step: OnStep,
    *,
    first: Callable[[Index], None],
    then: Callable[[Index], None],
) -> None:
    path.parent.mkdir(mode=0o755, parents=True, exist_ok=True)
    more = True
    while more:
        # Each part is kept by itself: what is interrupted goes on from there.
        with closing(Index.of_file(path)) as index:
            _let_the_group_read(path)
            first(index)
            news = read_news(source, index)
            index.add(news)
            more = news.more
            if not more:
                then(index)
            index.commit()
        if more:
            on_step("reading the journal")
    on_step("")


def _read_all(source: Source, index: Index, on_step: OnStep) -> None:
    while True:
        news = read_news(source, index)
        index.add(news)
        if not news.more:
            on_step("")
            return
        on_step("reading the journal")


def _layer(path: Path) -> tuple[Index, list[str]]:
    """Return an index upon the file, or upon nothing where it is missing or cannot be read."""
    if not os.path.lexists(path):
        return Index.in_memory(), []
    if not os.access(path, os.R_OK):
        why = "this user may not read it; join the group: adduser USER debvisor-timers"
        return Index.in_memory(), [f"older runs are missing: {path}: {why}"]
    try:
        return Index.upon(path), []
    except (IndexFileError, sqlite3.Error) as error:
        # A file that a writer has left half-written is mended by the next.
        is_bad = _is_damaged(error) or _code(error) in _LEFT_BY_A_WRITER
        mend = f"; as root, {_MEND} mends it" if is_bad else ""
        return Index.in_memory(), [f"older runs are missing: {path}: {error}{mend}"]


def may_write(path: Path) -> bool:
    """Return whether this process may bring the index up to date: only root, in practice."""
    folder = next(each for each in path.parents if each.exists())
    return os.geteuid() == folder.stat().st_uid and os.access(folder, os.W_OK)


def _let_the_group_read(path: Path) -> None:
    status = path.stat()
    # One that is new may have that mode by the umask.
    if status.st_mode & 0o777 != _MODE or not status.st_size:
        path.chmod(_MODE)
        with suppress(OSError, KeyError, LookupError):
            import grp  # noqa: PLC0415 - once in the life of a file

            os.chown(path, -1, grp.getgrnam("debvisor-timers").gr_gid)


def _is_damaged(error: Exception) -> bool:
    """Return whether the file itself is at fault, not a lock, the disk, its rights, or we."""
    return isinstance(error, IndexFileError) or _code(error) in _DAMAGED


def _code(error: Exception) -> int:
    """Return the error of SQLite, 0 for none; what stands above the lowest byte tells details."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def _inode(path: Path) -> int:
    with suppress(OSError):
        return path.stat().st_ino
    return 0


def _move_aside(path: Path, seen: int, host: Host) -> Path | None:
    """Return where the file is now that was `seen` to be damaged; None where it stays.

    Another writer may have done so meanwhile: what is there now is sound.
    """
    aside = path.with_name(f"{path.name}.damaged-{host.clock.now():%Y%m%dT%H%M%SZ}")
    try:
        for old in sorted(path.parent.glob(f"{path.name}.damaged-*"))[_MOST_DAMAGED - 1 :]:
            old.unlink()
        if _inode(path) == seen:
            # First what SQLite would roll back into the new file.
            path.with_name(f"{path.name}-journal").unlink(missing_ok=True)
            path.rename(aside)
    except OSError:
        return None
    return aside


def _unreadable(host: Host, error: Exception, *, is_writer: bool) -> SystemdError:
    """Return what to say where the index turns out to be damaged while it is read."""
    path = host.layout.index
    words = f"cannot read the index {path}: {error}"
    if is_writer and _is_damaged(error) and (aside := _move_aside(path, _inode(path), host)):
        return SystemdError(
            f"{words}; it is moved to {aside}",
            fix="run the command again: it makes the index anew, from the journal",
        )
    return SystemdError(words, fix=f"as root: {_MEND}")
