# SPDX-License-Identifier: Apache-2.0
"""The runs of jobs, put together from systemd's records in the journal and ours."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from debvisor_timers.history.draft import Draft
from debvisor_timers.history.outcome import (
    Ending,
    Exit,
    RunOutcome,
    RunStatus,
    Trigger,
    moment,
)
from debvisor_timers.history.records import OURS, JournalMatch, JournalRecord, MessageId

__all__ = ["Run", "RunOutcome", "RunStatus", "Trigger", "assemble", "matches"]

_PREFIX, _SUFFIX = "debvisor-job-", ".service"
_SAY_NOTHING_NEW = frozenset({MessageId.STOPPED, MessageId.CONSUMED, MessageId.RESTART})
"""Without the run that they belong to, these tell nothing worth a run of its own."""
_END_A_RUN = frozenset({MessageId.DONE, MessageId.NOT_STARTED, MessageId.FAILED})


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a job; what no record tells is None or empty.

    generation: the definition that ran; None for a run that `begin` never saw.
    by: who asked for a manual run. attempts: 0 for a run that was skipped before its first.
    memory_peak: bytes. cpu and memory_peak are those of the whole unit, our programs included.
    """

    id: str
    job: str
    generation: int | None
    trigger: Trigger
    by: str
    scheduled_for: datetime | None
    start: datetime
    end: datetime | None
    ending: Ending
    exit: Exit
    cpu: timedelta | None
    memory_peak: int | None
    attempts: int
    invocation_ids: tuple[str, ...]
    boot_id: str

    @property
    def outcome(self) -> RunOutcome:
        """Return how it ended, or that it runs."""
        return self.ending.outcome

    @property
    def status(self) -> RunStatus:
        """Return the state that it is in."""
        return self.outcome.status

    @property
    def reason(self) -> str:
        """Return why it ended so, empty where the outcome says it all."""
        return self.ending.reason

    @property
    def outcome_words(self) -> str:
        """Return how it ended, with the reason: `failed (exit status 3)`."""
        return self.ending.words

    @property
    def exit_code(self) -> str | None:
        """Return `exited`, `killed` or `dumped`; None when the program never ran."""
        return self.exit.code or None

    @property
    def exit_status(self) -> int | None:
        """Return the exit status of the job's program; None when it has none."""
        return self.exit.exit_status

    @property
    def signal(self) -> str | None:
        """Return the signal that ended the job's program (`SIGKILL`), None for none."""
        return self.exit.signal

    @property
    def duration(self) -> timedelta | None:
        """Return how long it took, None while it runs and when its end is not known."""
        return self.end - self.start if self.end else None


def matches(job_id: str) -> Sequence[JournalMatch]:
    """Return what to ask the journal for: only fields that no ordinary user can send."""
    return (
        {
            "_PID": "1",
            "UNIT": f"{_PREFIX}{job_id}{_SUFFIX}",
            "MESSAGE_ID": tuple(message for message in MessageId if message not in OURS),
        },
        {"_UID": "0", "DEBVISOR_JOB": job_id, "MESSAGE_ID": tuple(sorted(OURS))},
    )


def assemble(records: Iterable[JournalRecord], *, current_boot: str) -> list[Run]:
    """Return the runs that `records` tell of, newest first.

    records: of any number of jobs and boots, in the journal's order, oldest first; others than
    those that `matches` names are passed over. The oldest run is incomplete where they begin in
    its middle. A run without an end runs, if it is the newest of its job in `current_boot`; else
    it is lost.
    """
    assembly = _Assembly()
    for record in records:
        assembly.add(record)
    return [
        _run(draft, alive=assembly.is_alive(draft, current_boot))
        for draft in assembly.newest_first()
    ]


