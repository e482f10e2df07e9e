# SPDX-License-Identifier: Apache-2.0
"""timeline: what history tells of the time before now."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from debvisor_timers.errors import PermissionRefusedError, SystemdError
from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.filter import RunFilter
from debvisor_timers.history.outcome import UNDER_WAY
from debvisor_timers.jobs.load import Definitions
from debvisor_timers.jobs.model import Job
from debvisor_timers.operations.coming.constant import Span
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.past.past import Past, open_past
from debvisor_timers.operations.unknown import unknown_job

_INSTANT = timedelta(microseconds=1)
_USUAL = timedelta(days=1)
"""Runs that began so long before a time, and reach into it, are looked for of each job."""
_LONGEST = timedelta(days=31)
"""And so long before of those that may take longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Told:
    """What history tells of a time.

    runs: by job those that lie in it, or reach into it, ascending. until: what starts later is told
    by calendars; the begin of the time where nobody may read the history, or there is none yet.
    gone: jobs that have runs and are defined no longer. notes: sentences for a person.
    """

    until: datetime
    runs: Mapping[str, tuple[RunFigures, ...]] = field(default_factory=dict)
    gone: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    is_unreadable: bool = False


def told(host: Host, definitions: Definitions, names: Sequence[str], span: Span) -> Told:
    """Return what history tells of `span`, of the jobs `names` or of all.

    Raises NotFoundError for a name that neither the YAML nor the history knows.
    """
    now = host.clock.now()
    strange = [name for name in names if name not in definitions.jobs]
    if span.start > now and not strange:
        return Told(until=span.start)
    try:
        with open_past(host, jobs=names or None) as past:
            gone = _gone(definitions, names, past.jobs())
            runs = _runs(past, definitions, names, span, now)
            notes = past.notes
    except (PermissionRefusedError, SystemdError) as error:
        note = f"past runs are shown as the calendars have them: {error.message}"
        return Told(until=span.start, notes=(note,), is_unreadable=True)
    until = min(max(now + _INSTANT, span.start), span.end)
    return Told(until=until, runs=runs, gone=gone, notes=notes)


def _gone(
    definitions: Definitions, names: Sequence[str], have_runs: Iterable[str]
) -> tuple[str, ...]:
    gone = tuple(job_id for job_id in have_runs if job_id not in definitions.jobs)
    for name in names:
        if name not in definitions.jobs and name not in gone:
            raise unknown_job(name, definitions.jobs)
    return tuple(job_id for job_id in gone if not names or job_id in names)


def _runs(
    past: Past, definitions: Definitions, names: Sequence[str], span: Span, now: datetime
) -> dict[str, tuple[RunFigures, ...]]:
    until = min(span.end, now + _INSTANT)
    found: dict[str, dict[str, RunFigures]] = {}
    for wanted in _questions(definitions, tuple(names) or None, span.start, until):
        for run in past.figures(wanted):
            if _reaches_into(run, span.start.timestamp()):
                found.setdefault(run.job, {})[run.id] = run
    return {
        job_id: tuple(sorted(some.values(), key=lambda run: run.start))
        for job_id, some in found.items()
    }


def _questions(
    definitions: Definitions, jobs: tuple[str, ...] | None, start: datetime, until: datetime
) -> Iterator[RunFilter]:
    """Yield what to ask for: few jobs may take so long that one has to look far back."""
    yield RunFilter(jobs=jobs, since=start - _USUAL, until=until)
    yield RunFilter(jobs=jobs, outcomes=UNDER_WAY, until=until)
    some = definitions.jobs.values() if jobs is None else map(definitions.jobs.get, jobs)
    if long := tuple(job.id for job in some if job and _may_last(job)):
        yield RunFilter(jobs=long, since=start - _LONGEST, until=start - _USUAL)


def _may_last(job: Job) -> bool:
    """Return True when a run of `job` may take longer than is usual."""
    if job.total_timeout is not None:
        return job.total_timeout > _USUAL
    if job.timeout is None:
        return True
    delays = sum(job.retries.delays, timedelta())
    return job.timeout * (job.retries.max + 1) + delays > _USUAL


def _reaches_into(run: RunFigures, start: float) -> bool:
    is_under_way = run.outcome in UNDER_WAY
    return is_under_way or run.start >= start or run.start + (run.duration or 0) > start
