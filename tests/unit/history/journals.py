# SPDX-License-Identifier: Apache-2.0
"""A journal of records that a test hands over, and indexes that are filled from it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path

from debvisor_timers.history.filter import RunFilter
from debvisor_timers.history.index import Index
from debvisor_timers.history.news import Source, read_news
from debvisor_timers.history.past import Past
from debvisor_timers.history.records import JournalMatch, JournalRecord, MessageId
from debvisor_timers.history.runs import Run
from tests.unit.history.recorded import CASES, read_case

NOON = datetime(2026, 11, 23, 12, 0, tzinfo=UTC)
LATER = timedelta(hours=1)
NAMES = sorted(path.stem for path in CASES.glob("*.jsonl"))
ENOUGH = 10_000


@dataclass(kw_only=True)
class ListedJournal:
    """Records in the order of a journal, of one machine; current: the boot that goes on."""

    several: list[JournalRecord]
    current: str = ""
    asked: list[str] = field(default_factory=list)

    def records(self, matches: Sequence[JournalMatch]) -> Iterator[JournalRecord]:
        """Yield those that satisfy one of `matches`."""
        self.asked.append("all")
        return (record for record in [*self.several] if is_wanted(record, matches))

    def records_from(
        self, cursor: str, matches: Sequence[JournalMatch]
    ) -> Iterator[JournalRecord] | None:
        """Yield them from the one at `cursor` on."""
        self.asked.append("from")
        for number, record in enumerate(self.several):
            if record.cursor == cursor:
                later = self.several[number:]
                return (record for record in later if is_wanted(record, matches))
        return None

    def boots(self) -> set[str]:
        """Return the boots of all records."""
        return {record.boot_id for record in self.several}

    def boot_id(self) -> str:
        """Return the boot that goes on: that of the last record, where none is named."""
        return self.current or self.several[-1].boot_id


def is_wanted(record: JournalRecord, matches: Sequence[JournalMatch]) -> bool:
    return any(
        all(
            {wanted} & {*record.fields.get(name, ())}
            if isinstance(wanted, str)
            else {*wanted} & {*record.fields.get(name, ())}
            for name, wanted in match.items()
        )
        for match in matches
    )


def numbered(records: Sequence[JournalRecord]) -> list[JournalRecord]:
    """Return records with cursors as the journal of one machine has them."""
    return [
        replace(record, cursor=f"s=0;i={number:x};b={record.boot_id};m={number:x}")
        for number, record in enumerate(records, 1)
    ]


@cache
def recorded(*names: str) -> tuple[JournalRecord, ...]:
    """Return all records of these cases as one journal: boot by boot, by their times."""
    records = [record for name in names for record in read_case(name).records]
    records.sort(key=lambda record: record.realtime)
    boots = list(dict.fromkeys(record.boot_id for record in records))
    return tuple(numbered(sorted(records, key=lambda record: boots.index(record.boot_id))))


Name = Callable[[str, datetime], str]


def source(journal: ListedJournal, now: datetime | None = None, name: Name | None = None) -> Source:
    """Return that journal as where news come from; now: an hour after its newest record."""
    newest = max((record.realtime for record in journal.several), default=NOON)
    several = {} if name is None else {"name": name}
    return Source(journal=journal, now=now or newest + LATER, **several)  # type: ignore[arg-type]


def read_all(journal: Source, index: Index, *, at_once: int = ENOUGH) -> None:
    """Let `index` have all that the journal tells; it has to end."""
    for _ in range(10_000):
        news = read_news(journal, index, at_once=at_once)
        index.add(news)
        if not news.more:
            return
    raise AssertionError("reading does not end")


def sync(path: Path, journal: Source, *, at_once: int = ENOUGH) -> None:
    """Bring the file up to date, each part in a transaction of its own."""
    for _ in range(10_000):
        with closing(Index.of_file(path)) as index:
            news = read_news(journal, index, at_once=at_once)
            index.add(news)
            index.commit()
        if not news.more:
            return
    raise AssertionError("reading does not end")


def runs_of(index: Index) -> list[Run]:
    """Return all runs, oldest first."""
    return Past(index).runs(RunFilter())[::-1]


def runs_in(path: Path) -> list[Run]:
    """Return the runs of a file, oldest first."""
    with closing(Index.upon(path)) as index:
        return runs_of(index)


def told(
    message: MessageId,
    at: float,
    *,
    run: str = "",
    job: str = "nightly",
    invocation: str = "a" * 32,
    boot: str = "b" * 32,
    **fields: str,
) -> JournalRecord:
    """Return a record, of ours where `run` is named, so many seconds after noon."""
    about = {
        "MESSAGE_ID": str(message),
        "_BOOT_ID": boot,
        "_UID": "0",
        **(
            {"DEBVISOR_JOB": job, "DEBVISOR_RUN_ID": run, "DEBVISOR_INVOCATION_ID": invocation}
            if run
            else {"_PID": "1", "UNIT": f"debvisor-job-{job}.service", "INVOCATION_ID": invocation}
        ),
        **fields,
    }
    return JournalRecord(
        cursor="",
        realtime=NOON + timedelta(seconds=at),
        boot_id=boot,
        fields={name: (value,) for name, value in about.items() if value},
    )


def a_good_run(
    at: float, *, run: str, invocation: str, job: str = "nightly", boot: str = "b" * 32
) -> list[JournalRecord]:
    """Return what a run of five seconds leaves."""

    def one(message: MessageId, after: float, name: str = "", **fields: str) -> JournalRecord:
        return told(
            message, at + after, run=name, job=job, invocation=invocation, boot=boot, **fields
        )

    begun = str(round((NOON + timedelta(seconds=at)).timestamp() * 1_000_000))
    ended = str(round((NOON + timedelta(seconds=at + 5)).timestamp() * 1_000_000))
    noted = {"DEBVISOR_TRIGGER": "timer", "DEBVISOR_GENERATION": "1"}
    good = {
        **noted,
        "DEBVISOR_RESULT": "success",
        "DEBVISOR_FINAL": "1",
        "DEBVISOR_END_USEC": ended,
    }
    return [
        one(MessageId.STARTING, 0.0),
        one(MessageId.RUN_BEGIN, 0.1, run, DEBVISOR_START_USEC=begun, **noted),
        one(MessageId.RUN_END, 5.0, run, DEBVISOR_START_USEC=begun, **good),
        one(MessageId.DEACTIVATED, 5.1),
        one(MessageId.DONE, 5.2, JOB_RESULT="done"),
    ]
