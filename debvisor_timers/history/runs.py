# SPDX-License-Identifier: Apache-2.0
"""The runs of jobs, put together from systemd's records in the journal and ours."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from debvisor_timers.history.attempt import Attempt
from debvisor_timers.history.draft import END_A_RUN, Draft
from debvisor_timers.history.outcome import (
    Ending,
    Exit,
    RunName,
    RunOutcome,
    RunStatus,
    Trigger,
    moment,
    number,
    run_names,
)
from debvisor_timers.history.records import (
    OURS,
    JournalMatch,
    JournalRecord,
    MessageId,
    invocation_of,
    is_of_lost,
)

__all__ = ["Attempt", "Run", "RunName", "RunOutcome", "RunStatus", "Trigger", "assemble", "matches"]

_OF_SYSTEMD = frozenset(MessageId) - OURS - {MessageId.TASK_RESULT}
_NAMES_OF_JOBS = {"UNIT", "DEBVISOR_JOB", "_SYSTEMD_UNIT"}
_PREFIX, _SUFFIX = "debvisor-job-", ".service"
_SAY_NOTHING_NEW = frozenset(
    {MessageId.STOPPED, MessageId.CONSUMED, MessageId.RESTART, MessageId.TASK_RESULT}
)
"""Without the run that they belong to, these tell nothing worth a run of its own."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Run:
    """One run of a job; what no record tells is None or empty.

    generation: the definition that ran; None for a run that `begin` never saw.
    by: who asked for a manual run. trigger_runs: the runs that a run of a chain answers.
    retry_of: the failed run that somebody wanted again.
    waited: for dependencies and locks, and for what a reload cut off a delay between attempts.
    each_attempt: empty for a run that was skipped before its first; max_attempts: how many it had.
    memory_peak: bytes. cpu and memory_peak are those of the whole unit, our programs included.
    count: of how many elapses a skip tells, from scheduled_for to last_scheduled_for; overlapped:
    the run that kept them from starting.
    task_result: what the handler of a task has returned, as JSON; the user of the job decides what.
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
    invocation_ids: tuple[str, ...]
    boot_id: str
    trigger_runs: tuple[RunName, ...] = ()
    retry_of: str = ""
    waited: timedelta | None = None
    each_attempt: tuple[Attempt, ...] = ()
    max_attempts: int | None = None
    result: str = ""
    count: int = 1
    last_scheduled_for: datetime | None = None
    overlapped: str = ""
    task_result: str = ""

    @property
    def attempts(self) -> int:
        """Return how many attempts there were; 0 for a run that was skipped before its first."""
        return len(self.each_attempt)

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
        """Return how long it took, None while it runs and when nobody knows.

        As where the clock was set back so far that it ended before it began.
        """
        return self.end - self.start if self.end and self.end >= self.start else None


def matches(job_id: str) -> Sequence[JournalMatch]:
    """Return what to ask the journal for: only fields that no ordinary user can send."""
    return (
        {
            "_PID": "1",
            "UNIT": f"{_PREFIX}{job_id}{_SUFFIX}",
            "MESSAGE_ID": tuple(sorted(_OF_SYSTEMD)),
        },
        {"_UID": "0", "DEBVISOR_JOB": job_id, "MESSAGE_ID": tuple(sorted(OURS))},
        # Whoever the job's user is: journald says from which unit it comes.
        {"_SYSTEMD_UNIT": f"{_PREFIX}{job_id}{_SUFFIX}", "MESSAGE_ID": MessageId.TASK_RESULT},
    )


def matches_of_all() -> Sequence[JournalMatch]:
    """Return what to ask the journal for where runs of all jobs are wanted; other units come too.

    The journal finds exact values only.
    """
    return tuple(
        {name: value for name, value in match.items() if name not in _NAMES_OF_JOBS}
        for match in matches("")
    )


def assemble(records: Iterable[JournalRecord], *, current_boot: str) -> list[Run]:
    """Return the runs that `records` tell of, newest first.

    records: of any number of jobs and boots, in the journal's order, oldest first; others than
    those that `matches` names are passed over. The oldest run is incomplete where they begin in
    its middle. A run without an end runs, if it is the newest of its job in `current_boot`; else
    it is lost.
    """
    return [each.run for each in assemble_all(records, current_boot=current_boot)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Assembled:
    """A run, and which records have told of it.

    first: the cursor of the first, which is number `order` of those that were read; newest: when
    the newest was written. is_told_lost: all that is known may be what the boot after a crash said.
    """

    run: Run
    first: str
    order: int
    newest: datetime
    is_told_lost: bool = False


Known = Callable[[str, str], Collection[str]]
"""The invocations of a job's newest runs of which the records before have told, by boot and job."""


