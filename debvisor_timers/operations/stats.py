# SPDX-License-Identifier: Apache-2.0
"""stats: the runs of jobs in numbers, with their trends and the unusual ones."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
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
from debvisor_timers.operations.outline import Outline, outline, read_outline
from debvisor_timers.operations.past import Past, open_past
from debvisor_timers.operations.running import running_jobs
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
    buckets: tuple[Bucket, ...] = ()

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
class StatisticsOfJobs:
    """Jobs in order of their ids, or as they were asked for.

    since, until: of the runs that count, by their start; None: all. notes: what people should know.
    """

    jobs: tuple[JobStatistics, ...]
    since: datetime | None = None
    until: datetime | None = None
    notes: tuple[str, ...] = ()


def job_statistics(
    host: Host,
    names: Sequence[str] = (),
    *,
    since: datetime | None = None,
    until: datetime | None = None,
    by: Period | None = None,
) -> StatisticsOfJobs:
    """Return the numbers of the jobs `names`, or of all that are applied or have runs.

    since, until: by the start of a run; `until` itself is not included. by: add days or weeks.
    A job that was removed keeps its runs. Reads no YAML but for a name that is neither applied nor
    has any run. Raises NotFoundError for a job that nobody knows, UsageError for a time that ends
    before it begins.
    """
    if since and until and until <= since:
        raise UsageError("--until is not later than --since", fix="swap the two times")
    asked = tuple(dict.fromkeys(names))
    with open_past(host, jobs=asked or None) as past:
        known = past.jobs()
        runs = _by_job(past, RunFilter(jobs=asked or None, since=since, until=until))
        notes = past.notes
    if asked:
        outlines = {job_id: found for job_id in asked if (found := read_outline(host, job_id))}
        _check(host, [id_ for id_ in asked if id_ not in outlines and id_ not in known], known)
        wanted: Iterable[str] = asked
    else:
        outlines = _all_outlines(host)
        wanted = sorted(outlines.keys() | set(known))
    starts = _next_starts(host, outlines)
    zone = ZoneInfo(host.clock.zone()) if by else UTC
    jobs = [
        JobStatistics(
            job_id=job_id,
            title=outlines.get(job_id, _NO_OUTLINE).title or job_id,
            timeout=outlines.get(job_id, _NO_OUTLINE).timeout,
            next_start=starts.get(job_id),
            runs=runs[job_id],
            statistics=statistics_of(runs[job_id]),
            buckets=tuple(buckets_of(runs[job_id], period=by, zone=zone)) if by else (),
        )
        for job_id in wanted
    ]
    return StatisticsOfJobs(jobs=tuple(jobs), since=since, until=until, notes=notes)


def _by_job(past: Past, wanted: RunFilter) -> Mapping[str, list[RunFigures]]:
    found = defaultdict[str, list[RunFigures]](list)
    for run in past.figures(wanted):
        found[run.job].append(run)
    return found


def _all_outlines(host: Host) -> dict[str, Outline]:
    units = host.units.read()
    found = {}
    for name, entry in units.items():
        job_id = job_of(name)
        if job_id is None or name != service_unit(job_id):
            continue
        if one := outline(job_id, entry, units.get(timer_unit(job_id))):
            found[job_id] = one
    return found


def _check(host: Host, strangers: Sequence[str], known: Sequence[str]) -> None:
    """Raise NotFoundError for a name that not even the YAML has; known: jobs that have runs."""
    if not strangers:
        return
    # These load pydantic and YAML, which costs a tenth of a second.
    from debvisor_timers.jobs.load import load_definitions
    from debvisor_timers.operations.jobs import unknown_job

    defined = load_definitions(host.layout.config).jobs
    for job_id in strangers:
        if job_id not in defined:
            raise unknown_job(job_id, sorted({*known, *defined}))


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
