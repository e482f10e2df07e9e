# SPDX-License-Identifier: Apache-2.0
"""backfill: which times of a job's calendar are to be made up for."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from debvisor_timers.calendar.exclusions import Exclusions
from debvisor_timers.errors import RefusedError, UsageError
from debvisor_timers.history.filter import RunFilter
from debvisor_timers.history.outcome import UNDER_WAY, RunOutcome, Trigger
from debvisor_timers.history.runs import Run
from debvisor_timers.jobs.load import Definitions, load_definitions
from debvisor_timers.jobs.model import Job
from debvisor_timers.operations.coming.delays import jitter_of, known_delays
from debvisor_timers.operations.coming.elapses import elapses_until
from debvisor_timers.operations.coming.skips import Skips
from debvisor_timers.operations.holding.progress import read_progress
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.jobs import applied_service, find_job
from debvisor_timers.operations.past.history import as_noted
from debvisor_timers.operations.past.past import open_past
from debvisor_timers.render.timer import calendar_lines

MOST = 10_000
"""So many times are made up for by one command."""
_LATE = timedelta(minutes=1)
"""A timer may fire so much later than its elapse: PID 1 can be busy."""
_SECOND = timedelta(seconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Times:
    """Which times are meant: from `since` on, before `until`; None: up to now.

    only_missed: not those of which history has a run that succeeded, or that is under way.
    again: also those that a backfill which was cut off has made up for.
    """

    since: datetime
    until: datetime | None = None
    only_missed: bool = False
    again: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class JobSlots:
    """The times of one job, ascending, and how many are left out.

    done: by a backfill that was cut off; stopped: when that began, None for none. completed: with a
    run that succeeded. excluded: on days that the schedule leaves out.
    """

    job_id: str
    slots: tuple[datetime, ...]
    done: int = 0
    stopped: datetime | None = None
    completed: int = 0
    excluded: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BackfillPlan:
    """What a backfill runs: of each job its times; since, until: of what part of the calendar."""

    since: datetime
    until: datetime
    jobs: tuple[JobSlots, ...]
    again: bool = False

    @property
    def total(self) -> int:
        """Return how many runs that are."""
        return sum(len(job.slots) for job in self.jobs)


def plan_backfill(host: Host, names: Sequence[str], times: Times) -> BackfillPlan:
    """Return which times of the jobs `names` are to be made up for.

    By the calendar that the YAML has today. Raises UsageError, NotFoundError, RefusedError for a
    job without a schedule, or that is not applied.
    """
    if not names:
        raise UsageError("no job is named", fix="write the id of one, or several")
    now = host.clock.now()
    since, until = times.since, min(times.until or now, now)
    if since >= until:
        what = "lies in the future" if since >= now else "is not before --to"
        raise UsageError(
            f"--from, {since.isoformat()}, {what}",
            fix="name a time that has passed, and a later one",
        )
    definitions = load_definitions(host.layout.config)
    jobs = [_scheduled_job(host, definitions, name) for name in dict.fromkeys(names)]
    planned = [_slots(host, definitions, job, times, (since, until)) for job in jobs]
    plan = BackfillPlan(since=since, until=until, jobs=tuple(planned), again=times.again)
    if plan.total > MOST:
        raise UsageError(
            f"that is more than {MOST} runs: {plan.total}", fix="choose a shorter time"
        )
    return plan


def _scheduled_job(host: Host, definitions: Definitions, name: str) -> Job:
    job = find_job(definitions, name)
    applied_service(host, name)
    if job.schedule is None:
        raise RefusedError(
            f"job {name!r} has no schedule: there are no times that it could have missed",
            fix=f"run it with `debvisor-timers run {name}`",
        )
    return job


def _slots(
    host: Host,
    definitions: Definitions,
    job: Job,
    times: Times,
    within: tuple[datetime, datetime],
) -> JobSlots:
    since, until = within
    elapses = _elapses(host, job, since, until)
    inside = [at for at in elapses if since <= at < until]
    wanted = _not_excluded(host, definitions, job, inside)
    progress = None if times.again else read_progress(host.layout.backfills / job.id)
    done = progress.done.intersection(wanted) if progress else set()
    completed: Collection[datetime] = ()
    if times.only_missed:
        completed = _completed(host, job, elapses, since).intersection(wanted) - done
    return JobSlots(
        job_id=job.id,
        slots=tuple(at for at in wanted if at not in done and at not in completed),
        done=len(done),
        stopped=progress.begun if progress and done else None,
        completed=len(completed),
        excluded=len(inside) - len(wanted),
    )


def _elapses(host: Host, job: Job, since: datetime, until: datetime) -> list[datetime]:
    """Return the elapses from `since` on, some behind `until` included."""
    lines = calendar_lines(job, host.clock.zone())
    further = until + jitter_of(job) + 2 * _LATE
    # systemd tells what comes strictly after a whole second.
    answers = elapses_until(host, lines, after=since - _SECOND, until=further)
    return sorted({at for answer in answers.values() for at in answer.elapses})


def _not_excluded(
    host: Host, definitions: Definitions, job: Job, times: Iterable[datetime]
) -> list[datetime]:
    exclude = job.schedule.exclude if job.schedule else ()
    if not exclude:
        return list(times)
    skips = Skips(
        host_zone=host.clock.zone(),
        exclusions={job.id: Exclusions.of(exclude, definitions.calendars)},
        windows=(),
    )
    return [at for at in times if not skips.of(job, scheduled=at, start=at, latest=at)]


def _completed(host: Host, job: Job, elapses: Sequence[datetime], since: datetime) -> set[datetime]:
    """Return the elapses of which history has a run that succeeded, or that is under way."""
    wanted = RunFilter(jobs=(job.id,), since=since)
    with open_past(host, jobs=[job.id]) as past:
        runs = [as_noted(host, run) for run in past.runs(wanted)]
    by_id = {run.id: run for run in runs}
    delay = known_delays(host, [job]).get(job.id) if jitter_of(job) else timedelta()
    good = [run for run in runs if run.outcome in {RunOutcome.SUCCEEDED, *UNDER_WAY}]
    found = (_elapse_of(_original(run, by_id), elapses, delay, jitter_of(job)) for run in good)
    return {at for at in found if at is not None}


def _original(run: Run, runs: Mapping[str, Run]) -> Run:
    """Return the run that this one repeats, if it does, by however many retries."""
    seen = {run.id}
    while run.retry_of in runs and run.retry_of not in seen:
        run = runs[run.retry_of]
        seen.add(run.id)
    return run


def _elapse_of(
    run: Run, elapses: Sequence[datetime], delay: timedelta | None, jitter: timedelta
) -> datetime | None:
    """Return the elapse that a run was for: its timer fired later, by the jitter at the most."""
    scheduled = run.scheduled_for or (run.start if run.trigger is Trigger.TIMER else None)
    if scheduled is None:
        return None
    is_exact = run.trigger in {Trigger.BACKFILL, Trigger.CATCH_UP}
    if is_exact or delay is None:
        return _newest(elapses, scheduled, timedelta() if is_exact else jitter)
    # The delay of today; where it was another one then, it was no longer than the jitter.
    found = _newest(elapses, scheduled - delay, timedelta())
    return found or _newest(elapses, scheduled, jitter)


def _newest(elapses: Sequence[datetime], until: datetime, longest: timedelta) -> datetime | None:
    """Return the newest elapse up to `until`, if it is not much longer ago than `longest`."""
    number = bisect_right(elapses, until) - 1
    is_near = number >= 0 and until - elapses[number] <= longest + _LATE
    return elapses[number] if is_near else None
