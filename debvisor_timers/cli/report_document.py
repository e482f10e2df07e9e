# SPDX-License-Identifier: Apache-2.0
"""How a report looks in JSON."""

from __future__ import annotations

from datetime import UTC, datetime

from debvisor_timers.cli import times
from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.report import Failed, Missed, Sums
from debvisor_timers.operations.past.report import Report
from debvisor_timers.operations.past.trend_words import duration_words, failure_words, unusual_words
from debvisor_timers.operations.past.trends import Slow, Strange

Document = dict[str, object]


def document(report: Report, *, host: str) -> Document:
    """Return all that a report tells, for programs: nothing is left out."""
    return {
        "host": host,
        "since": times.iso(report.since),
        "until": times.iso(report.until),
        "now": times.iso(report.now),
        "zone": report.zone,
        "jobs": report.jobs,
        "is_well": report.is_well,
        "totals": _sums(report.sums),
        "totals_before": _sums(report.before),
        "failed": [_failed(one) for one in report.failed],
        "flaky": [
            {"job": one.job, "runs": one.of, "retried": one.retried, "changes": one.changes}
            for one in report.flaky
        ],
        "missed": [_missed(one) for one in report.missed],
        "worse": [_slow(one, report.now) for one in report.slow],
        "unusual": [_strange(one) for one in report.strange],
        "never_ran": [
            {"job": one.job, "schedule": one.schedule, "next_start": times.iso(one.next_start)}
            for one in report.never_ran
        ],
        "collisions": [
            {
                "start": times.iso(crowd.quarter.start),
                "starts": crowd.quarter.load,
                "jobs": list(crowd.quarter.jobs),
                "more": crowd.more,
            }
            for crowd in report.crowds
        ],
        "not_looked_at": list(report.not_looked_at),
        "notes": list(report.notes),
    }


def _sums(sums: Sums) -> Document:
    return {
        "runs": sums.runs,
        "succeeded": sums.succeeded,
        "failed": sums.failed,
        "stopped": sums.stopped,
        "skipped_starts": sums.skipped,
        "under_way": sums.under_way,
        "success_rate": sums.success_rate,
    }


def _failed(one: Failed) -> Document:
    return {
        "job": one.job,
        "runs": one.of,
        "still_failing": one.is_failing,
        "failures": [_run(run) for run in one.failures],
    }


def _run(run: RunFigures) -> Document:
    return {
        "run": run.id,
        "start": _moment(run.start),
        "duration_seconds": run.duration,
        "outcome": str(run.outcome),
        "reason": run.reason,
        "attempts": run.attempts,
        "logs": ["debvisor-timers", "logs", run.job, "--run", run.id],
    }


def _missed(one: Missed) -> Document:
    return {
        "job": one.job,
        "lost": one.lost,
        "catch_ups": one.catch_ups,
        "skipped_starts": [
            {"reason": reason, "starts": number} for reason, number in one.skipped.items()
        ],
        "untraced_starts": one.unseen,
        "first_untraced": _moment(one.first),
        "last_untraced": _moment(one.last),
    }


def _slow(one: Slow, now: datetime) -> Document:
    limit = one.durations.limit_at if one.durations else None
    words = duration_words(one.durations, timeout=one.timeout, now=now) if one.durations else None
    return {
        "job": one.job,
        "duration": words,
        "timeout_expected": _moment(limit),
        "failures": failure_words(one.failures) if one.failures else None,
    }


def _strange(one: Strange) -> Document:
    return {
        "job": one.job,
        "runs": [
            {
                "run": run.run,
                "start": _moment(run.start),
                "kind": str(run.oddity),
                "value": run.value,
                "usual": run.usual,
                "words": unusual_words(run),
            }
            for run in one.runs
        ],
    }


def _moment(seconds: float | None) -> str | None:
    return None if seconds is None else times.iso(datetime.fromtimestamp(seconds, UTC))
