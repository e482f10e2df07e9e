# SPDX-License-Identifier: Apache-2.0
"""The index of runs, copied out of its file whole, and put in its place."""

from __future__ import annotations

import sqlite3
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from debvisor_timers.disk import sync_folder
from debvisor_timers.errors import RefusedError, SystemdError
from debvisor_timers.history.index import PATIENCE_SECONDS
from debvisor_timers.history.index import VERSION as INDEX_VERSION
from debvisor_timers.operations import durable
from debvisor_timers.operations.host import Host

_TABLES = {"boots", "pins", "runs", "sums", "sums_of_skips", "sums_of_durations"}


def copy_of(index: Path) -> bytes | None:
    """Return the index as it is at one moment, None where there is none.

    Other programs may write it meanwhile. Raises SystemdError where it cannot be read.
    """
    if not index.exists():
        return None
    with tempfile.TemporaryDirectory(prefix="debvisor-backup-", dir=index.parent) as folder:
        copy = Path(folder, "copy")
        try:
            uri = f"{index.as_uri()}?mode=ro"
            with (
                closing(sqlite3.connect(uri, uri=True, timeout=PATIENCE_SECONDS)) as source,
                closing(sqlite3.connect(copy)) as target,
            ):
                source.backup(target)
        except sqlite3.Error as error:
            raise SystemdError(f"cannot copy {index}: {error}") from error
        return copy.read_bytes()


@dataclass(frozen=True, slots=True)
class Staged:
    """An index that was looked at, and lies beside the one that it takes the place of."""

    host: Host
    file: Path

    def put(self) -> Path | None:
        """Let it be the index; return where the one of before is now, None for none."""
        index = self.host.layout.index
        aside = index.with_name(f"{index.name}.before-{self.host.clock.now():%Y%m%dT%H%M%SZ}")
        try:
            there = index.exists()
            with _at_rest(index):
                if there:
                    aside.hardlink_to(index)
                self.file.replace(index)
                sync_folder(index.parent)
        except OSError as error:
            raise durable.cannot("write", index, error) from error
        return aside if there else None


@contextmanager
def _at_rest(index: Path) -> Iterator[None]:
    """Keep others from writing the index: SQLite would put their journal into the new one.

    One that a killed writer has left is put where it belongs. Raises SystemdError where a writer
    does not end.
    """
    if not index.exists():
        yield
        return
    uri = f"{index.as_uri()}?mode=rw"
    with closing(
        sqlite3.connect(uri, uri=True, isolation_level=None, timeout=PATIENCE_SECONDS)
    ) as connection:
        try:
            connection.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError as error:
            raise SystemdError(
                f"the history was not restored, all else was: {index} is in use: {error}",
                fix="restore again",
            ) from error
        except sqlite3.DatabaseError:
            # A damaged one is written by nobody; its journal has to go with it.
            index.with_name(f"{index.name}-journal").unlink(missing_ok=True)
        yield


@contextmanager
def staged(host: Host, data: bytes, *, source: Path) -> Iterator[Staged]:
    """Give the block the index `data`, whole and of our version.

    Raises RefusedError for another: it is of the file `source`.
    """
    index = host.layout.index
    file = index.with_name(f".{index.name}.restored")
    try:
        durable.write_bytes(file, data)
        _check(file, source)
        if index.exists():
            file.chmod(index.stat().st_mode & 0o777)
        yield Staged(host, file)
    finally:
        file.unlink(missing_ok=True)


def _check(file: Path, source: Path) -> None:
    try:
        with closing(sqlite3.connect(f"{file.as_uri()}?mode=ro", uri=True)) as connection:
            (version,) = connection.execute("PRAGMA user_version").fetchone()
            (said,) = connection.execute("PRAGMA integrity_check(1)").fetchone()
            query = "SELECT name FROM sqlite_master WHERE type = 'table'"
            tables = {name for (name,) in connection.execute(query)}
            others = connection.execute(
                "SELECT count(*) FROM sqlite_master WHERE type IN ('view', 'trigger')"
            ).fetchone()
    except sqlite3.Error as error:
        raise RefusedError(
            f"the history in {source} is damaged: {error}", fix="restore without --with-history"
        ) from error
    if version != INDEX_VERSION or said != "ok" or not tables >= _TABLES or others != (0,):
        raise RefusedError(
            f"the history in {source} is none that this program reads",
            fix="restore without --with-history",
        )
