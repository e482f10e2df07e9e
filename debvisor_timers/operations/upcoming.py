# SPDX-License-Identifier: Apache-2.0
"""next: when jobs will run, computed by systemd itself."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from debvisor_timers.jobs.load import load_definitions
from debvisor_timers.jobs.model import Job
from debvisor_timers.operations.calendars import calendar_answers
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.jobs import find_job


@dataclass(frozen=True, slots=True, kw_only=True)
class Upcoming:
    """One run to come; `at` is aware, UTC."""

    job_id: str
    at: datetime


def upcoming(host: Host, jobs: Iterable[Job], *, after: datetime, count: int) -> list[Upcoming]:
    """Return the next `count` runs of all of `jobs` together, ascending, strictly after `after`.

    Jobs need not be applied. Boot triggers and jobs without a schedule add nothing; disabled jobs
    are left out.
    """
    enabled = [job for job in jobs if job.enabled]
    runs = {
        Upcoming(job_id=job_id, at=elapse)
        for job_id, answers in calendar_answers(host, enabled, after=after, count=count).items()
        for answer in answers
        for elapse in answer.elapses
    }
    return sorted(runs, key=lambda run: (run.at, run.job_id))[:count]


def upcoming_of(host: Host, job_id: str | None, *, after: datetime, count: int) -> list[Upcoming]:
    """Return the next `count` runs of one job of the YAML, or of all of them together.

    Raises NotFoundError for an unknown job, DefinitionError when the files are wrong.
    """
    definitions = load_definitions(host.layout.config).require()
    jobs = [find_job(definitions, job_id)] if job_id else definitions.jobs.values()
    return upcoming(host, jobs, after=after, count=count)
