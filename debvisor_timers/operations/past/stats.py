# SPDX-License-Identifier: Apache-2.0
"""stats: the runs of jobs in numbers, with their trends and the unusual ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from debvisor_timers.errors import UsageError
from debvisor_timers.history.buckets import Bucket, Period, buckets_of
from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.filter import RunFilter
from debvisor_timers.history.statistics import Statistics, statistics_of
from debvisor_timers.history.trend import DurationTrend, FailureTrend, duration_trend, failure_trend
from debvisor_timers.history.unusual import Unusual, unusual_runs
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.past.outline import Outline, outline, read_outline
from debvisor_timers.operations.past.past import Past, open_past
from debvisor_timers.operations.past.renamed import Renamings
from debvisor_timers.operations.runs.running import running_jobs
from debvisor_timers.render.names import job_of, service_unit, timer_unit
from debvisor_timers.systemd.ports import ActiveState

_NO_OUTLINE = Outline(title="", timeout=None, on_calendar=())


@dataclass(frozen=True, slots=True, kw_only=True)
class JobStatistics:
    """One job: its runs, oldest first, and what they come to.

    title: its id where it is not applied. timeout: of one attempt, None for none. next_start: what
    systemd has armed, aware, UTC; None where no timer starts it. buckets: its days or weeks, if
    these were asked for.
    """

    job_id: str
    title: str
    timeout: timedelta | None
    next_start: datetime | None
    runs: Sequence[RunFigures]
    statistics: Statistics
    buckets: Sequence[Bucket] = ()

    def duration_trend(self) -> DurationTrend:
        """Return how its durations develop."""
        timeout = self.timeout.total_seconds() if self.timeout else None
        return duration_trend(self.runs, timeout=timeout)

    def failure_trend(self) -> FailureTrend:
        """Return whether it fails more often than it did."""
        return failure_trend(self.runs)

    def unusual(self) -> list[Unusual]:
        """Return the unusual ones of its newest runs, newest first."""
        return unusual_runs(self.runs)


@dataclass(frozen=True, slots=True, kw_only=True)
class Window:
    """Which runs count, by their start: from `since` on, before `until`; by: add days or weeks."""

    since: datetime | None = None
    until: datetime | None = None
    by: Period | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StatisticsOfJobs:
    """Jobs in order of their ids, or as they were asked for; notes: what people should know."""

    jobs: tuple[JobStatistics, ...]
    window: Window
    notes: tuple[str, ...] = ()


def job_statistics(
    host: Host,
    names: Sequence[str] = (),
    window: Window = Window(),
    on_step: Callable[[str], None] = lambda _step: None,
) -> StatisticsOfJobs:
    """Return the numbers of the jobs `names`, or of all that are applied or have runs.

    A job that was removed keeps its runs. Reads no YAML but for a name that is neither applied nor
    has any run. Raises NotFoundError for a job that nobody knows, UsageError for a time that ends
    before it begins.
    """
    if window.since and window.until and window.until <= window.since:
        raise UsageError("--until is not later than --since", fix="swap the two times")
    asked = tuple(dict.fromkeys(names))
    with open_past(host, jobs=asked or None, on_step=on_step) as past:
        known = past.jobs()
        runs = _by_job(past, asked, window)
        notes = past.notes
    outlines = _outlines(host, asked, known)
    starts = _next_starts(host, outlines)
    zone = ZoneInfo(host.clock.zone()) if window.by else UTC
    jobs = [
        JobStatistics(
            job_id=job_id,
            title=outlines.get(job_id, _NO_OUTLINE).title or job_id,
            timeout=outlines.get(job_id, _NO_OUTLINE).timeout,
            next_start=starts.get(job_id),
            runs=runs[job_id],
            statistics=statistics_of(runs[job_id]),
            buckets=buckets_of(runs[job_id], period=window.by, zone=zone) if window.by else (),
        )
        for job_id in asked or sorted(outlines.keys() | set(known))
    ]
    return StatisticsOfJobs(jobs=tuple(jobs), window=window, notes=notes)


def _by_job(past: Past, asked: tuple[str, ...], window: Window) -> Mapping[str, list[RunFigures]]:
    wanted = RunFilter(jobs=asked or None, since=window.since, until=window.until)
    found = defaultdict[str, list[RunFigures]](list)
    for run in past.figures(wanted):
        found[run.job].append(run)
    return found


def _outlines(host: Host, asked: Sequence[str], known: Sequence[str]) -> dict[str, Outline]:
    """Return what the units of the jobs say that were asked for, or of all; checks the names."""
    if asked:
        found = {job_id: one for job_id in asked if (one := read_outline(host, job_id))}
        _check(host, [id_ for id_ in asked if id_ not in found and id_ not in known], known)
        return found
    units = host.units.read()
    names = {job_id for name in units if (job_id := job_of(name)) is not None}
    outlines = {
        job_id: outline(job_id, units.get(service_unit(job_id)), units.get(timer_unit(job_id)))
        for job_id in names
    }
    return {job_id: one for job_id, one in outlines.items() if one is not None}


def _check(host: Host, strangers: Sequence[str], known: Sequence[str]) -> None:
    """Raise NotFoundError for a name that not even the YAML has; known: jobs that have runs."""
    if not strangers:
        return
    # These load pydantic and YAML, which costs a tenth of a second.
    from debvisor_timers.jobs.load import load_definitions
    from debvisor_timers.operations.unknown import unknown_job

    defined = load_definitions(host.layout.config).jobs
    for job_id in strangers:
        if job_id not in defined:
            now = Renamings.read(host.layout).today(job_id)
            raise unknown_job(job_id, sorted({*known, *defined}), now=now)


def _next_starts(host: Host, outlines: Mapping[str, Outline]) -> dict[str, datetime]:
    """Return what systemd has armed; for running jobs, of whose timers it says nothing, compute."""
    timers = {timer_unit(id_): id_ for id_, found in outlines.items() if found.on_calendar}
    if not timers:
        return {}
    states = host.manager.timers(timers)
    starts = {timers[name]: at.next_elapse for name, at in states.items() if at.next_elapse}
    lines = [
        (job_id, line)
        for job_id in _held(host, [id_ for id_ in timers.values() if id_ not in starts])
        for line in outlines[job_id].on_calendar
    ]
    specs = [line for _, line in lines]
    answers = host.analyzer.calendar(specs, after=host.clock.now(), count=1) if specs else []
    for (job_id, _), answer in zip(lines, answers, strict=True):
        for elapse in answer.elapses:
            starts[job_id] = min(elapse, starts.get(job_id, elapse))
    return starts


def _held(host: Host, job_ids: Sequence[str]) -> list[str]:
    """Return those of the jobs that run while their timers are active."""
    if not job_ids:
        return []
    units = host.manager.units("debvisor-job-*")
    active = {unit.name for unit in units if unit.active_state is ActiveState.ACTIVE}
    running = running_jobs(units)
    return [id_ for id_ in job_ids if id_ in running and timer_unit(id_) in active]
