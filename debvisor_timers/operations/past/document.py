# SPDX-License-Identifier: Apache-2.0
"""How statistics look to programs: the fields of the guide, and more."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from debvisor_timers.history.document import iso
from debvisor_timers.history.unusual import Oddity

if TYPE_CHECKING:
    from debvisor_timers.history.buckets import Bucket
    from debvisor_timers.history.figures import RunFigures
    from debvisor_timers.history.statistics import Statistics
    from debvisor_timers.history.trend import DurationTrend, FailureTrend
    from debvisor_timers.history.unusual import Unusual
    from debvisor_timers.operations.past.stats import JobStatistics, Window

_WEEK = 7 * 86_400.0
_DIGITS = 6
"""Of a second: more than anybody has measured."""


def document(job: JobStatistics, window: Window) -> dict[str, object]:
    """Return the statistics of one job for programs; window: what was asked for."""
    numbers = job.statistics
    return {
        "job_id": job.job_id,
        "name": job.title,
        "since": iso(window.since),
        "until": iso(window.until),
        **_numbers(numbers),
        "last_execution": moment(numbers.last.start) if numbers.last else None,
        "next_execution": iso(job.next_start),
        "timeout_seconds": job.timeout.total_seconds() if job.timeout else None,
        "first_execution": moment(numbers.first.start) if numbers.first else None,
        "last": _last(numbers.last) if numbers.last else None,
        "under_way": numbers.under_way,
        "streak": _streak(numbers),
        "duration_trend": _duration_trend(job.duration_trend()),
        "failure_trend": _failure_trend(job.failure_trend()),
        "unusual": [_unusual(one) for one in job.unusual()],
        "by": str(window.by) if window.by else None,
        "periods": [_period(bucket) for bucket in job.buckets],
    }


def moment(seconds: float) -> str | None:
    """Return seconds since 1970 as ISO 8601 with the host's offset."""
    return iso(datetime.fromtimestamp(seconds, UTC))


def _numbers(numbers: Statistics) -> dict[str, object]:
    lengths, cpu, memory = numbers.durations, numbers.cpu, numbers.memory
    return {
        "total_executions": numbers.total,
        "successful_executions": numbers.succeeded,
        "failed_executions": numbers.failed,
        "timed_out_executions": numbers.timed_out,
        "lost_executions": numbers.lost,
        "stopped_executions": numbers.stopped,
        "skipped_executions": numbers.skipped,
        "skipped_starts": numbers.skipped_elapses,
        "success_rate": _short(numbers.success_rate),
        "average_duration_seconds": _short(lengths.average) if lengths else None,
        "median_duration_seconds": _short(lengths.median) if lengths else None,
        "p95_duration_seconds": _short(lengths.p95) if lengths else None,
        "longest_duration_seconds": _short(lengths.longest) if lengths else None,
        "retried_executions": numbers.retried,
        "further_attempts": numbers.further_attempts,
        "catch_ups": numbers.catch_ups,
        "waited_executions": numbers.waits,
        "waited_seconds": _short(numbers.waited),
        "longest_wait_seconds": _short(numbers.waited_longest),
        "cpu_seconds": _short(cpu.total) if cpu else None,
        "median_cpu_seconds": _short(cpu.median) if cpu else None,
        "memory_peak_bytes": round(memory.most) if memory else None,
        "median_memory_peak_bytes": round(memory.median) if memory else None,
    }


def _last(run: RunFigures) -> dict[str, object]:
    return {
        "run": run.id,
        "status": str(run.outcome.status),
        "outcome": str(run.outcome),
        "reason": run.reason,
        "start": moment(run.start),
        "duration_seconds": _short(run.duration),
        "attempts": run.attempts,
    }


def _streak(numbers: Statistics) -> dict[str, object] | None:
    streak = numbers.streak
    if streak is None:
        return None
    return {
        "result": "success" if streak.succeeded else "failure",
        "executions": streak.length,
        "since": moment(streak.start),
    }


def _duration_trend(trend: DurationTrend) -> dict[str, object]:
    is_known = trend.kind != "too_few"
    step = trend.step
    return {
        "kind": str(trend.kind),
        "executions": trend.count,
        "level_seconds": _short(trend.level) if is_known else None,
        "now_seconds": _short(trend.now) if is_known else None,
        "per_week_seconds": _short(trend.slope * _WEEK) if is_known else None,
        "per_week_seconds_low": _short(trend.low * _WEEK) if is_known else None,
        "per_week_seconds_high": _short(trend.high * _WEEK) if is_known else None,
        "timeout_expected": moment(trend.limit_at) if trend.limit_at is not None else None,
        "step": moment(step.x) if step else None,
        "before_step_seconds": _short(step.before) if step else None,
        "after_step_seconds": _short(step.after) if step else None,
    }


def _failure_trend(trend: FailureTrend) -> dict[str, object]:
    return {
        "kind": str(trend.kind),
        "failed_in_first_half": trend.failed_before,
        "first_half": trend.before,
        "failed_in_second_half": trend.failed_after,
        "second_half": trend.after,
    }


def _unusual(one: Unusual) -> dict[str, object]:
    is_memory = one.oddity is Oddity.MEMORY
    return {
        "run": one.run,
        "start": moment(one.start),
        "kind": str(one.oddity),
        "duration_seconds": None if is_memory else _short(one.value),
        "usual_duration_seconds": None if is_memory else _short(one.usual),
        "memory_peak_bytes": round(one.value) if is_memory else None,
        "usual_memory_peak_bytes": round(one.usual) if is_memory else None,
    }


def _period(bucket: Bucket) -> dict[str, object]:
    return {
        "start": iso(bucket.start),
        "end": iso(bucket.end),
        **_numbers(bucket.statistics),
    }


def _short(number: float | None) -> float | None:
    return None if number is None else round(number, _DIGITS)
