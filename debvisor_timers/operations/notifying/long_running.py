# SPDX-License-Identifier: Apache-2.0
"""Runs that take longer than somebody wants to wait unasked."""

from __future__ import annotations

from datetime import datetime, timedelta

from debvisor_timers.history.document import run_document
from debvisor_timers.history.outcome import Exit
from debvisor_timers.history.runs import Run
from debvisor_timers.history.under_way import UnderWay, read_under_way
from debvisor_timers.notify.kinds import EventKind
from debvisor_timers.operations.notifying.sight import Sight, moment_of
from debvisor_timers.operations.notifying.watched import WatchedJob
from debvisor_timers.operations.runs.under_way import under_way


def look_for_long_runs(sight: Sight) -> None:
    """Tell of each run that has taken too long: once, or as often as `repeat` says."""
    for job in sight.jobs.values():
        if job.long_after is None or not job.long_running:
            continue
        noted = read_under_way(sight.host.layout.runs, job.id)
        if noted is None or not _is_too_long(sight, job, noted):
            sight.of(job.id).pop("long", None)
            continue
        told = sight.of(job.id).get("long") or {}
        at = moment_of(told.get("at"))
        is_told = told.get("run") == noted.id and at is not None
        if is_told and not (job.repeat and at and sight.now - at >= job.repeat):
            continue
        # systemd is asked last: the note may be stale, most are not even too long.
        if (run := under_way(sight.host, job.id)) is not None and run.id == noted.id:
            _tell(sight, job, run)


def as_run(job_id: str, noted: UnderWay) -> Run:
    """Return a run that is under way as others are."""
    return Run(
        id=noted.id,
        job=job_id,
        generation=noted.generation,
        trigger=noted.trigger,
        by=noted.by,
        scheduled_for=noted.scheduled_for,
        start=noted.start,
        end=None,
        ending=noted.ending,
        exit=Exit(),
        cpu=None,
        memory_peak=None,
        invocation_ids=(noted.invocation_id,),
        boot_id="",
        trigger_runs=noted.trigger_runs,
        retry_of=noted.retry_of,
        max_attempts=noted.max_attempts,
    )


def _is_too_long(sight: Sight, job: WatchedJob, noted: UnderWay) -> bool:
    waits_to_begin = noted.waiting and noted.attempt == 1 and noted.retry_at is None
    is_long = sight.now - _began(noted) >= (job.long_after or timedelta())
    return is_long and not waits_to_begin and not noted.skipped


def _began(noted: UnderWay) -> datetime:
    return noted.start + noted.waited


def _tell(sight: Sight, job: WatchedJob, noted: UnderWay) -> None:
    from debvisor_timers.operations.notifying.audience import log_of  # noqa: PLC0415 - now and then

    run = as_run(job.id, noted)
    took = sight.now - _began(noted)
    more = {
        **run_document(run),
        "attempts": noted.attempt,
        "running_for_seconds": round(took.total_seconds()),
        "log": list(log_of(sight.host, run)),
    }
    sight.tell(EventKind.LONG_RUNNING, job, job.long_running, more)
    sight.of(job.id)["long"] = {"run": noted.id, "at": sight.now.isoformat()}