def assemble_all(
    records: Iterable[JournalRecord],
    *,
    current_boot: str,
    known: Known = lambda _boot, _job: (),
) -> list[Assembled]:
    """Return the same with where each run stands in the journal.

    known: what other records than these have told of; such runs are not told again.
    """
    assembly = _Assembly(known)
    for order, record in enumerate(records):
        assembly.add(record, order)
    return [
        Assembled(
            run=_run(draft, _ending(draft, assembly, current_boot)),
            first=draft.first,
            order=draft.order,
            newest=draft.newest,
            is_told_lost=draft.is_lost,
        )
        for draft in assembly.newest_first()
    ]


class _Assembly:
    def __init__(self, known: Known) -> None:
        self._known = known
        self._drafts: list[Draft] = []
        self._by_invocation: dict[tuple[str, str, str], Draft] = {}
        self._newest: dict[str, Draft] = {}
        self._newest_of_boot: dict[tuple[str, str], Draft] = {}

    def newest_first(self) -> list[Draft]:
        return self._drafts[::-1]

    def is_newest(self, draft: Draft) -> bool:
        return self._newest.get(draft.job) is draft

    def is_newest_of_boot(self, draft: Draft) -> bool:
        return self._newest_of_boot.get((draft.boot_id, draft.job)) is draft

    def add(self, record: JournalRecord, order: int) -> None:
        for job in _jobs(record):
            if draft := self._draft(job, record):
                if not draft.first:
                    draft.first, draft.order = record.cursor, order
                draft.take(record)

    def _draft(self, job: str, record: JournalRecord) -> Draft | None:
        """Return the run that `record` belongs to, a new one where it is the first of it."""
        if is_of_lost(record):
            return self._cut_off(job, record) or self._new(job, record, is_refused=False)
        message = record.get("MESSAGE_ID")
        invocation = invocation_of(record)
        key = (record.boot_id, job, invocation)
        draft = self._by_invocation.get(key) if invocation else None
        # The invocation of the run before, which an earlier reading has seen.
        is_old = bool(not draft and invocation and invocation in self._known(record.boot_id, job))
        is_refused = is_old and message in END_A_RUN
        is_refused = is_refused or bool(draft and draft.is_refusal(record))
        if draft and not is_refused:
            return draft
        if message in _SAY_NOTHING_NEW or (is_old and not is_refused):
            return None
        newest = self._newest.get(job)
        if invocation and not is_refused and newest and newest.awaits(record):
            draft = newest
        else:
            draft = self._new(job, record, is_refused=is_refused)
        if invocation:
            self._by_invocation[key] = draft
        return draft

    def _cut_off(self, job: str, record: JournalRecord) -> Draft | None:
        """Return the run of an earlier boot that `record` says is lost, if it has left a trace."""
        name, invocation = record.get("DEBVISOR_RUN_ID"), invocation_of(record)
        for draft in self.newest_first():
            is_it = draft.ours("DEBVISOR_RUN_ID") == name or invocation in draft.invocation_ids
            if draft.job == job and is_it:
                return draft
        return None

    def _new(self, job: str, record: JournalRecord, *, is_refused: bool) -> Draft:
        draft = Draft(
            job=job, boot_id=record.boot_id, first_seen=record.realtime, is_refused=is_refused
        )
        self._drafts.append(draft)
        # What never started, or was lost before this boot, is no end of a run that may go on.
        if record.get("MESSAGE_ID") != MessageId.RUN_SKIPPED and not is_of_lost(record):
            self._newest[job] = self._newest_of_boot[record.boot_id, job] = draft
        return draft


def _jobs(record: JournalRecord) -> Iterable[str]:
    """Return the jobs that `record` tells of; none when it could be forged."""
    message = record.get("MESSAGE_ID")
    if message in OURS:
        return record.fields.get("DEBVISOR_JOB", ())[:1] if record.get("_UID") == "0" else ()
    if message == MessageId.TASK_RESULT:
        field = "_SYSTEMD_UNIT"
    elif message in _OF_SYSTEMD and record.get("_PID") == "1":
        field = "UNIT"
    else:
        return ()
    return [
        unit.removeprefix(_PREFIX).removesuffix(_SUFFIX)
        for unit in record.fields.get(field, ())
        if unit.startswith(_PREFIX) and unit.endswith(_SUFFIX)
    ]


