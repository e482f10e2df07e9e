# SPDX-License-Identifier: Apache-2.0
"""report: jobs that take longer and longer, or fail more and more, and runs unlike the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.report import ByJob
from debvisor_timers.history.trend import (
    DurationTrend,
    FailureTrend,
    TrendKind,
    duration_trend,
    failure_trend,
)
from debvisor_timers.history.unusual import Unusual, unusual_runs
from debvisor_timers.jobs.model import Job

FAR = timedelta(days=90)
"""Runs of so many days are compared."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Slow:
    """A job that gets slower, or worse; what does not is None.

    timeout: of an attempt; None for none.
    """

    job: str
    timeout: timedelta | None
    durations: DurationTrend | None
    failures: FailureTrend | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Strange:
    """A job with its runs that were unlike those before them, newest first."""

    job: str
    runs: tuple[Unusual, ...]


def slow_jobs(
    runs: ByJob, jobs: Mapping[str, Job], *, since: datetime, until: datetime
) -> tuple[Slow, ...]:
    """Return those of `jobs` that have run since then and get slower, or fail more often.

    First those that are likely to reach their time-outs, by when they do.
    """
    found = []
    for job_id in runs.keys() & jobs.keys():
        several = _until(runs[job_id], until)
        if not _has_run(several, since):
            continue
        timeout = jobs[job_id].timeout
        durations = duration_trend(several, timeout=timeout.total_seconds() if timeout else None)
        failures = failure_trend(several)
        is_slower = _is_slower(durations, since.timestamp())
        is_worse = failures.kind is TrendKind.GROWING
        if is_slower or is_worse:
            found.append(
                Slow(
                    job=job_id,
                    timeout=timeout,
                    durations=durations if is_slower else None,
                    failures=failures if is_worse else None,
                )
            )
    return tuple(sorted(found, key=_urgency))


def strange_runs(runs: ByJob, *, since: datetime, until: datetime) -> tuple[Strange, ...]:
    """Return the runs from `since` on, before `until`, that were unlike those before them."""
    found = {
        job_id: tuple(
            one for one in unusual_runs(_until(several, until)) if one.start >= since.timestamp()
        )
        for job_id, several in runs.items()
        if _has_run(several, since)
    }
    return tuple(
        Strange(job=job_id, runs=found[job_id]) for job_id in sorted(found) if found[job_id]
    )


def _has_run(runs: Sequence[RunFigures], since: datetime) -> bool:
    begin = since.timestamp()
    return any(run.start >= begin for run in reversed(runs))


def _until(runs: Sequence[RunFigures], until: datetime) -> Sequence[RunFigures]:
    begin, end = (until - FAR).timestamp(), until.timestamp()
    return [run for run in runs if begin <= run.start < end]


def _is_slower(trend: DurationTrend, since: float) -> bool:
    if trend.kind is TrendKind.STEP and trend.step:
        return trend.step.x >= since and trend.step.after > trend.step.before
    return trend.kind is TrendKind.GROWING


def _urgency(slow: Slow) -> tuple[bool, float, str]:
    limit = slow.durations.limit_at if slow.durations else None
    return (limit is None, limit or 0.0, slow.job)
