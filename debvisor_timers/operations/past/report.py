# SPDX-License-Identifier: Apache-2.0
"""report: a digest over all jobs: what went wrong, what may, and what nobody noticed."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from debvisor_timers.errors import UsageError
from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.filter import RunFilter
from debvisor_timers.history.last import read_last
from debvisor_timers.history.outcome import RunOutcome, Trigger
from debvisor_timers.history.report import (
    Failed,
    Flaky,
    Missed,
    Sums,
    between,
    by_job,
    failed_jobs,
    flaky_jobs,
    missed_runs,
    sums_of,
)
from debvisor_timers.history.runs import Run
from debvisor_timers.jobs.load import Definitions, load_definitions
from debvisor_timers.jobs.words import schedule_words
from debvisor_timers.operations.coming.calendars import calendar_answers, first_elapse
from debvisor_timers.operations.coming.constant import QUARTER, Span
from debvisor_timers.operations.coming.timeline import (
    Crowd,
    busiest,
    coming_runs,
    quarters,
    rows_of,
)
from debvisor_timers.operations.coming.told import Told
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.past.past import open_past
from debvisor_timers.operations.past.trends import FAR, Slow, Strange, slow_jobs, strange_runs
from debvisor_timers.operations.past.unseen import unseen_elapses
from debvisor_timers.render.location import REPORT, find_templates

_AHEAD = timedelta(days=7)
_CROWDS, _FEWEST = 3, 3
_EARLIER = timedelta(days=1)
"""Runs that began so long before the period may go on in it."""
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class NeverRan:
    """An enabled job that nobody has seen running; schedule: in words, empty for none."""

    job: str
    schedule: str
    next_start: datetime | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Report:
    """What is to be told of the time from `since` to `until`: aware, UTC.

    zone: the host's. names: what users call their jobs, where they gave a name. jobs: how many are
    defined. sums: of the period; before: of one as long before it. crowds: of the days after `now`.
    not_looked_at: jobs of whose elapses nobody knows whether each began a run. notes: what else a
    person should know.
    """

    since: datetime
    until: datetime
    now: datetime
    zone: str
    jobs: int
    names: Mapping[str, str]
    sums: Sums
    before: Sums
    failed: tuple[Failed, ...]
    flaky: tuple[Flaky, ...]
    missed: tuple[Missed, ...]
    slow: tuple[Slow, ...]
    strange: tuple[Strange, ...]
    never_ran: tuple[NeverRan, ...]
    crowds: tuple[Crowd, ...]
    not_looked_at: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def is_well(self) -> bool:
        """Return whether there is nothing that wants a look."""
        missed = any(one.lost or one.unseen for one in self.missed)
        return not (self.failed or self.flaky or self.slow or missed)


def report(host: Host, *, since: datetime, until: datetime) -> Report:
    """Return the digest of all jobs for the runs that began from `since` on, before `until`.

    Files that are wrong hide only their own jobs. Raises UsageError for a period that has not
    begun, or has no length; SystemdError or PermissionRefusedError when nobody may read the past.
    """
    now = host.clock.now()
    _require(since, until, now)
    definitions = load_definitions(host.layout.config)
    looked = _look(host, since, until)
    of_period = between(looked.runs, since.timestamp(), until.timestamp())
    length = until - since
    before = between(looked.runs, (since - length).timestamp(), since.timestamp())
    unseen = unseen_elapses(
        host,
        definitions.jobs.values(),
        looked.runs,
        [*looked.skips, *looked.made_up],
        Span(start=since, end=min(until, now)),
    )
    return Report(
        since=since,
        until=until,
        now=now,
        zone=host.clock.zone(),
        jobs=len(definitions.jobs),
        names={job.id: job.name for job in definitions.jobs.values() if job.name},
        sums=sums_of(of_period),
        before=sums_of(before),
        failed=failed_jobs(of_period),
        flaky=flaky_jobs(of_period),
        missed=missed_runs(of_period, unseen.elapses),
        slow=slow_jobs(looked.runs, definitions.jobs, since=since, until=until),
        strange=strange_runs(looked.runs, since=since, until=until),
        never_ran=_never_ran(host, definitions, looked, now),
        crowds=_crowds(host, definitions, now),
        not_looked_at=unseen.not_looked_at,
        notes=(*_problems(definitions), *looked.notes, *unseen.notes),
    )


def report_template() -> Path:
    """Return the file with the HTML of a report; not one that administrators replace."""
    return find_templates() / REPORT


def _require(since: datetime, until: datetime, now: datetime) -> None:
    if since >= min(until, now):
        what = "ends before it begins" if since >= until else "has not begun yet"
        raise UsageError(
            f"the time of the report {what}",
            fix="write --since 7d, or a time that is past, and before --until",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class _Looked:
    """What the past has: by job the runs of the period, and of the time before it.

    made_up: runs that were made for elapses which had passed.
    """

    runs: Mapping[str, Sequence[RunFigures]]
    skips: Sequence[Run]
    made_up: Sequence[Run]
    newest: Mapping[str, RunFigures]
    notes: tuple[str, ...]


def _look(host: Host, since: datetime, until: datetime) -> _Looked:
    length = until - since
    with open_past(host) as past:
        skipped = frozenset({RunOutcome.SKIPPED})
        good = frozenset({RunOutcome.SUCCEEDED})
        filled = frozenset({Trigger.BACKFILL})
        # With a microsecond more, a run of this very moment counts.
        end = min(until, host.clock.now() + _INSTANT)
        start = min(since - length, since - _EARLIER, until - FAR)
        return _Looked(
            runs=by_job(past.figures(RunFilter(since=start, until=end))),
            # The record of a skip comes after what it tells of.
            skips=past.runs(RunFilter(since=since, outcomes=skipped)),
            made_up=past.runs(RunFilter(since=since, outcomes=good, triggers=filled)),
            newest=past.newest(),
            notes=past.notes,
        )


def _never_ran(
    host: Host, definitions: Definitions, looked: _Looked, now: datetime
) -> tuple[NeverRan, ...]:
    jobs = [
        job
        for job in definitions.jobs.values()
        if job.enabled
        and job.id not in looked.newest
        and not _has_begun(looked.runs.get(job.id, ()))
        and not read_last(host.layout.last, job.id)
    ]
    answers = calendar_answers(host, jobs, after=now)
    return tuple(
        NeverRan(job=job.id, schedule=schedule_words(job), next_start=first_elapse(answers[job.id]))
        for job in sorted(jobs, key=lambda each: each.id)
    )


def _has_begun(runs: Iterable[RunFigures]) -> bool:
    """Return whether one of `runs` is no skip: perhaps the first of a job, which goes on."""
    return any(run.outcome is not RunOutcome.SKIPPED for run in runs)


def _crowds(host: Host, definitions: Definitions, now: datetime) -> tuple[Crowd, ...]:
    """Return the worst quarters of the days to come in which several jobs start."""
    jobs = [job for job in definitions.jobs.values() if job.enabled]
    start = now - timedelta(seconds=now.timestamp() % QUARTER.total_seconds())
    span = Span(start=start, end=start + _AHEAD)
    coming = coming_runs(host, definitions, jobs, span, told_until=now)
    rows = rows_of(jobs, coming, Told(until=now))
    crowds = busiest(quarters(rows, coming.constant, span), _CROWDS)
    return tuple(crowd for crowd in crowds if crowd.quarter.load >= _FEWEST)


def _problems(definitions: Definitions) -> Iterable[str]:
    errors = sum(problem.is_error for problem in definitions.problems)
    if errors:
        yield f"the job files have errors ({errors}), some jobs are missing: debvisor-timers check"
