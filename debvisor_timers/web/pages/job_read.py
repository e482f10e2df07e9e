# SPDX-License-Identifier: Apache-2.0
"""All that the page of a job shows, read in one go: in the process that reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

from debvisor_timers.errors import DebvisorTimersError, NotFoundError
from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.filter import RunFilter
from debvisor_timers.history.last import LastRun, read_last
from debvisor_timers.history.runs import Run
from debvisor_timers.history.statistics import Statistics
from debvisor_timers.history.trend import FailureTrend
from debvisor_timers.history.unusual import Unusual
from debvisor_timers.jobs.redact import redact_line
from debvisor_timers.jobs.relations import Edge, EdgeKind
from debvisor_timers.operations.job_source import JobSource, job_source
from debvisor_timers.operations.past.history import HistoryQuery
from debvisor_timers.operations.past.stats import JobStatistics
from debvisor_timers.operations.past.trend_words import duration_words
from debvisor_timers.operations.show import JobDetails
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.web.pages.chart import Chart, Plotted, chart
from debvisor_timers.web.pages.strip import SLOTS

RUNS = 25
"""So many runs are on a page of the table."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Numbers:
    """What the runs of a job come to; trend: in words."""

    statistics: Statistics
    trend: str
    failures: FailureTrend
    unusual: Sequence[Unusual]
    chart: Chart | None
    newest: Sequence[RunFigures]


@dataclass(frozen=True, slots=True, kw_only=True)
class JobFacts:
    """A job with its past. edges: to and from it. last: of its neighbours, by id.

    numbers: None where nobody may read the past, which `hidden` explains. has_more: older runs
    follow those of `runs`.
    """

    details: JobDetails
    now: datetime
    source: JobSource | None
    units: Mapping[str, Sequence[str]]
    edges: Sequence[Edge]
    last: Mapping[str, LastRun | None]
    numbers: Numbers | None
    runs: Sequence[Run]
    has_more: bool
    hidden: str = ""


def read_job(scheduler: JobScheduler, job_id: str, page: int) -> JobFacts:
    """Return all of one job; page: of its runs, from 1 on. Raises NotFoundError."""
    details = scheduler.show(job_id)
    job = details.row.job
    around = _edges(scheduler, details)
    names = {name for edge in around for name in (edge.job, edge.needs)}
    numbers: Numbers | None = None
    runs: Sequence[Run] = ()
    has_more, hidden = False, ""
    try:
        numbers = _numbers(scheduler, job_id)
        query = HistoryQuery(wanted=RunFilter(jobs=(job_id,)), limit=RUNS, offset=(page - 1) * RUNS)
        found = scheduler.history(query)
        runs, has_more = found.runs, found.has_more
    except NotFoundError:
        pass
    except DebvisorTimersError as error:
        hidden = error.message
    return JobFacts(
        details=details,
        now=scheduler.now(),
        source=job_source(job) if job else None,
        units={
            name: tuple(map(redact_line, text.splitlines())) for name, text in details.units.items()
        },
        edges=around,
        last={name: read_last(scheduler.layout.last, name) for name in sorted(names)},
        numbers=numbers,
        runs=tuple(runs),
        has_more=has_more,
        hidden=hidden,
    )


def _edges(scheduler: JobScheduler, details: JobDetails) -> tuple[Edge, ...]:
    """Return what joins the job to others, those that it is in conflict with last."""
    if details.row.job is None:
        return ()
    name = details.row.job_id
    try:
        several = scheduler.graph(name).edges
    except DebvisorTimersError:
        return ()
    own = [edge for edge in several if name in {edge.job, edge.needs}]
    return tuple(sorted(own, key=lambda edge: edge.kind is EdgeKind.CONFLICTS))


def _numbers(scheduler: JobScheduler, job_id: str) -> Numbers:
    found = scheduler.stats([job_id]).jobs[0]
    trend, unusual = found.duration_trend(), found.unusual()
    return Numbers(
        statistics=found.statistics,
        trend=duration_words(trend, timeout=found.timeout, now=scheduler.now()),
        failures=found.failure_trend(),
        unusual=unusual,
        chart=_chart(found, scheduler.zone, frozenset(one.run for one in unusual)),
        newest=tuple(found.runs[-SLOTS:]),
    )


def _chart(found: JobStatistics, zone: str, odd: frozenset[str]) -> Chart | None:
    plotted = Plotted(
        runs=found.runs,
        trend=found.duration_trend(),
        timeout=found.timeout.total_seconds() if found.timeout else None,
        odd=odd,
    )
    try:
        place = ZoneInfo(zone)
    except (KeyError, ValueError, OSError):
        return chart(plotted, UTC)
    return chart(plotted, place)
