# SPDX-License-Identifier: Apache-2.0
"""How runs look to programs: stable keys, times in ISO 8601 with offset, durations in seconds."""

from __future__ import annotations

import json
import math
import re
from datetime import datetime, timedelta

from debvisor_timers.history.attempt import Attempt
from debvisor_timers.history.runs import Run

_DEEPEST = 50
"""So deep a result may be nested; what lies deeper is None."""

Document = dict[str, object]


def run_document(run: Run) -> Document:
    """Return one run."""
    return {
        "run": run.id,
        "job": run.job,
        "generation": run.generation,
        "trigger": str(run.trigger),
        "trigger_runs": [{"job": name.job, "run": name.id} for name in run.trigger_runs],
        "retry_of": run.retry_of or None,
        "by": run.by,
        "scheduled_for": iso(run.scheduled_for),
        "start": iso(run.start),
        "end": iso(run.end),
        "duration_seconds": seconds(run.duration),
        "waited_seconds": seconds(run.waited),
        "status": str(run.status),
        "outcome": str(run.outcome),
        "reason": run.reason,
        "exit_status": run.exit_status,
        "signal": run.signal,
        "attempts": run.attempts,
        "max_attempts": run.max_attempts,
        "each_attempt": [attempt_document(attempt) for attempt in run.each_attempt],
        "count": run.count,
        "last_scheduled_for": iso(run.last_scheduled_for),
        "overlapped": run.overlapped or None,
        "cpu_seconds": seconds(run.cpu),
        "memory_peak_bytes": run.memory_peak,
        "task_result": task_result_of(run.task_result),
    }


def task_result_of(text: str) -> object:
    """Return what the handler of a task has returned; None for nothing, and for no JSON."""
    try:
        return _told(json.loads(text)) if text else None
    except (ValueError, RecursionError):
        return None


def _told(value: object, depth: int = 0) -> object:
    """Return a value that can be written as JSON in UTF-8, whatever the user of the job has sent.

    Python reads more than that: numbers that are none, halves of characters, any depth.
    """
    if isinstance(value, (dict, list)) and depth == _DEEPEST:
        return None
    if isinstance(value, dict):
        return {_text(name): _told(each, depth + 1) for name, each in value.items()}
    if isinstance(value, list):
        return [_told(each, depth + 1) for each in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return _text(value) if isinstance(value, str) else value


def _text(text: str) -> str:
    return re.sub("[\ud800-\udfff]", "\ufffd", text)


def attempt_document(attempt: Attempt) -> Document:
    """Return one attempt of a run."""
    return {
        "attempt": attempt.number,
        "start": iso(attempt.start),
        "end": iso(attempt.end),
        "duration_seconds": seconds(attempt.duration),
        "outcome": str(attempt.ending.outcome),
        "reason": attempt.ending.reason,
        "exit_status": attempt.exit.exit_status,
        "signal": attempt.exit.signal,
    }


def iso(moment: datetime | None) -> str | None:
    """Return ISO 8601 with the host's offset, None for None."""
    return None if moment is None else moment.astimezone().isoformat()


def seconds(duration: timedelta | None) -> float | None:
    """Return a duration in seconds, None for None."""
    return None if duration is None else duration.total_seconds()
