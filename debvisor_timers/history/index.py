# SPDX-License-Identifier: Apache-2.0
"""The index: runs in a file of SQLite, which outlive the journal that they were read from.

It is a cache of the journal and more lasting than that; all in it is put together from records.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from debvisor_timers.history import sums
from debvisor_timers.history.outcome import UNDER_WAY
from debvisor_timers.history.reading import News, Place
from debvisor_timers.history.retold import is_same, lost
from debvisor_timers.history.rows import RUN_COLUMNS, IndexFileError, moment, row_of, run_of, usec
from debvisor_timers.history.runs import Run

VERSION = 1
"""Of the tables. A file of another version is none of ours, and is made anew from the journal."""

_NAMES = ", ".join(f'"{name}"' for name in RUN_COLUMNS)
_MARKS = ", ".join("?" * (len(RUN_COLUMNS) + 2))
_COLUMNS = ", ".join(f'"{name}" {kind}' for name, kind in RUN_COLUMNS.items())
_TABLES = f"""
CREATE TABLE boots (boot TEXT PRIMARY KEY, cursor TEXT NOT NULL, written INTEGER,
    is_over INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE pins (boot TEXT, job TEXT, cursor TEXT NOT NULL, PRIMARY KEY (boot, job))
    WITHOUT ROWID;
CREATE TABLE runs (position INTEGER PRIMARY KEY, settled INTEGER NOT NULL, {_COLUMNS});
CREATE UNIQUE INDEX runs_by_id ON runs (job, id);
CREATE INDEX runs_by_start ON runs (start);
CREATE INDEX runs_by_job ON runs (job, position);
CREATE INDEX runs_unsettled ON runs (job) WHERE settled = 0;
CREATE TABLE sums (job TEXT, outcome TEXT, "trigger" TEXT, runs INTEGER, attempts INTEGER,
    cpu INTEGER, PRIMARY KEY (job, outcome, "trigger")) WITHOUT ROWID;
CREATE TABLE sums_of_skips (job TEXT, reason TEXT, elapses INTEGER, PRIMARY KEY (job, reason))
    WITHOUT ROWID;
CREATE TABLE sums_of_durations (job TEXT, class INTEGER, runs INTEGER, usec INTEGER,
    PRIMARY KEY (job, class)) WITHOUT ROWID;
PRAGMA user_version = {VERSION};
"""
_LAYER = f"""
CREATE TABLE hidden (position INTEGER PRIMARY KEY);
INSERT INTO boots SELECT * FROM kept.boots;
INSERT INTO pins SELECT * FROM kept.pins;
INSERT INTO sums SELECT * FROM kept.sums;
INSERT INTO sums_of_skips SELECT * FROM kept.sums_of_skips;
INSERT INTO sums_of_durations SELECT * FROM kept.sums_of_durations;
CREATE TEMP VIEW runs AS SELECT position, settled, {_NAMES} FROM main.runs UNION ALL
    SELECT position, settled, {_NAMES} FROM kept.runs
    WHERE position NOT IN (SELECT position FROM main.hidden);
"""
"""What is newer than a file that may not be written is laid upon it, in memory."""

_PAST_THE_KEPT = 1 << 40
_MOST = 1 << 40
"""More than any number of runs; SQLite's numbers end somewhere."""
PATIENCE_SECONDS = 10.0
"""How long one writer waits for another."""


@dataclass(frozen=True, slots=True)
class KnownRun:
    """A run at its place; was_counted: it was settled before."""

    position: int
    run: Run
    is_settled: bool = True
    was_counted: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Page:
    """In which order runs are wanted, and which of them."""

    newest_first: bool = False
    limit: int | None = None
    offset: int = 0


class Index:
    """A file of runs, or one in memory; also the two laid upon each other.

    Raises IndexFileError where the file turns out to be damaged, sqlite3.OperationalError where it
    cannot be read or written just now.
    """

    def __init__(self, connection: sqlite3.Connection, *, is_layer: bool = False) -> None:
        """Work on `connection`, whose tables are there; is_layer: they lie upon another's."""
        self.connection = connection
        self._is_layer = is_layer
        # With the schema's name the view would not be meant, and the layer below never written.
        self._own_runs = "main.runs"

    @classmethod
    def in_memory(cls) -> Self:
        """Return an empty index."""
        connection = sqlite3.connect(":memory:", isolation_level=None)
        connection.executescript(_TABLES)
        return cls(connection)

    @classmethod
    def upon(cls, path: Path) -> Self:
        """Return an index that has what the file `path` has, which is only read."""
        connection = sqlite3.connect(
            ":memory:", isolation_level=None, uri=True, timeout=PATIENCE_SECONDS
        )
        try:
            connection.executescript(_TABLES)
            connection.execute("ATTACH ? AS kept", (read_only(path),))
            _require_version(connection, "kept")
            # One look at the file for all that is asked: a writer may come in between.
            connection.execute("BEGIN")
            for statement in _LAYER.split(";"):
                connection.execute(statement)
        except BaseException:
            connection.close()
            raise
        return cls(connection, is_layer=True)

    @classmethod
    def of_file(cls, path: Path) -> Self:
        """Return the index in the file `path`, made where it is missing; nobody else writes it.

        Until it is committed; other writers wait so long.
        """
        connection = sqlite3.connect(path, isolation_level=None, timeout=PATIENCE_SECONDS)
        try:
            connection.execute("BEGIN IMMEDIATE")
            if connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
                for statement in _TABLES.split(";"):
                    connection.execute(statement)
            _require_version(connection, "main")
        except BaseException:
            connection.close()
            raise
        return cls(connection)

    def commit(self) -> None:
        """Keep what was written; then the file is only read."""
        self.connection.execute("COMMIT")

    def close(self) -> None:
        """Close the file; what was not committed is as if it had never been."""
        self.connection.close()

    def place(self, boot: str) -> Place:
        """Return how far the journal of that boot has been read."""
        row = self.connection.execute(
            "SELECT cursor, written, is_over FROM main.boots WHERE boot = ?", (boot,)
        ).fetchone()
        if row is None:
            return Place()
        pins = "SELECT job, cursor FROM main.pins WHERE boot = ?"
        cursor, written, is_over = row
        return Place(
            cursor=cursor,
            written=None if written is None else moment(written),
            pins=dict(self.connection.execute(pins, (boot,))),
            is_over=bool(is_over),
        )

    def known_boots(self) -> set[str]:
        """Return the boots of which all is known."""
        query = "SELECT boot FROM main.boots WHERE is_over"
        return {boot for (boot,) in self.connection.execute(query)}

    def synced(self) -> datetime | None:
        """Return when the newest record was written that has been read."""
        (written,) = self.connection.execute("SELECT max(written) FROM main.boots").fetchone()
        return None if written is None else moment(written)

    def newest(self, job: str, *, boot: str = "") -> list[Run]:
        """Return the newest runs of the job that nothing is expected to change, newest first.

        boot: of those before all that may still change of that boot.
        """
        query = f"""SELECT {_NAMES} FROM runs WHERE job = ? AND settled = 1 AND position < coalesce(
            (SELECT min(position) FROM runs WHERE job = ? AND settled = 0 AND boot = ?), ?)
            ORDER BY position DESC LIMIT 3"""
        asked = (job, job, boot, 2 * _PAST_THE_KEPT)
        return [run_of(row) for row in self.connection.execute(query, asked)]

    def select(
        self, columns: str, page: Page, where: str = "", values: Sequence[object] = ()
    ) -> Iterator[Any]:
        """Yield `columns` of the runs that `where` holds for, in the order in which they began.

        The limit counts in each layer: with the view all runs of a job would be read for twenty.
        """
        order = "DESC" if page.newest_first else "ASC"
        limit, offset = (min(each or 0, _MOST) for each in (page.limit, page.offset))
        most = -1 if page.limit is None else limit + offset
        parts, bound = [], list[object]()
        for schema in self._layers():
            visible = "position NOT IN (SELECT position FROM hidden)" if schema == "kept" else ""
            asked = " AND ".join(filter(None, [where, visible]))
            parts.append(
                f"SELECT * FROM (SELECT position, {columns} FROM {schema}.runs"
                f"{asked and ' WHERE '}{asked} ORDER BY position {order} LIMIT ?)"
            )
            bound += [*values, most]
        query = " UNION ALL ".join(parts)
        if len(parts) > 1 or page.offset:
            query += f" ORDER BY position {order} LIMIT ? OFFSET ?"
            bound += [-1 if page.limit is None else limit, offset]
        return (row[1:] for row in self.connection.execute(query, bound))

    def _layers(self) -> tuple[str, ...]:
        """Return where there are runs to be seen: the kept ones alone where nothing is newer."""
        if not self._is_layer:
            return ("main",)
        own = "SELECT EXISTS (SELECT 1 FROM main.runs) OR EXISTS (SELECT 1 FROM hidden)"
        (has_own,) = self.connection.execute(own).fetchone()
        return ("main", "kept") if has_own else ("kept",)

    def jobs(self) -> set[str]:
        """Return the ids of all jobs that have runs."""
        found = set[str]()
        for schema in self._layers():
            # One step along the index for each job, however many runs it has.
            query = f"SELECT min(job) FROM {schema}.runs WHERE job > ?"
            job = ""
            while job is not None:
                (job,) = self.connection.execute(query, (job,)).fetchone()
                if job is not None:
                    found.add(job)
        return found

    def add(self, news: News) -> None:
        """Write what was read; a run that was read before takes the place of what it was."""
        highest = self._highest_position()
        before = [run for job in news.jobs for run in self.unsettled(job)]
        # Of two with the same name, the later knows more.
        told = {(read.run.job, read.run.id): read for read in news.runs}
        new: list[KnownRun] = []
        again: list[KnownRun] = []
        for read in told.values():
            known = next((old for old in before if is_same(old.run, read.run)), None)
            if known and known.run == read.run and not read.is_settled:
                before.remove(known)  # as it was: a reader should cost no sync of the disk
                continue
            position = known.position if known else self._position(read.run.job, read.replaces)
            position = position or self._position(read.run.job, read.run.id)
            if known:
                before.remove(known)
            if position is None:
                highest += 1
                new.append(KnownRun(highest, read.run, read.is_settled))
            else:
                again.append(KnownRun(position, read.run, read.is_settled, known is None))
        # Of these the journal has lost the records: nothing more will be known.
        gone = [each for each in before if each.run.outcome not in UNDER_WAY]
        again += [KnownRun(each.position, each.run) for each in gone]
        self._hide(each.position for each in again)
        self._put([*again, *new])
        if not news.more:
            self._settle_older_boots(news.boot)
        if news.place != self.place(news.boot):
            self._remember(news.boot, news.place)

    def rename(self, old: str, new: str, *, before: datetime) -> None:
        """Let the runs of `old` that began before that be runs of `new`."""
        self.connection.execute(
            f"UPDATE OR IGNORE {self._own_runs} SET job = ? WHERE job = ? AND start < ?",
            (new, old, usec(before)),
        )

    def forget(self, *, before: datetime, keep: int, dry_run: bool = False) -> int:
        """Remove settled runs that began before that, and all but the newest `keep` of each job.

        Returns how many; dry_run: without removing them. What was counted stays counted.
        """
        old = "SELECT position FROM main.runs WHERE settled = 1 AND start < ?"
        many = """SELECT position FROM (SELECT position, settled,
            row_number() OVER (PARTITION BY job ORDER BY position DESC) AS number FROM main.runs)
            WHERE number > ? AND settled = 1"""
        found = {*self.connection.execute(old, (usec(before),))}
        found |= {*self.connection.execute(many, (min(keep, _MOST),))}
        if dry_run:
            return len(found)
        self._hide(position for (position,) in found)
        return len(found)

    def forget_of(self, job: str, keep: Collection[str]) -> int:
        """Remove the settled runs of a job but those with the ids `keep`; return how many."""
        query = "SELECT position, id FROM main.runs WHERE job = ? AND settled = 1"
        found = [at for at, run in self.connection.execute(query, (job,)) if run not in keep]
        self._hide(found)
        return len(found)

    def unsettled(self, job: str) -> list[KnownRun]:
        """Return the runs of the job that may still change."""
        query = f"SELECT position, {_NAMES} FROM runs WHERE job = ? AND settled = 0"
        return [
            KnownRun(position, run_of(row), is_settled=False)
            for position, *row in self.connection.execute(query, (job,))
        ]

    def _position(self, job: str, run: str) -> int | None:
        """Return the position of a run that is there, None where it is not."""
        query = "SELECT position FROM runs WHERE job = ? AND id = ?"
        found = self.connection.execute(query, (job, run)).fetchone()
        return None if found is None else int(found[0])

    def _put(self, several: Sequence[KnownRun]) -> None:
        """Write runs where nothing is, and count those that are settled."""
        # Nothing may keep the rest from being written: two runs of one name cannot be.
        self.connection.executemany(
            f"INSERT OR REPLACE INTO {self._own_runs} VALUES ({_MARKS})",
            [(each.position, each.is_settled, *row_of(each.run)) for each in several],
        )
        counted = [each.run for each in several if each.is_settled and not each.was_counted]
        sums.count(self.connection, counted)

    def _hide(self, positions: Iterable[int]) -> None:
        several = [(position,) for position in positions]
        self.connection.executemany(f"DELETE FROM {self._own_runs} WHERE position = ?", several)
        if self._is_layer:
            self.connection.executemany("INSERT OR IGNORE INTO hidden VALUES (?)", several)

    def _highest_position(self) -> int:
        (highest,) = self.connection.execute(
            f"SELECT max(position) FROM {self._own_runs}"
        ).fetchone()
        # A layer's come after all that lie below it.
        return max(highest or 0, _PAST_THE_KEPT if self._is_layer else 0)

    def _settle_older_boots(self, boot: str) -> None:
        """Let be lost what was under way in a boot that is over, and that nothing tells of."""
        query = f"SELECT position, {_NAMES} FROM runs WHERE settled = 0 AND boot != ?"
        over = []
        for position, *row in self.connection.execute(query, (boot,)):
            run = run_of(row)
            over.append(KnownRun(position, lost(run) if run.outcome in UNDER_WAY else run))
        self._hide(each.position for each in over)
        self._put(over)

    def _remember(self, boot: str, place: Place) -> None:
        written = None if place.written is None else usec(place.written)
        self.connection.execute(
            "INSERT OR REPLACE INTO main.boots VALUES (?, ?, ?, ?)",
            (boot, place.cursor, written, place.is_over),
        )
        self.connection.execute("DELETE FROM main.pins WHERE boot = ?", (boot,))
        pins = [(boot, job, cursor) for job, cursor in place.pins.items()]
        self.connection.executemany("INSERT INTO main.pins VALUES (?, ?, ?)", pins)


def read_only(path: Path) -> str:
    """Return `path` as an address of SQLite; Path.as_uri() would load what knows of the web."""
    text = str(path.absolute())
    for letter in "%?#":
        text = text.replace(letter, f"%{ord(letter):02x}")
    return f"file:{text}?mode=ro"


def _require_version(connection: sqlite3.Connection, schema: str) -> None:
    with closing(connection.execute(f"PRAGMA {schema}.user_version")) as found:
        (version,) = found.fetchone()
    if version != VERSION:
        raise IndexFileError(f"its tables are of version {version}, not {VERSION}")
