# SPDX-License-Identifier: Apache-2.0
"""What needs attention, the worst first: each with its reason, and how to mend it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.report import Missed
from debvisor_timers.history.statistics import took
from debvisor_timers.operations.list import JobList, JobRow, JobState
from debvisor_timers.operations.past.trends import Slow
from debvisor_timers.operations.safety.finding import FindingKind, StatusFinding
from debvisor_timers.operations.times import local, span
from debvisor_timers.web.pages.cards import BUSY, has_failed

_LATE = timedelta(minutes=1)
"""A run may begin so much later than its timer elapses: hosts are busy, and some are slow."""
_LONGER, _LEAST = 2.0, timedelta(minutes=1)
"""A run that takes twice as long as the longest of those before it, and a minute, is told."""
_FEWEST = 5
_SEEN_ELSEWHERE = frozenset({FindingKind.FAILED, FindingKind.DEFINITIONS})
_BAD = frozenset({FindingKind.INTERRUPTED, FindingKind.BRAKE, FindingKind.UNTOLD})
_MOST_PROBLEMS = 10


@dataclass(frozen=True, slots=True, kw_only=True)
class Alert:
    """One thing to look at; job, run: to link to, empty for none. fix: a command."""

    kind: str
    tone: str
    sign: str
    subject: str
    why: str
    job: str = ""
    run: str = ""
    at: datetime | None = None
    fix: str = ""
    may_retry: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Looked:
    """What takes longer to find out than a page may take.

    Drift, runs of the last day that never began, and jobs that get slower.
    """

    findings: tuple[StatusFinding, ...] = ()
    missed: tuple[Missed, ...] = ()
    slow: tuple[Slow, ...] = ()


def alerts(
    jobs: JobList, looked: Looked, under_way: Mapping[str, Sequence[RunFigures]], now: datetime
) -> list[Alert]:
    """Return all that needs attention; under_way: the newest runs of the jobs that run."""
    rows = {row.job_id: row for row in jobs.rows}
    failed = sorted((row for row in jobs.rows if has_failed(row)), key=_newest_first)
    found = [
        *_problems(jobs),
        *(_of_finding(each, rows) for each in looked.findings if each.kind in _BAD),
        *(_of_failed(row) for row in failed if row.state not in BUSY),
        *(one for row in jobs.rows if (one := _late(row, now))),
        *(one for row in jobs.rows if (one := _slow(row, under_way.get(row.job_id, ()), now))),
        *_missed(looked.missed, rows),
        *_slower(looked.slow, rows),
        *(_of_finding(each, rows) for each in looked.findings if _is_drift(each)),
    ]
    return [each for each in found if each.tone == "bad"] + [
        each for each in found if each.tone != "bad"
    ]


def _problems(jobs: JobList) -> Iterator[Alert]:
    wrong = [problem for problem in jobs.problems if problem.is_error]
    for problem in wrong[:_MOST_PROBLEMS]:
        key = f"{problem.key}: " if problem.key else ""
        yield Alert(
            kind="Wrong",
            tone="bad",
            sign="bad",
            subject=str(problem.span),
            why=f"{key}{problem.message}{f' — {problem.fix}' if problem.fix else ''}",
        )
    if (more := len(wrong) - _MOST_PROBLEMS) > 0:
        yield Alert(
            kind="Wrong",
            tone="bad",
            sign="bad",
            subject="job files",
            why=f"and {more} more errors",
            fix="debvisor-timers check",
        )


def _of_failed(row: JobRow) -> Alert:
    last = row.last
    assert last is not None  # noqa: S101 - for mypy: it has failed
    attempts = f" after {last.attempts} attempts" if (last.attempts or 1) > 1 else ""
    since = f"; last success {local(last.success_end)}" if last.success_end else ""
    return Alert(
        kind=str(last.outcome).replace("_", " ").capitalize(),
        tone="bad",
        sign="bad",
        subject=_title(row),
        job=row.job_id,
        run=last.id,
        at=last.end,
        why=f"{last.ending.reason or 'no reason is known'}{attempts}{since}",
        may_retry=row.job is not None,
    )


def _late(row: JobRow, now: datetime) -> Alert | None:
    due = row.next_start
    if row.state is not JobState.SCHEDULED or due is None or due >= now - _LATE or row.pause:
        return None
    return Alert(
        kind="Late",
        tone="warn",
        sign="late",
        subject=_title(row),
        job=row.job_id,
        why="it was due, and has not begun",
        at=due,
    )


def _slow(row: JobRow, before: Sequence[RunFigures], now: datetime) -> Alert | None:
    run = row.under_way
    if run is None or run.waiting or run.retry_at:
        return None
    lengths = sorted(length for each in before if (length := took(each)) is not None)
    so_far = now - run.start - run.waited
    if len(lengths) < _FEWEST or so_far < _LEAST:
        return None
    if so_far.total_seconds() < lengths[-1] * _LONGER:
        return None
    usual = span(timedelta(seconds=lengths[len(lengths) // 2]))
    return Alert(
        kind="Slow",
        tone="warn",
        sign="late",
        subject=_title(row),
        job=row.job_id,
        run=run.id,
        why=f"it has been running for {span(so_far)}; usually it takes {usual}",
    )


def _missed(several: Iterable[Missed], rows: Mapping[str, JobRow]) -> Iterator[Alert]:
    for one in several:
        if not one.unseen or one.job not in rows:
            continue
        times = "a run" if one.unseen == 1 else f"{one.unseen} runs"
        yield Alert(
            kind="Missed",
            tone="warn",
            sign="late",
            subject=_title(rows[one.job]),
            job=one.job,
            why=f"{times} of the last day never began",
            at=None if one.last is None else datetime.fromtimestamp(one.last, UTC),
        )


def _slower(several: Iterable[Slow], rows: Mapping[str, JobRow]) -> Iterator[Alert]:
    for one in several:
        limit = one.durations.limit_at if one.durations else None
        if one.job not in rows or limit is None:
            continue
        at = datetime.fromtimestamp(limit, UTC)
        yield Alert(
            kind="Growing",
            tone="warn",
            sign="late",
            subject=_title(rows[one.job]),
            job=one.job,
            why=f"it takes longer and longer, and reaches its time-out about {at:%d %b %Y}",
        )


def _is_drift(found: StatusFinding) -> bool:
    return found.kind not in _BAD and found.kind not in _SEEN_ELSEWHERE


def _of_finding(found: StatusFinding, rows: Mapping[str, JobRow]) -> Alert:
    row = rows.get(found.subject)
    is_bad = found.kind in _BAD
    return Alert(
        kind=str(found.kind).replace("-", " ").capitalize(),
        tone="bad" if is_bad else "warn",
        sign="warn" if is_bad else "drift",
        subject=_title(row) if row else found.subject,
        job=row.job_id if row else "",
        why=found.message,
        fix=found.fix,
    )


def _title(row: JobRow) -> str:
    return row.job.title if row.job else row.job_id


def _newest_first(row: JobRow) -> float:
    return -row.last.end.timestamp() if row.last else 0.0
