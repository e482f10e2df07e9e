# SPDX-License-Identifier: Apache-2.0
"""metrics: what this host's jobs do and have done, for Prometheus."""

from __future__ import annotations

import os
import sqlite3
from collections import Counter, defaultdict
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from debvisor_timers import __version__
from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.filter import RunFilter
from debvisor_timers.history.index import Index
from debvisor_timers.history.last import LastRun
from debvisor_timers.history.news import Source, unread
from debvisor_timers.history.outcome import Ending, Exit, RunOutcome, Trigger
from debvisor_timers.history.records import JournalRecord
from debvisor_timers.history.rows import IndexFileError
from debvisor_timers.history.skip_cause import SkipCause, skip_cause
from debvisor_timers.history.totals import Totals
from debvisor_timers.operations.applying.applied import applied_config
from debvisor_timers.operations.applying.fingerprint import Fingerprint, FingerprintFile
from debvisor_timers.operations.applying.recover import generations, record_file
from debvisor_timers.operations.applying.target import TargetState, target_state
from debvisor_timers.operations.auditing.applies import count_applies
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.list import JobRow, list_jobs
from debvisor_timers.operations.measuring.exposition import exposition
from debvisor_timers.operations.measuring.readings import ENDINGS, JobCounts, JobReading, Readings
from debvisor_timers.operations.measuring.textfile import replace_textfile, require_textfile
from debvisor_timers.operations.past.past import Past, open_past
from debvisor_timers.render.names import job_of

_TELLING = frozenset({*ENDINGS} - {RunOutcome.STOPPED})
"""Ends that make a row of failures longer, or end it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Metrics:
    """All metrics in Prometheus's text format; notes: what a person should know of the history."""

    text: bytes
    notes: tuple[str, ...] = ()


def metrics(host: Host) -> Metrics:
    """Return the metrics of this host. Needs no root; what the caller may not read is left out."""
    readings, notes = read(host)
    return Metrics(text=exposition(readings), notes=notes)


def write_textfile(host: Host, path: Path) -> Metrics:
    """Write the metrics of this host to `path`, whole or not at all, and return them.

    Raises UsageError and PermissionRefusedError as `replace_textfile` does; the old file stays.
    """
    require_textfile(path)
    found = metrics(host)
    replace_textfile(path, found.text)
    return found


def applied_textfile(host: Host) -> Path | None:
    """Return the file that a timer is to write, by the config.yaml that was applied last.

    Raises PermissionRefusedError where the caller may not look.
    """
    textfile = applied_config(host).metrics.textfile
    return Path(textfile) if textfile else None


def read(host: Host) -> tuple[Readings, tuple[str, ...]]:
    """Return what metrics are made of, and notes on the history."""
    listed = list_jobs(host)
    with open_past(host) as past:
        totals, newest = past.totals(), past.newest()
        counts = job_counts(totals)
        jobs = tuple(
            _job(row, newest.get(row.job_id), counts.get(row.job_id, JobCounts()), past)
            for row in listed.rows
        )
        notes = past.notes
    number, applied = _generation(host)
    readings = Readings(
        version=__version__,
        taken=host.clock.now(),
        is_target_active=target_state(host) is not TargetState.STOPPED,
        errors=sum(problem.is_error for problem in listed.problems),
        is_pending=_is_pending(host, has_jobs=bool(listed.rows)),
        is_in_maintenance=listed.maintenance is not None,
        is_interrupted=os.path.lexists(record_file(host).path),
        generation=number,
        applied=applied,
        applies=count_applies(host),
        index_lag=index_lag(host),
        jobs=jobs,
    )
    return readings, notes


def _job(row: JobRow, newest: RunFigures | None, counts: JobCounts, past: Past) -> JobReading:
    last = row.last or (_as_last(newest) if newest else None)
    job = row.job
    return JobReading(
        job_id=row.job_id,
        state=row.state,
        title=job.title if job else "",
        owner=job.owner if job else "",
        priority=str(job.priority) if job else "",
        is_enabled=bool(job and job.enabled),
        is_paused=row.pause is not None,
        timeout=job.timeout if job else None,
        next_start=row.next_start,
        under_way_since=row.under_way.start if row.under_way else None,
        last=last,
        figures=newest if newest and last and newest.id == last.id else None,
        consecutive_failures=_failures_in_a_row(row.job_id, last, past),
        counts=counts,
    )


