# SPDX-License-Identifier: Apache-2.0
"""What the journal has to tell beyond what an index knows."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from itertools import islice
from typing import Protocol

from debvisor_timers.history.index import Index, News, Place, ReadRun
from debvisor_timers.history.outcome import Ending, RunOutcome
from debvisor_timers.history.records import JournalMatch, JournalRecord
from debvisor_timers.history.runs import Assembled, Run, assemble_all, matches, matches_of_all

_UNDER_WAY = {RunOutcome.RUNNING, RunOutcome.WAITING}
_QUIET = timedelta(minutes=1)
"""After so long nothing more comes of a run that has ended: journald may be behind."""
_AT_ONCE = 50_000
"""How many records are read before what they tell is written: memory is bounded."""


class Reader(Protocol):
    """What of a journal is needed."""

    def records(self, matches: Sequence[JournalMatch]) -> Iterator[JournalRecord]:
        """Yield the records that satisfy one of `matches`, oldest first."""

    def records_from(
        self, cursor: str, matches: Sequence[JournalMatch]
    ) -> Iterator[JournalRecord] | None:
        """Yield them from the record at `cursor` on; None when it is gone."""

    def boot_id(self) -> str:
        """Return the id of this boot."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Where news come from.

    jobs: those that are wanted; None: all. name: the id that a job has today, by that of a run and
    its start. now: aware.
    """

    journal: Reader
    now: datetime
    jobs: Collection[str] | None = None
    name: Callable[[str, datetime], str] = lambda job, _start: job


def read_news(source: Source, index: Index, *, at_once: int = _AT_ONCE) -> News:
    """Return what the journal tells beyond what `index` has: all, or a part (`more` says so).

    The journal is read from its beginning where the record is gone that was read last, or where
    journald has begun to count anew: then its order is that of clocks, which may have been set.
    """
    place = index.place()
    found = source.journal.records_from(place.cursor, _matches(source)) if place.cursor else None
    later = list(islice(found, at_once)) if found is not None else []
    counters = {_counter(record.cursor) for record in later}
    if found is None or counters - {_counter(place.cursor)}:
        place, later = Place(), list(islice(source.journal.records(_matches(source)), at_once))
    earlier = [
        record
        for job, cursor in place.pins.items()
        if source.jobs is None or job in source.jobs
        for record in source.journal.records_from(cursor, matches(job)) or ()
        if not _is_after(record.cursor, place.cursor)
    ]
    more = len(later) >= at_once
    end = later[-1] if later else None
    later = [record for record in later if record.cursor != place.cursor]
    now = end.realtime if more and end else source.now
    boot = end.boot_id if more and end else source.journal.boot_id()
    reading = _Reading(source=source, index=index, now=now, boot=boot)
    runs, pins = reading.assemble([*earlier, *later])
    return News(
        place=Place(
            cursor=end.cursor if end else place.cursor,
            written=end.realtime if end else place.written,
            pins=pins,
        ),
        runs=runs,
        jobs=frozenset(read.run.job for read in runs),
        boot=boot,
        is_all=not place.cursor,
        more=more,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """One reading of the journal; where it is a part of it, `now` and `boot` are of its end."""

    source: Source
    index: Index
    now: datetime
    boot: str

    def assemble(self, records: Sequence[JournalRecord]) -> tuple[list[ReadRun], dict[str, str]]:
        """Return the runs in the order in which they began, and the pins."""
        found = assemble_all(records, current_boot=self.boot, known=self._known())
        runs: list[ReadRun] = []
        pins: dict[str, str] = {}
        for each in sorted(found, key=lambda one: one.order):
            is_settled = self._is_settled(each)
            if not is_settled:
                pins.setdefault(each.run.job, each.first)
            runs.append(ReadRun(run=self._as_known(each), is_settled=is_settled))
        return runs, pins

    def _known(self) -> Callable[[str, str], Collection[str]]:
        asked: dict[tuple[str, str], Collection[str]] = {}

        def known(boot: str, job: str) -> Collection[str]:
            if (boot, job) not in asked:
                name = self.source.name(job, self.now)
                asked[boot, job] = self.index.invocations(boot, name)
            return asked[boot, job]

        return known

    def _is_settled(self, each: Assembled) -> bool:
        return each.run.outcome not in _UNDER_WAY and abs(self.now - each.newest) > _QUIET

    def _as_known(self, each: Assembled) -> Run:
        """Return the run by the name that its job has today; a lost one with what was known."""
        run = replace(each.run, job=self.source.name(each.run.job, each.run.start))
        before = self.index.settled(run.job, run.id) if each.is_told_lost else None
        if before is None:
            return run
        return replace(before, end=None, ending=Ending(outcome=RunOutcome.LOST))


def _matches(source: Source) -> Sequence[JournalMatch]:
    if source.jobs is None:
        return matches_of_all()
    return [match for job in source.jobs for match in matches(job)]


def _counter(cursor: str) -> str:
    """Return which count of journald's a record belongs to."""
    return cursor.partition(";")[0]


def _is_after(cursor: str, other: str) -> bool:
    """Return True when the record at `cursor` comes later in the same count."""
    return _counter(cursor) == _counter(other) and _number(cursor) > _number(other)


def _number(cursor: str) -> int:
    fields = dict(part.partition("=")[::2] for part in cursor.split(";"))
    return int(fields.get("i", "0"), 16)
