# SPDX-License-Identifier: Apache-2.0
"""What jobs said, line by line: for programs that show it and follow it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice

from debvisor_timers.history.outcome import UNDER_WAY
from debvisor_timers.history.records import (
    OURS,
    JournalMatch,
    JournalRecord,
    MessageId,
    invocation_of,
)
from debvisor_timers.history.runs import Run
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.past.history import require_known
from debvisor_timers.operations.past.past import open_past
from debvisor_timers.operations.past.renamed import Renamings
from debvisor_timers.operations.runs.output import STDERR_FACILITY
from debvisor_timers.operations.runs.which_run import Choice, find_run
from debvisor_timers.render.names import job_of, service_unit
from debvisor_timers.render.service import job_slices

FIELDS = (
    *("MESSAGE", "MESSAGE_ID", "PRIORITY", "SYSLOG_FACILITY", "SYSLOG_IDENTIFIER", "UNIT"),
    *("INVOCATION_ID", "DEBVISOR_JOB", "DEBVISOR_RUN_ID", "DEBVISOR_INVOCATION_ID"),
    *("_PID", "_UID", "_TRANSPORT", "_SYSTEMD_UNIT", "_SYSTEMD_INVOCATION_ID"),
)
"""All that a line is made of."""

_OURS = "debvisor-timers"
_ENDS = frozenset(
    {MessageId.RUN_END, MessageId.RUN_SKIPPED, MessageId.DONE, MessageId.NOT_STARTED}
) | {MessageId.FAILED, MessageId.DEACTIVATED}


class LogStream(StrEnum):
    """Who has said it: the program, by one of its streams; systemd; or our programs."""

    STDOUT = "stdout"
    STDERR = "stderr"
    SYSTEMD = "systemd"
    OURS = "debvisor-timers"


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A line. cursor: where it is in the journal. job_id: empty for one that is about no job.

    may_end: it tells that a run may be over.
    """

    cursor: str
    at: datetime
    stream: LogStream
    text: str
    job_id: str = ""
    run_id: str = ""
    invocation: str = ""
    priority: int | None = None
    may_end: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class LogPage:
    """Lines, oldest first; run: the one that was asked for, as it is now."""

    lines: Sequence[LogLine]
    run: Run | None = None

    @property
    def is_over(self) -> bool:
        """Return True where no line will follow: the run that was asked for has ended."""
        return self.run is not None and self.run.outcome not in UNDER_WAY


@dataclass(frozen=True, slots=True, kw_only=True)
class LogWish:
    """Whose lines: a job's, or one run's of it. after: those behind this cursor, else the newest.

    most: how many.
    """

    job_id: str
    run_id: str = ""
    after: str = ""
    most: int = 200


def log_page(host: Host, wish: LogWish) -> LogPage:
    """Return lines of a job or a run. Raises NotFoundError, SystemdError.

    Where the journal no longer has the record at `after`, the newest lines come.
    """
    run = find_run(host, wish.job_id, Choice(id=wish.run_id)) if wish.run_id else None
    if run is None:
        _refuse_unknown(host, wish.job_id)
    matches = _of_run(run) if run else _of_job(host, wish.job_id)
    later = host.journal.records_from(wish.after, matches) if wish.after and matches else None
    if later is not None:
        lines = (line_of(record) for record in later if record.cursor != wish.after)
        return LogPage(lines=tuple(islice(lines, wish.most)), run=run)
    newest = map(line_of, _newest_first(host, matches, run))
    return LogPage(lines=tuple(islice(newest, wish.most))[::-1], run=run)


def line_of(record: JournalRecord) -> LogLine:
    """Return a record as a line."""
    unit = record.get("UNIT") or record.get("_SYSTEMD_UNIT")
    is_ours = _is_ours(record)
    priority = record.get("PRIORITY")
    return LogLine(
        cursor=record.cursor,
        at=record.realtime,
        stream=_stream(record),
        text=record.get("MESSAGE"),
        job_id=record.get("DEBVISOR_JOB") if is_ours else job_of(unit) or "",
        run_id=record.get("DEBVISOR_RUN_ID") if is_ours else "",
        invocation=record.get("_SYSTEMD_INVOCATION_ID") or invocation_of(record)
        if record.get("_PID") != "1"
        else invocation_of(record),
        priority=int(priority) if priority.isdecimal() else None,
        may_end=record.get("MESSAGE_ID") in _ENDS,
    )


def follow_command() -> list[str]:
    """Return the argv of journalctl that shows the newest record, and each that comes, as JSON.

    Of all jobs; those of systemd come for all units, since nobody knows which jobs there will be.
    """
    slices = [f"_SYSTEMD_SLICE={name}" for name in job_slices()]
    return [
        *("journalctl", "--follow", "--lines=1", "--output=json", "--all", "--quiet"),
        f"--output-fields={','.join(FIELDS)}",
        *slices,
        *("+", "_PID=1", "+", "_UID=0", f"SYSLOG_IDENTIFIER={_OURS}"),
    ]


def _stream(record: JournalRecord) -> LogStream:
    if record.get("_PID") == "1":
        return LogStream.SYSTEMD
    text, priority = record.get("MESSAGE"), record.get("PRIORITY")
    if _is_ours(record) or (text.startswith(f"{_OURS}: ") and priority in {"3", "4"}):
        return LogStream.OURS
    if record.get("_TRANSPORT") == "stdout":
        is_error = record.get("SYSLOG_FACILITY") == STDERR_FACILITY
    else:
        is_error = priority in {"0", "1", "2", "3"}
    return LogStream.STDERR if is_error else LogStream.STDOUT


def _is_ours(record: JournalRecord) -> bool:
    """Return True for what `begin` and `end` tell of a run; its own lines name the job as well."""
    return record.get("_UID") == "0" and record.get("MESSAGE_ID") in OURS


def _newest_first(
    host: Host, matches: Sequence[JournalMatch], run: Run | None
) -> Iterator[JournalRecord]:
    since = min([run.start, *(each.start for each in run.each_attempt)]) if run else None
    return host.journal.records(matches, newest_first=True, since=since)


def _of_run(run: Run) -> list[JournalMatch]:
    ours: JournalMatch = {"_UID": "0", "DEBVISOR_RUN_ID": run.id}
    if run.outcome in UNDER_WAY:
        # Which invocations its further attempts will have, nobody knows.
        return [*_of_unit(service_unit(run.job)), ours]
    if not run.invocation_ids:
        return [ours]
    return [
        {"_SYSTEMD_INVOCATION_ID": run.invocation_ids},
        {"_PID": "1", "INVOCATION_ID": run.invocation_ids},
        ours,
    ]


def _of_job(host: Host, job_id: str) -> list[JournalMatch]:
    now, *before = Renamings.read(host.layout).ids(job_id)
    taken = host.units.read() if before else {}
    ids = [now, *(each for each in before if service_unit(each) not in taken)]
    found = [match for each in ids for match in _of_unit(service_unit(each))]
    return [*found, {"_UID": "0", "DEBVISOR_JOB": tuple(ids), "SYSLOG_IDENTIFIER": _OURS}]


def _of_unit(unit: str) -> list[JournalMatch]:
    return [{"_SYSTEMD_UNIT": unit}, {"_PID": "1", "UNIT": unit}]


def _refuse_unknown(host: Host, job_id: str) -> None:
    if host.units.entry(service_unit(job_id)) is None:
        with open_past(host, jobs=[job_id]) as past:
            require_known(host, past, (job_id,))
