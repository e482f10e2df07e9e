# SPDX-License-Identifier: Apache-2.0
"""Runs for programs, by our names and those of the guide."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debvisor_timers.history.document import iso, seconds, task_result_of
from debvisor_timers.history.document import run_document as of_run
from debvisor_timers.history.outcome import RunOutcome, RunStatus

if TYPE_CHECKING:
    from debvisor_timers.history.last import LastRun
    from debvisor_timers.history.runs import Run
    from debvisor_timers.operations.runs.run import RunResult
    from debvisor_timers.operations.runs.show_run import RunDetails


def last_document(last: LastRun | Run | None) -> dict[str, object] | None:
    """Return the last run of a job for programs, None when there is none."""
    if last is None:
        return None
    return {
        "run": last.id,
        "status": str(last.status),
        "outcome": str(last.outcome),
        "reason": last.ending.reason,
        "start": iso(last.start),
        "end": None if last.outcome is RunOutcome.LOST else iso(last.end),
        "duration_seconds": seconds(last.duration),
        "exit_status": last.exit_status,
        "attempts": last.attempts,
        "max_attempts": last.max_attempts,
    }


def run_document(run: Run) -> dict[str, object]:
    """Return one run for programs, by our names and those of the guide."""
    return {**of_run(run), **_guide_fields(run)}


def run_details_document(details: RunDetails) -> dict[str, object]:
    """Return one run in full: with what it printed, the newest lines of each stream."""
    output = details.output
    return {
        **run_document(details.run),
        "invocations": list(details.run.invocation_ids),
        "stdout": output.stdout.text,
        "stderr": output.stderr.text,
        "truncated": output.stdout.is_cut or output.stderr.is_cut,
    }


def start_document(result: RunResult) -> dict[str, object]:
    """Return what became of a start; `run` is null where nobody waited for its end."""
    document: dict[str, object] = {
        "job": result.job_id,
        "run": last_document(result.run),
        "task_result": task_result_of(result.task_result),
    }
    if result.retry_of:
        document["retry_of"] = result.retry_of
    return document


def _guide_fields(run: Run) -> dict[str, object]:
    """Return what the guide has of a run, but for what our own document says by the same name."""
    return {
        "job_id": run.job,
        "execution_id": run.id,
        "start_time": iso(run.start),
        "end_time": iso(run.end),
        "exit_code": 0 if run.status is RunStatus.COMPLETED else run.exit_status,
    }
