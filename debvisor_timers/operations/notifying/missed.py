# SPDX-License-Identifier: Apache-2.0
"""Times of schedules at which nothing began: while the host was off, or the timer stopped.

Cheap for jobs that run as they should: what each timer waits for is remembered, and when that time
has passed, the notes of runs tell that one has begun. Only where they do not is the journal read.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from debvisor_timers.history.document import iso
from debvisor_timers.history.outcome import RunOutcome, Trigger
from debvisor_timers.history.runs import Run
from debvisor_timers.layout import TARGET
from debvisor_timers.notify.kinds import EventKind
from debvisor_timers.operations.applying.recover import generations
from debvisor_timers.operations.coming.elapses import elapses_until
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.notifying.disabled import States
from debvisor_timers.operations.notifying.sight import Sight, moment_of
from debvisor_timers.operations.notifying.watched import WatchedJob
from debvisor_timers.operations.runs.newest import newest_runs
from debvisor_timers.render.names import service_unit, timer_unit
from debvisor_timers.render.ownership import read_ownership
from debvisor_timers.render.unitfile import UnitFile
from debvisor_timers.systemd.ports import ActiveState, FileEntry

_EARLY = timedelta(seconds=2)
_MOST = 1024
_LOOK_BACK = 100
_MADE_UP = {Trigger.CATCH_UP, Trigger.BACKFILL}


def look_for_missed(sight: Sight, states: States) -> None:
    """Tell of the times at which a job was due and has not begun; those of one look as one."""
    wanted = [job for job in sight.jobs.values() if job.missed]
    if not wanted:
        return
    if states.get(TARGET) is not ActiveState.ACTIVE:
        for job in wanted:  # somebody has stopped all of them, and knows
            sight.of(job.id).pop("next", None)
        return
    timers = {job.id: timer_unit(job.id) for job in wanted if job.enabled and job.has_schedule}
    armed = sight.host.manager.next_elapses(timers.values())
    booted = sight.host.manager.booted()
    for job in wanted:
        seen, timer = sight.of(job.id), timers.get(job.id, "")
        expected, coming = moment_of(seen.get("next")), armed.get(timer)
        has_passed = expected is not None and (coming is None or coming > expected)
        if timer and expected and has_passed:
            least = max(expected + job.missed_after, booted + 2 * job.missed_after) + job.jitter
            if sight.now < least or _is_starting(sight.host, job.id):
                continue  # it may be about to begin
            # Of several that came while the host was off, a later run is no trace.
            if expected < booted or not _has_trace(sight.host, job.id, expected):
                _look(sight, job, expected)
        if coming is None:
            seen.pop("next", None)
        else:
            seen["next"] = coming.isoformat()


def _is_starting(host: Host, job_id: str) -> bool:
    """Return True while the start of the job is queued: it waits for another unit of systemd."""
    return any(unit.job == "start" for unit in host.manager.units(service_unit(job_id)))


def _has_trace(host: Host, job_id: str, at: datetime) -> bool:
    """Return True when a run is under way, or one has ended or was skipped since `at`."""
    if (host.layout.runs / job_id).exists():
        return True
    ended = _written(host.layout.ended / job_id)
    return ended is not None and ended >= at - _EARLY


def _written(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return None


def _look(sight: Sight, job: WatchedJob, expected: datetime) -> None:
    """Tell of the elapses since the one that was expected that have no run."""
    entry = sight.host.units.entry(timer_unit(job.id))
    ownership = read_ownership(entry.text) if isinstance(entry, FileEntry) else None
    if not isinstance(entry, FileEntry) or ownership is None:
        return
    # Nobody knows the calendars before.
    since = generations(sight.host).applied_by(ownership.generation)
    begin = max(filter(None, (expected - job.jitter - _EARLY, since)))
    end = sight.now - _slack(job)
    if begin >= end:
        return
    lines = UnitFile.parse(entry.text).get("Timer", "OnCalendar")
    answers = elapses_until(sight.host, lines, after=begin, until=end, most=_MOST)
    elapses = sorted({at for one in answers.values() for at in one.elapses if begin < at <= end})
    runs = newest_runs(sight.host, job.id, _LOOK_BACK)
    if any(run.trigger in _MADE_UP and run.start >= begin for run in runs):
        return
    if missed := [at for at in elapses if not _began(runs, at, _slack(job))]:
        sight.tell(EventKind.MISSED, job, job.missed, _words(missed))


def _slack(job: WatchedJob) -> timedelta:
    """Return how much later than its time a run may begin."""
    return job.missed_after + job.jitter


def _began(runs: Iterable[Run], at: datetime, slack: timedelta) -> bool:
    """Return True when a run began for the elapse, it was skipped, or came while one went on."""
    for run in runs:
        if run.scheduled_for and run.outcome is RunOutcome.SKIPPED:
            last = run.last_scheduled_for or run.scheduled_for
            if run.scheduled_for - _EARLY <= at <= last + _EARLY:
                return True
        end = max(run.end or datetime.max.replace(tzinfo=UTC), run.start)
        if run.outcome is RunOutcome.LOST:
            end = run.start
        if run.start - slack <= at <= end + _EARLY:
            return True
    return False


def _words(missed: Sequence[datetime]) -> Mapping[str, object]:
    first, last = missed[0], missed[-1]
    if len(missed) == 1:
        text = f"It was due at {iso(first)}, and no run has begun."
    else:
        most = "at least " if len(missed) >= _MOST else ""
        text = (
            f"It was due {most}{len(missed)} times from {iso(first)} to {iso(last)},"
            " and no run has begun."
        )
    return {
        "text": text,
        "scheduled_for": iso(first),
        "last_scheduled_for": iso(last),
        "count": len(missed),
    }
