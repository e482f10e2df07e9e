# SPDX-License-Identifier: Apache-2.0
"""show: all that is known of one job."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from debvisor_timers.errors import SystemdError
from debvisor_timers.jobs.relations import Edge, EdgeKind, edges, relate
from debvisor_timers.operations.coming.elapses import Interval
from debvisor_timers.operations.coming.upcoming import Upcoming, upcoming
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.jobs import missing_job
from debvisor_timers.operations.list import JobList, JobRow, list_jobs
from debvisor_timers.render.names import service_unit, units_of
from debvisor_timers.render.timer import calendar_lines
from debvisor_timers.render.waits import Waits, waits_of
from debvisor_timers.systemd.ports import Exposure, FileEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class JobDetails:
    """One job: its row of `list`, its calendar as systemd has it, its next runs, its unit files.

    upcoming: at most five; none of a job that is not enabled. units: text of each unit file on
    disk, by name. waits: what its runs wait for; None for a job that the YAML does not have.
    needed_by: the jobs that wait for it, or that it starts. exposure: of its service; None of a
    job that is not applied, and where systemd does not tell.
    """

    row: JobRow
    on_calendar: tuple[str, ...]
    upcoming: tuple[Upcoming, ...]
    units: Mapping[str, str]
    waits: Waits | None = None
    needed_by: tuple[Edge, ...] = ()
    exposure: Exposure | None = None

    @property
    def next_starts(self) -> tuple[datetime, ...]:
        """Return the start of each run to come, without what jitter may add: aware, UTC."""
        return tuple(run.at for run in self.upcoming)


def show_job(host: Host, job_id: str) -> JobDetails:
    """Return everything about the job `job_id`. Raises NotFoundError when nobody knows it."""
    known = list_jobs(host, only={job_id})
    row = _row(host, known, job_id)
    jobs = [row.job] if row.job is not None else []
    enabled = [job for job in jobs if job.enabled]
    definitions = known.definitions
    relations = relate(definitions.jobs)
    runs = upcoming(host, definitions, enabled, Interval(count=5))
    units = {
        name: entry.text
        for name in sorted(units_of(job_id))
        if isinstance(entry := host.units.entry(name), FileEntry)
    }
    return JobDetails(
        row=row,
        on_calendar=tuple(line for job in jobs for line in calendar_lines(job, host.clock.zone())),
        upcoming=tuple(runs),
        units=units,
        waits=waits_of(row.job, relations, definitions.config.pools) if row.job else None,
        needed_by=tuple(
            edge
            for edge in edges(definitions.jobs)
            if edge.needs == job_id and edge.kind is not EdgeKind.CONFLICTS
        ),
        exposure=_exposure(host, service_unit(job_id)) if service_unit(job_id) in units else None,
    )


def _exposure(host: Host, service: str) -> Exposure | None:
    """Return the exposure of a service; where it cannot be had, the rest is shown without it."""
    try:
        return host.analyzer.exposure(service)
    except SystemdError:
        return None


def _row(host: Host, known: JobList, job_id: str) -> JobRow:
    for row in known.rows:
        return row
    raise missing_job(host, job_id, [row.job_id for row in list_jobs(host).rows])