def _run(draft: Draft, ending: Ending) -> Run:
    start = moment(draft.ours("DEBVISOR_START_USEC")) or draft.started or draft.first_seen
    last = draft.attempts[-1] if draft.attempts else None
    return Run(
        id=draft.ours("DEBVISOR_RUN_ID") or _own_id(draft, start),
        job=draft.job,
        generation=number(draft.ours("DEBVISOR_GENERATION")),
        trigger=_trigger(draft),
        by=draft.ours("DEBVISOR_BY"),
        scheduled_for=moment(draft.ours("DEBVISOR_SCHEDULED_USEC")),
        start=start,
        end=None if ending.outcome in _WITHOUT_END else _end(draft),
        ending=ending,
        exit=Exit() if ending.outcome in _WITHOUT_END else draft.exit,
        cpu=_cpu(draft),
        memory_peak=_memory_peak(draft),
        invocation_ids=draft.invocation_ids,
        boot_id=draft.boot_id,
        trigger_runs=run_names(draft.ours("DEBVISOR_TRIGGER_RUNS")),
        retry_of=draft.ours("DEBVISOR_RETRY_OF"),
        waited=_waited(draft),
        each_attempt=tuple(
            each.finished(count, ending) for count, each in enumerate(draft.attempts, 1)
        ),
        max_attempts=number(draft.ours("DEBVISOR_MAX_ATTEMPTS")),
        result=(last.result or last.ours("DEBVISOR_RESULT")) if last else "",
        count=number(draft.ours("DEBVISOR_COUNT")) or 1,
        last_scheduled_for=moment(draft.ours("DEBVISOR_LAST_USEC")),
        overlapped=draft.ours("DEBVISOR_OVERLAPPED"),
        task_result=draft.task_result,
    )


_WITHOUT_END = {RunOutcome.RUNNING, RunOutcome.WAITING, RunOutcome.LOST}


def _ending(draft: Draft, assembly: _Assembly, current_boot: str) -> Ending:
    if not draft.is_open:
        return draft.ending() or Ending(outcome=RunOutcome.LOST)
    if not draft.is_lost and draft.boot_id == current_boot and assembly.is_newest(draft):
        return _under_way(draft)
    if draft.is_lost:
        return Ending(outcome=RunOutcome.LOST)
    # What was between two attempts when the power was cut would have gone on.
    if assembly.is_newest_of_boot(draft):
        return Ending(outcome=RunOutcome.LOST)
    return draft.ending() or Ending(outcome=RunOutcome.LOST)


def _under_way(draft: Draft) -> Ending:
    if draft.attempts and draft.attempts[-1].is_over:
        return Ending(outcome=RunOutcome.WAITING, reason="for its next attempt")
    return Ending(outcome=RunOutcome.RUNNING)


def _end(draft: Draft) -> datetime | None:
    last = draft.attempts[-1] if draft.attempts else None
    noted = moment(last.ours("DEBVISOR_END_USEC")) if last else None
    if last and last.is_final and noted:
        return noted
    return draft.ended or noted or (last.over_at if last else None)


def _trigger(draft: Draft) -> Trigger:
    # Only a timer asks for a job that runs already, and is told no.
    if draft.skip and draft.skip.get("DEBVISOR_OVERLAPPED"):
        return Trigger.TIMER
    retry_of = draft.ours("DEBVISOR_RETRY_OF")
    return Trigger.read(draft.ours("DEBVISOR_TRIGGER"), retry_of=retry_of)


def _waited(draft: Draft) -> timedelta | None:
    """Return how long `begin` waited; None where it never noted anything."""
    if not draft.ours("DEBVISOR_START_USEC"):
        return None
    return timedelta(microseconds=number(draft.ours("DEBVISOR_WAITED_USEC")) or 0)


def _own_id(draft: Draft, start: datetime) -> str:
    """Return an id for a run that `begin` never named: the same whenever it is asked for."""
    known = draft.invocation_ids
    tail = known[0] if known else f"{number(draft.job_id) or start.microsecond:06x}"
    return f"{start:%Y%m%dT%H%M%SZ}-{tail[:6]}"


def _cpu(draft: Draft) -> timedelta | None:
    used = [number(each.ours("DEBVISOR_CPU_USEC")) for each in draft.attempts]
    if known := [usec for usec in used if usec is not None]:
        return timedelta(microseconds=sum(known))
    nsec = draft.consumed.get("CPU_USAGE_NSEC")[:-3] if draft.consumed else ""
    return None if (usec := number(nsec)) is None else timedelta(microseconds=usec)


def _memory_peak(draft: Draft) -> int | None:
    peaks = [number(each.ours("DEBVISOR_MEMORY_PEAK")) for each in draft.attempts]
    if known := [peak for peak in peaks if peak is not None]:
        return max(known)
    return number(draft.consumed.get("MEMORY_PEAK")) if draft.consumed else None
