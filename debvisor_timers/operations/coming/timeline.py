# SPDX-License-Identifier: Apache-2.0
"""timeline: the runs of a day or a week, past and to come, and how many start in each quarter."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from math import inf
from zoneinfo import ZoneInfo

from debvisor_timers.errors import UsageError
from debvisor_timers.history.buckets import midnight
from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.outcome import UNDER_WAY, RunOutcome
from debvisor_timers.jobs.load import Definitions, load_definitions
from debvisor_timers.jobs.model import Job
from debvisor_timers.operations.coming.constant import QUARTER, Span, constant_jobs
from debvisor_timers.operations.coming.delays import jitter_of
from debvisor_timers.operations.coming.elapses import MOST, Interval
from debvisor_timers.operations.coming.skips import Skips
from debvisor_timers.operations.coming.told import Told, told
from debvisor_timers.operations.coming.upcoming import Calendars, Upcoming, chosen_jobs, with_skips
from debvisor_timers.operations.host import Host

_INSTANT = timedelta(microseconds=1)
_EARLIEST, _LATEST = 1971, 2198


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A job with its past runs and those to come, each ascending.

    starts: how many there are of both: a skip of several elapses counts as so many, and of those
    to come such as are going to be skipped count too. runs: none where it runs in every quarter of
    an hour. enabled: False for a job that is disabled, or is not defined any more (is_gone).
    """

    job_id: str
    enabled: bool
    starts: int
    runs: tuple[Upcoming, ...]
    past: tuple[RunFigures, ...] = ()
    is_gone: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarter:
    """How many runs start in 15 minutes from `start` on, and of which jobs.

    A run to come whose start is not known counts by the share of its window that lies in the
    quarter.
    """

    start: datetime
    load: float
    jobs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The runs from `start` to `end`: aware, UTC; midnights in `zone`, the host's.

    now: when this was asked for. What lies before it is told by history, unless one of `notes` says
    that nobody may read that. constant: jobs that run in every quarter of an hour; they are left
    out of the load. cut: jobs that run so often that their last runs are missing.
    """

    start: datetime
    end: datetime
    now: datetime
    zone: str
    rows: tuple[Row, ...]
    quarters: tuple[Quarter, ...]
    constant: tuple[str, ...]
    cut: tuple[str, ...]
    notes: tuple[str, ...] = ()
    is_by_calendar: bool = False


def timeline(host: Host, names: Sequence[str], *, day: datetime, days: int = 1) -> Timeline:
    """Return the runs of the jobs `names`, or of all, on the day that `day` lies in.

    days: 7 for its week, from Monday on. Of jobs that are not named, the enabled ones are there,
    and those that ran in that time, whether they are still defined or not. Raises NotFoundError for
    an unknown job, DefinitionError when the files are wrong, UsageError for a day that systemd
    cannot compute.
    """
    zone, now = host.clock.zone(), host.clock.now()
    start, end = _bounds(day, days, zone)
    definitions = load_definitions(host.layout.config).require()
    span = Span(start=start, end=end)
    past = told(host, definitions, names, span)
    jobs = _jobs(definitions, names, past)
    # Of a disabled job that has run, nothing is to come, unless somebody asks what would.
    ahead = [job for job in jobs if job.enabled or names]
    coming = coming_runs(host, definitions, ahead, span, told_until=past.until)
    often = Counter(run.job_id for run in coming.runs)
    rows = rows_of(jobs, coming, past)
    return Timeline(
        start=start,
        end=end,
        now=now,
        zone=zone,
        rows=tuple(sorted(rows, key=lambda row: _order(row, coming.constant))),
        quarters=quarters(rows, coming.constant, span),
        constant=tuple(sorted(coming.constant)),
        cut=tuple(sorted(job_id for job_id, number in often.items() if number >= MOST)),
        notes=past.notes,
        is_by_calendar=past.is_unreadable,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Coming:
    """The runs to come of some jobs, ascending.

    constant: how many there are of each job that runs in every quarter of an hour; these are not
    among `runs`.
    """

    constant: Mapping[str, int]
    runs: Sequence[Upcoming]


def coming_runs(
    host: Host, definitions: Definitions, jobs: Sequence[Job], span: Span, *, told_until: datetime
) -> Coming:
    """Return the runs of `jobs` that start at `told_until` or after it, or may do so.

    span: the time in which they lie, and in all of whose quarters of an hour a constant job runs.
    """
    reach = max((jitter_of(job) for job in jobs), default=timedelta())
    within = Interval(after=span.start - reach - _INSTANT, until=span.end)
    calendars = Calendars.ask(host, jobs, within)
    skips = Skips.between(host, definitions, after=span.start, until=span.end + reach)
    constant = constant_jobs(calendars, skips, jobs, span, counted_from=told_until)
    others = [job for job in jobs if job.id not in constant]
    runs = [
        run
        for run in (calendars.runs(others) if told_until < span.end else ())
        if run.at >= told_until or run.latest > told_until
    ]
    return Coming(constant=constant, runs=with_skips(skips, definitions, runs))


def _bounds(day: datetime, days: int, zone: str) -> tuple[datetime, datetime]:
    if not _EARLIEST <= day.year <= _LATEST:
        local = day.astimezone(zone_of(zone)) if 1 < day.year < 9999 else day
        raise UsageError(
            f"{local:%Y-%m-%d} is too far away",
            fix=f"systemd computes from {_EARLIEST} to {_LATEST}",
        )
    first = day.astimezone(zone_of(zone)).date()
    if days == 7:
        first -= timedelta(days=first.weekday())
    end = first + timedelta(days=days)
    return midnight(first, zone_of(zone)), midnight(end, zone_of(zone))


def zone_of(name: str) -> tzinfo:
    """Return the time zone of that name."""
    return UTC if name == "UTC" else ZoneInfo(name)


def end_of(run: RunFigures, now: float) -> float:
    """Return when a past run ended; now for one that is under way, its start where nobody knows."""
    if run.duration is not None:
        return run.start + run.duration
    return max(now, run.start) if run.outcome in UNDER_WAY else run.start


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """The quarter in which most runs of some jobs start, and in how many others they meet again."""

    quarter: Quarter
    more: int


def busiest(several: Iterable[Quarter], count: int) -> list[Crowd]:
    """Return the `count` worst quarters in which runs of several jobs start, the worst first."""
    crowds: dict[tuple[str, ...], list[Quarter]] = {}
    for quarter in several:
        if len(quarter.jobs) > 1 and quarter.load > 1:
            crowds.setdefault(quarter.jobs, []).append(quarter)
    found = [
        Crowd(quarter=max(some, key=lambda each: each.load), more=len(some) - 1)
        for some in crowds.values()
    ]
    return sorted(found, key=lambda crowd: (-crowd.quarter.load, crowd.quarter.start))[:count]


def _jobs(definitions: Definitions, names: Sequence[str], past: Told) -> list[Job]:
    if names:
        known = [name for name in names if name not in past.gone]
        return chosen_jobs(definitions, known) if known else []
    jobs = definitions.jobs.values()
    return [job for job in jobs if job.enabled or job.id in past.runs]


def rows_of(jobs: Iterable[Job], coming: Coming, past: Told) -> list[Row]:
    """Return a row for each of `jobs`, and for each job with runs that is defined no longer."""
    found: dict[str, list[Upcoming]] = {}
    for run in coming.runs:
        # What may start now has perhaps started already.
        if run.at >= past.until or not _has_begun(past.runs.get(run.job_id, ()), run):
            found.setdefault(run.job_id, []).append(run)
    rows = [
        Row(
            job_id=job.id,
            enabled=job.enabled,
            starts=(coming.constant.get(job.id) or len(found.get(job.id, ())))
            + _count(past.runs.get(job.id, ())),
            runs=tuple(found.get(job.id, ())),
            past=past.runs.get(job.id, ()),
        )
        for job in jobs
    ]
    gone = [job_id for job_id in past.gone if job_id in past.runs]
    return rows + [
        Row(
            job_id=job_id,
            enabled=False,
            starts=_count(past.runs[job_id]),
            runs=(),
            past=past.runs[job_id],
            is_gone=True,
        )
        for job_id in gone
    ]


def _count(past: Iterable[RunFigures]) -> int:
    return sum(run.elapses for run in past)


def _has_begun(past: Sequence[RunFigures], run: Upcoming) -> bool:
    return bool(past) and past[-1].start >= run.at.timestamp()


def _order(row: Row, constant: Container[str]) -> tuple[bool, bool, float, str]:
    """Sort by the first start; jobs that run all the time and such as do not run come last."""
    starts = [run.at.timestamp() for run in row.runs[:1]] + [run.start for run in row.past[:1]]
    return (not row.starts, row.job_id in constant, min(starts, default=inf), row.job_id)


def quarters(rows: Iterable[Row], constant: Container[str], span: Span) -> tuple[Quarter, ...]:
    """Return how many runs start in each quarter of an hour of `span`."""
    load, jobs = [0.0] * span.quarters, [dict[str, None]() for _ in range(span.quarters)]
    for row in rows:
        for number, share in _starts(row, span.start) if row.job_id not in constant else ():
            if 0 <= number < span.quarters:
                load[number] += share
                jobs[number][row.job_id] = None
    return tuple(
        Quarter(start=span.start + number * QUARTER, load=round(load[number], 6), jobs=tuple(names))
        for number, names in enumerate(jobs)
    )


def _starts(row: Row, start: datetime) -> Iterator[tuple[int, float]]:
    """Yield the quarters from `start` on in which runs start, each with how likely that is."""
    begin, length = start.timestamp(), QUARTER.total_seconds()
    for past in row.past:
        if past.outcome is not RunOutcome.SKIPPED:
            yield int((past.start - begin) // length), 1.0
    for run in filter(_takes_place, row.runs):
        yield from _shares(run, start)


def _takes_place(run: Upcoming) -> bool:
    return run.enabled and not run.skipped


def _shares(run: Upcoming, start: datetime) -> Iterator[tuple[int, float]]:
    """Yield the quarters in which `run` may start, each with how likely that is."""
    number = (run.at - start) // QUARTER
    window = run.latest - run.at
    if not window:
        yield number, 1.0
        return
    while (begin := start + number * QUARTER) < run.latest:
        inside = min(run.latest, begin + QUARTER) - max(run.at, begin)
        yield number, inside / window
        number += 1
