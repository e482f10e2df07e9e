# SPDX-License-Identifier: Apache-2.0
"""Jobs that wait for what is paused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.places import problem_at
from debvisor_timers.jobs.relations import EdgeKind, written_edges
from debvisor_timers.jobs.translate import Complaint
from debvisor_timers.operations.holding.marks import pause
from debvisor_timers.operations.host import Host
from debvisor_timers.source import Problem, Severity


def is_paused(host: Host, job_id: str) -> bool:
    """Return True while no schedule and no trigger starts the job, since somebody paused it."""
    mark = pause(host.layout, job_id)
    return mark is not None and mark.holds(host.clock.now())


def paused_problems(host: Host, jobs: Mapping[str, Job]) -> Iterator[Problem]:
    """Yield a warning for each enabled job that waits for a paused one, or follows its end."""
    for job in jobs.values():
        for path, edge in written_edges(job):
            if edge.kind is EdgeKind.CONFLICTS or not job.enabled:
                continue
            if edge.needs in jobs and is_paused(host, edge.needs):
                message = f"{edge}, which is paused: its runs are skipped"
                fix = f"debvisor-timers resume {edge.needs}"
                problem = problem_at(job, Complaint(path=path, message=message, fix=fix))
                yield replace(problem, severity=Severity.WARNING)
