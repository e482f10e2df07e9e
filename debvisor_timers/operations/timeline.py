# SPDX-License-Identifier: Apache-2.0
"""timeline: the runs of a day or a week, cut into cells, and how many start in each quarter."""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter, defaultdict
from collections.abc import Container, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from zoneinfo import ZoneInfo

from debvisor_timers.errors import UsageError
from debvisor_timers.jobs.load import load_definitions
from debvisor_timers.jobs.model import Job
from debvisor_timers.operations.constant import QUARTER, Span, constant_jobs
from debvisor_timers.operations.delays import jitter_of
from debvisor_timers.operations.elapses import MOST, Interval
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.skips import Skips
from debvisor_timers.operations.upcoming import Calendars, Upcoming, chosen_jobs, with_skips

_INSTANT = timedelta(microseconds=1)
_EARLIEST, _LATEST = 1971, 2198


@dataclass(frozen=True, slots=True, kw_only=True)
class Row:
    """A job and its runs, ascending; none where it runs in every quarter of an hour.

    starts: how many runs its calendar has in that time, such as are skipped too.
    """

    job_id: str
    enabled: bool
    starts: int
    runs: tuple[Upcoming, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Quarter:
    """How many runs start in 15 minutes from `start` on, and of which jobs.

    A run whose start is not known counts by the share of its window that lies in the quarter.
    """

    start: datetime
    load: float
    jobs: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Timeline:
    """The runs from `start` to `end`: aware, UTC; midnights in `zone`, the host's.

    constant: jobs that run in every quarter of an hour; they are left out of the load.
    cut: jobs that run so often that their last runs are missing.
    """

    start: datetime
    end: datetime
    zone: str
    rows: tuple[Row, ...]
    quarters: tuple[Quarter, ...]
    constant: tuple[str, ...]
    cut: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cell:
    """What a job does in one cell.

    starts: how many of its runs start in it, known or by the calendar alone. is_window: it has no
    known start here, but may start here. skipped: a run that will not take place.
    """

    starts: int = 0
    is_window: bool = False
    skipped: bool = False


def timeline(host: Host, names: Sequence[str], *, day: datetime, days: int = 1) -> Timeline:
    """Return the runs of the jobs `names`, or of all enabled ones, on the day that `day` lies in.

    days: 7 for its week, from Monday on. Raises NotFoundError for an unknown job, DefinitionError
    when the files are wrong, UsageError for a day that systemd cannot compute.
    """
    zone = host.clock.zone()
    start, end = _bounds(day, days, zone)
    definitions = load_definitions(host.layout.config).require()
    jobs = chosen_jobs(definitions, names)
    reach = max((jitter_of(job) for job in jobs), default=timedelta())
    within = Interval(after=start - reach - _INSTANT, until=end)
    calendars = Calendars.ask(host, jobs, within)
    skips = Skips.between(host, definitions, after=start, until=end + reach)
    constant = constant_jobs(calendars, skips, jobs, Span(start=start, end=end))
    others = [job for job in jobs if job.id not in constant]
    runs = with_skips(skips, definitions, calendars.runs(others))
    often = Counter(run.job_id for run in runs)
    rows = _rows(jobs, constant, runs, start)
    return Timeline(
        start=start,
        end=end,
        zone=zone,
        rows=tuple(sorted(rows, key=lambda row: _order(row, constant))),
        quarters=_quarters(rows, start, end),
        constant=tuple(sorted(constant)),
        cut=tuple(sorted(job_id for job_id, number in often.items() if number >= MOST)),
    )


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
    return midnight(first, zone), midnight(first + timedelta(days=days), zone)


def zone_of(name: str) -> tzinfo:
    """Return the time zone of that name."""
    return UTC if name == "UTC" else ZoneInfo(name)


def midnight(day: date, zone: str) -> datetime:
    """Return the instant at which `day` begins in `zone`, in UTC."""
    # Where midnight does not exist, this is the end of the gap; where it comes twice, the first.
    return datetime.combine(day, time(), zone_of(zone)).astimezone(UTC)


def edges(start: datetime, end: datetime, zone: str, length: timedelta) -> list[datetime]:
    """Return where cells of `length` begin, and `end`: anew at each midnight in `zone`.

    The last cell of a day is shorter where clocks change.
    """
    found = []
    day = start.astimezone(zone_of(zone)).date()
    while (at := midnight(day, zone)) < end:
        day += timedelta(days=1)
        until = midnight(day, zone)
        while at < until:
            found.append(at)
            at += length
    return [*found, end]


def cells(row: Row, bounds: Sequence[datetime]) -> list[Cell]:
    """Return what the job of `row` does in each cell between two of `bounds`."""
    starts, skipped = defaultdict[int, int](int), set[int]()
    windows = set[int]()
    for run in row.runs:
        first = bisect_right(bounds, run.at) - 1
        # A delay is always shorter than the jitter.
        last = bisect_right(bounds, run.latest - _INSTANT) - 1
        if run.skipped:
            skipped.add(first)
            continue
        starts[first] += 1
        if run.latest > run.at:
            windows.update(range(max(first, 0), min(last, len(bounds) - 2) + 1))
    return [
        Cell(starts=starts[number], is_window=number in windows, skipped=number in skipped)
        for number in range(len(bounds) - 1)
    ]


def heights(line: Timeline, bounds: Sequence[datetime]) -> list[float]:
    """Return the highest load of a quarter in each cell between two of `bounds`."""
    highest = [0.0] * (len(bounds) - 1)
    for quarter in line.quarters:
        # A quarter that is longer than a cell, or lies in two of them, counts in both.
        first = bisect_right(bounds, quarter.start) - 1
        last = bisect_right(bounds, quarter.start + QUARTER - _INSTANT) - 1
        for number in range(first, min(last, len(highest) - 1) + 1):
            highest[number] = max(highest[number], quarter.load)
    return highest


@dataclass(frozen=True, slots=True, kw_only=True)
class Crowd:
    """The quarter in which most runs of some jobs start, and in how many others they meet again."""

    quarter: Quarter
    more: int


def busiest(line: Timeline, count: int) -> list[Crowd]:
    """Return the `count` worst quarters in which runs of several jobs start, the worst first."""
    crowds: dict[tuple[str, ...], list[Quarter]] = {}
    for quarter in line.quarters:
        if len(quarter.jobs) > 1 and quarter.load > 1:
            crowds.setdefault(quarter.jobs, []).append(quarter)
    found = [
        Crowd(quarter=max(some, key=lambda each: each.load), more=len(some) - 1)
        for some in crowds.values()
    ]
    return sorted(found, key=lambda crowd: (-crowd.quarter.load, crowd.quarter.start))[:count]


def _rows(
    jobs: Iterable[Job], constant: Mapping[str, int], runs: Iterable[Upcoming], start: datetime
) -> list[Row]:
    """Return each job with its runs that start at `start` or after it, or may do so."""
    found: dict[str, list[Upcoming]] = {}
    for run in runs:
        if run.at >= start or run.latest > start:
            found.setdefault(run.job_id, []).append(run)
    return [
        Row(
            job_id=job.id,
            enabled=job.enabled,
            starts=constant.get(job.id) or len(found.get(job.id, ())),
            runs=tuple(found.get(job.id, ())),
        )
        for job in jobs
    ]


def _order(row: Row, constant: Container[str]) -> tuple[bool, bool, datetime, str]:
    """Sort by the first start; jobs that run all the time and such as do not run come last."""
    first = row.runs[0].at if row.runs else datetime.max.replace(tzinfo=UTC)
    return (not row.starts, row.job_id in constant, first, row.job_id)


def _quarters(rows: Iterable[Row], start: datetime, end: datetime) -> tuple[Quarter, ...]:
    count = -(-(end - start) // QUARTER)
    load, jobs = [0.0] * count, [dict[str, None]() for _ in range(count)]
    for row in rows:
        for run in filter(_takes_place, row.runs):
            for number, share in _shares(run, start):
                if 0 <= number < count:
                    load[number] += share
                    jobs[number][row.job_id] = None
    return tuple(
        Quarter(start=start + number * QUARTER, load=round(load[number], 6), jobs=tuple(names))
        for number, names in enumerate(jobs)
    )


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
