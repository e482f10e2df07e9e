# SPDX-License-Identifier: Apache-2.0
"""What the journal has to tell beyond what an index knows.

Each boot is read by itself: within one the order of records is sure, whatever is done to the clock
and to the files of the journal.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from itertools import islice, takewhile
from typing import Protocol

from debvisor_timers.history.index import Index
from debvisor_timers.history.outcome import UNDER_WAY
from debvisor_timers.history.reading import News, Place, ReadRun
from debvisor_timers.history.records import JournalMatch, JournalRecord
from debvisor_timers.history.retold import begun, is_same, lost
from debvisor_timers.history.runs import Assembled, Run, assemble_all, matches, matches_of_all

_QUIET = timedelta(minutes=1)
"""After so long nothing more comes of a run that has ended: journald may be behind."""
_AT_ONCE = 10_000
"""How many records are read before what they tell is written: memory is bounded."""
_LATEST = datetime.max.replace(tzinfo=UTC)


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

    def boots(self) -> Collection[str]:
        """Return the ids of all boots that there are records of."""


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

    def matches(self, boot: str, job: str | None = None) -> Sequence[JournalMatch]:
        """Return what to ask the journal for, of one boot; of all wanted jobs, or of one."""
        if job is not None:
            found = [*matches(job)]
        elif self.jobs is None:
            found = [*matches_of_all()]
        else:
            found = [match for each in self.jobs for match in matches(each)]
        return [{**match, "_BOOT_ID": boot} for match in found]


def read_news(source: Source, index: Index, *, at_once: int = _AT_ONCE) -> News:
    """Return what the journal tells of the oldest boot that `index` does not know to its end.

    Or a part of it; `more` says that it is not all there is.
    """
    left = _unread_boots(source, index)
    boot, is_current = left[0], len(left) == 1
    asked = source.matches(boot)
    place = index.place(boot)
    later = list(islice(_since(source, place.cursor, asked), at_once))
    is_part = len(later) >= at_once
    end = later[-1] if later else None
    reading = _Reading(
        source=source,
        index=index,
        now=end.realtime if end and is_part else source.now if is_current else _LATEST,
        boot=boot if is_current or is_part else "",
        is_first=not place.cursor,
    )
    later = [record for record in later if record.cursor != place.cursor]
    runs, pins = reading.assemble([*_pinned(source, boot, place), *later])
    _keep_beginnings(runs, index)
    return News(
        boot=boot,
        place=Place(
            cursor=end.cursor if end else place.cursor,
            written=end.realtime if end else place.written,
            pins=pins,
            is_over=not (is_current or is_part),
        ),
        runs=runs,
        jobs=frozenset(read.run.job for read in runs),
        more=is_part or not is_current,
    )


def _pinned(source: Source, boot: str, place: Place) -> Iterator[JournalRecord]:
    """Yield again the records of runs that may still change, up to the one that was read last."""
    for job, cursor in place.pins.items():
        if source.jobs is None or job in source.jobs:
            asked = source.matches(boot, job)
            yield from _until(place.cursor, _since(source, cursor, asked))


def _since(source: Source, cursor: str, asked: Sequence[JournalMatch]) -> Iterator[JournalRecord]:
    """Yield the records from the one at `cursor` on, also where that is gone itself."""
    if not cursor:
        return source.journal.records(asked)
    found = source.journal.records_from(cursor, asked)
    if found is not None:
        return found
    # To read again what was read would tell of the rest of runs whose beginning is gone as well.
    first = _order(cursor)
    return (each for each in source.journal.records(asked) if _order(each.cursor) >= first)


def unread(source: Source, index: Index) -> Iterator[JournalRecord]:
    """Yield the records that `index` has not read, of each boot in turn."""
    for boot in _unread_boots(source, index):
        cursor = index.place(boot).cursor
        asked = source.matches(boot)
        for record in _since(source, cursor, asked):
            if record.cursor != cursor:
                yield record


def _unread_boots(source: Source, index: Index) -> list[str]:
    """Return the boots that are not known to their end, oldest first; the current one is last."""
    current = source.journal.boot_id()
    left = set(source.journal.boots()) - index.known_boots() - {current}
    return [*(_in_order(source, left) if len(left) > 1 else left), current]


def _in_order(source: Source, boots: Collection[str]) -> list[str]:
    """Return `boots` as the journal numbers their records; by their times where it began anew."""
    first = {boot: next(source.journal.records([{"_BOOT_ID": boot}]), None) for boot in boots}
    known = {boot: record for boot, record in first.items() if record}
    fields = {boot: _fields(record.cursor) for boot, record in known.items()}
    if len({each.get("s") for each in fields.values()}) == 1:
        ordered = sorted(known, key=lambda boot: _hex(fields[boot].get("i")))
    else:
        ordered = sorted(known, key=lambda boot: known[boot].realtime)
    return [*ordered, *sorted(first.keys() - known.keys())]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Reading:
    """One reading of a boot. boot: where it may go on, empty where it is over.

    now: where a part of it is read, of its end. is_first: the boot is read from its beginning.
    """

    source: Source
    index: Index
    now: datetime
    boot: str
    is_first: bool

    def assemble(self, records: Sequence[JournalRecord]) -> tuple[list[ReadRun], dict[str, str]]:
        """Return the runs in the order in which they began, and the pins."""
        found = assemble_all(records, current_boot=self.boot, known=self._known())
        runs: dict[tuple[str, str], ReadRun] = {}
        first: dict[tuple[str, str], str] = {}
        pins: dict[str, str] = {}
        for each in sorted(found, key=lambda one: one.order):
            is_settled = self._is_settled(each)
            run, known_as = self._as_known(each)
            name = (run.job, run.id)
            if before := runs.get(name):
                # A record is missing that ties two attempts together.
                run, known_as = begun(before.run, run), before.replaces
            runs[name] = ReadRun(run=run, is_settled=is_settled, replaces=known_as)
            pin = first.setdefault(name, each.first)
            if not is_settled:
                pins.setdefault(each.run.job, pin)
        return [*runs.values()], pins

    def _known(self) -> Callable[[str, str], Collection[str]]:
        asked: dict[tuple[str, str], Collection[str]] = {}

        def known(boot: str, job: str) -> Collection[str]:
            if self.is_first:
                return ()
            if (boot, job) not in asked:
                name = self.source.name(job, self.now)
                # Those after one that may still change are read again, as it is.
                newest = self.index.newest(name, boot=boot)
                asked[boot, job] = {
                    each for run in newest if run.boot_id == boot for each in run.invocation_ids
                }
            return asked[boot, job]

        return known

    def _is_settled(self, each: Assembled) -> bool:
        is_quiet = abs(self.now - each.newest) > _QUIET
        return each.is_told_lost or (is_quiet and each.run.outcome not in UNDER_WAY)

    def _as_known(self, each: Assembled) -> tuple[Run, str]:
        """Return the run by the name that its job has today, and the id by which it is known.

        Of a run that is told as lost, an earlier boot may have told more.
        """
        run = replace(each.run, job=self.source.name(each.run.job, each.run.start))
        if not each.is_told_lost:
            return run, ""
        for before in self.index.newest(run.job):
            if before.id == run.id:
                return lost(before), ""
            if set(before.invocation_ids) & set(run.invocation_ids):
                return replace(run, boot_id=before.boot_id), before.id
        return run, ""


def _until(cursor: str, records: Iterator[JournalRecord]) -> Iterator[JournalRecord]:
    """Yield the records up to the one at `cursor`; those after it are read by themselves."""
    last = _order(cursor)
    return takewhile(lambda record: _order(record.cursor) <= last, records)


def _keep_beginnings(runs: list[ReadRun], index: Index) -> None:
    """Add what `index` knows of the beginning of runs of which the journal has only the rest."""
    for number, read in enumerate(runs):
        if read.run.generation is None:
            for known in index.unsettled(read.run.job):
                if is_same(known.run, read.run) and known.run.generation is not None:
                    runs[number] = replace(read, run=begun(known.run, read.run))


def _order(cursor: str) -> tuple[int, int]:
    """Return what grows from record to record of one boot: its monotonic time, and its number."""
    fields = _fields(cursor)
    return _hex(fields.get("m")), _hex(fields.get("i"))


def _fields(cursor: str) -> Mapping[str, str]:
    return dict(part.partition("=")[::2] for part in cursor.split(";"))


def _hex(text: str | None) -> int:
    try:
        return int(text or "0", 16)
    except ValueError:  # no cursor of systemd's
        return 0