class _Assembly:
    def __init__(self) -> None:
        self._drafts: list[Draft] = []
        self._by_invocation: dict[tuple[str, str, str], Draft] = {}
        self._newest: dict[str, Draft] = {}

    def newest_first(self) -> list[Draft]:
        return self._drafts[::-1]

    def is_alive(self, draft: Draft, current_boot: str) -> bool:
        return draft.boot_id == current_boot and self._newest.get(draft.job) is draft

    def add(self, record: JournalRecord) -> None:
        for job in _jobs(record):
            if draft := self._draft(job, record):
                draft.take(record)

    def _draft(self, job: str, record: JournalRecord) -> Draft | None:
        """Return the run that `record` belongs to, a new one where it is the first of it."""
        message = record.get("MESSAGE_ID")
        invocation = record.get("INVOCATION_ID") or record.get("DEBVISOR_INVOCATION_ID")
        key = (record.boot_id, job, invocation)
        draft = self._by_invocation.get(key) if invocation else None
        is_refused = bool(draft and draft.ended and message in _END_A_RUN)
        if draft and not is_refused:
            return draft
        newest = self._newest.get(job)
        if message == MessageId.STARTING and newest and newest.awaits(record):
            draft = newest
        elif message in _SAY_NOTHING_NEW:
            return None
        else:
            draft = Draft(
                job=job, boot_id=record.boot_id, first_seen=record.realtime, is_refused=is_refused
            )
            self._drafts.append(draft)
            if message != MessageId.RUN_SKIPPED:  # that one never started: an older one may run
                self._newest[job] = draft
        if invocation:
            self._by_invocation[key] = draft
        return draft


def _jobs(record: JournalRecord) -> Iterable[str]:
    """Return the jobs that `record` tells of; none when it could be forged."""
    message = record.get("MESSAGE_ID")
    if message in OURS:
        return record.fields.get("DEBVISOR_JOB", ())[:1] if record.get("_UID") == "0" else ()
    if message not in set(MessageId) or record.get("_PID") != "1":
        return ()
    return [
        unit.removeprefix(_PREFIX).removesuffix(_SUFFIX)
        for unit in record.fields.get("UNIT", ())
        if unit.startswith(_PREFIX) and unit.endswith(_SUFFIX)
    ]


def _run(draft: Draft, *, alive: bool) -> Run:
    ending = draft.ending()
    start = moment(draft.ours("DEBVISOR_START_USEC")) or draft.started or draft.first_seen
    generation = draft.ours("DEBVISOR_GENERATION")
    return Run(
        id=draft.ours("DEBVISOR_RUN_ID") or _own_id(draft, start),
        job=draft.job,
        generation=int(generation) if generation.isdigit() else None,
        trigger=Trigger(draft.ours("DEBVISOR_TRIGGER") or Trigger.UNKNOWN),
        by=draft.ours("DEBVISOR_BY"),
        scheduled_for=moment(draft.ours("DEBVISOR_SCHEDULED_USEC")),
        start=start,
        end=(moment(draft.ours("DEBVISOR_END_USEC")) or draft.ended) if ending else None,
        ending=ending or _without_end(alive=alive),
        exit=draft.exit,
        cpu=_cpu(draft),
        memory_peak=_memory_peak(draft),
        attempts=len(draft.invocation_ids),
        invocation_ids=tuple(draft.invocation_ids),
        boot_id=draft.boot_id,
    )


def _without_end(*, alive: bool) -> Ending:
    return Ending(outcome=RunOutcome.RUNNING if alive else RunOutcome.LOST)


def _own_id(draft: Draft, start: datetime) -> str:
    """Return an id for a run that `begin` never named: the same whenever it is asked for."""
    tail = draft.invocation_ids[0] if draft.invocation_ids else f"{int(draft.job_id or 0):06x}"
    return f"{start:%Y%m%dT%H%M%SZ}-{tail[:6]}"


def _cpu(draft: Draft) -> timedelta | None:
    if (usec := draft.ours("DEBVISOR_CPU_USEC")).isdigit():
        return timedelta(microseconds=int(usec))
    nsec = draft.consumed.get("CPU_USAGE_NSEC") if draft.consumed else ""
    return timedelta(microseconds=int(nsec) // 1000) if nsec.isdigit() else None


def _memory_peak(draft: Draft) -> int | None:
    peak = draft.ours("DEBVISOR_MEMORY_PEAK")
    if not peak and draft.consumed:
        peak = draft.consumed.get("MEMORY_PEAK")
    return int(peak) if peak.isdigit() else None