def _as_last(run: RunFigures) -> LastRun:
    """Return a run of the history as the last one, where its file is lost."""
    start = datetime.fromtimestamp(run.start, UTC)
    end = start + timedelta(seconds=run.duration or 0)
    is_success = run.outcome is RunOutcome.SUCCEEDED
    return LastRun(
        id=run.id,
        start=start,
        end=end,
        invocation_id="",
        exit=Exit(),
        ending=Ending(outcome=run.outcome, reason=run.reason),
        trigger=run.trigger,
        attempts=run.attempts,
        success_end=end if is_success else None,
        success_id=run.id if is_success else "",
    )


def _failures_in_a_row(job_id: str, last: LastRun | None, past: Past) -> int:
    """Return how many runs have failed since the last success; asks only of a job that failed."""
    if last is None or last.outcome in {RunOutcome.SUCCEEDED, RunOutcome.SKIPPED}:
        return 0
    wanted = RunFilter(jobs=(job_id,), since=last.success_end, outcomes=_TELLING)
    count = 0
    for run in past.figures(wanted):
        count = count + 1 if run.outcome.is_failure else 0
    return max(count, 1) if last.outcome.is_failure else count


def job_counts(totals: Totals) -> dict[str, JobCounts]:
    """Return the sums of each job that has some."""
    runs: dict[str, Counter[RunOutcome]] = defaultdict(Counter)
    starts: dict[str, Counter[Trigger]] = defaultdict(Counter)
    skips: dict[str, Counter[SkipCause]] = defaultdict(Counter)
    for (job_id, outcome, trigger), count in totals.runs.items():
        if outcome in ENDINGS:
            runs[job_id][outcome] += count
            starts[job_id][trigger] += count
    for (job_id, reason), count in totals.skips.items():
        skips[job_id][skip_cause(reason)] += count
    return {
        job_id: JobCounts(
            runs=runs.get(job_id, {}),
            starts=starts.get(job_id, {}),
            attempts=totals.attempts.get(job_id, 0),
            skips=skips.get(job_id, {}),
            cpu_seconds=totals.cpu_seconds.get(job_id, 0.0),
            durations=totals.durations.get(job_id),
        )
        for job_id in runs.keys() | skips.keys()
    }


def index_lag(host: Host) -> timedelta | None:
    """Return the age of the oldest record on a run that the index on the disk lacks; zero for none.

    None where the caller may not look into the index.
    """
    path = host.layout.index
    if path.exists() and not os.access(path, os.R_OK):
        return None
    source = Source(journal=host.journal, now=host.clock.now())
    with closing(_index(path)) as index:
        records = filter(_is_of_a_job, unread(source, index))
        oldest = next(records, None)
    return max(source.now - oldest.realtime, timedelta()) if oldest else timedelta()


def _index(path: Path) -> Index:
    try:
        return Index.upon(path)
    except (IndexFileError, sqlite3.Error):
        return Index.in_memory()  # it lacks everything


def _is_of_a_job(record: JournalRecord) -> bool:
    units = record.fields.get("UNIT", ())
    return bool(record.get("DEBVISOR_JOB")) or any(job_of(unit) for unit in units)


def _generation(host: Host) -> tuple[int | None, datetime | None]:
    """Return the newest generation and when it was applied; None for who may not look."""
    try:
        kept = generations(host)
        number = kept.latest()
        return number, kept.applied(number) if number else None
    except DebvisorTimersError:
        return None, None


def _is_pending(host: Host, *, has_jobs: bool) -> bool | None:
    """Return whether an apply would find more to do than to compare; None where none may look."""
    try:
        kept = FingerprintFile(host.layout.state / "fingerprint.json").read()
        if kept is None:
            return has_jobs
        return not kept.matches(Fingerprint.take(host, kept.files))
    except (DebvisorTimersError, OSError):
        return None
