# SPDX-License-Identifier: Apache-2.0
"""Whether the jitter of a job is shorter than the time between its runs, by systemd's elapses."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from itertools import pairwise

from debvisor_timers.jobs.duration import format_timespan
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.places import problem_at
from debvisor_timers.jobs.translate import Complaint
from debvisor_timers.operations.calendars import calendar_answers
from debvisor_timers.operations.delays import jitter_of
from debvisor_timers.operations.host import Host
from debvisor_timers.source import Problem

# More than a week of every hour, and eight years of once a month.
_ELAPSES = 200


def jitter_problems(host: Host, jobs: Iterable[Job]) -> list[Problem]:
    """Return an error for each job with `on_calendar` whose jitter would swallow runs.

    A run that is delayed past the next time takes its place: systemd looks for the next elapse
    from when the timer fired.
    """
    chosen = {
        job.id: job
        for job in jobs
        if job.schedule and job.schedule.on_calendar and job.schedule.jitter
    }
    if not chosen:
        return []
    found = calendar_answers(host, chosen.values(), after=host.clock.now(), count=_ELAPSES)
    return [
        _problem(chosen[job_id], least)
        for job_id, answers in found.items()
        if (least := shortest({each for one in answers for each in one.elapses}))
        and jitter_of(chosen[job_id]) >= least
    ]


def shortest(elapses: Iterable[datetime]) -> timedelta | None:
    """Return the shortest time between two of `elapses`; None for fewer than two."""
    return min((later - sooner for sooner, later in pairwise(sorted(elapses))), default=None)


def _problem(job: Job, least: timedelta) -> Problem:
    distance = format_timespan(least)
    return problem_at(
        job,
        Complaint(
            path=("schedule", "jitter"),
            message=f"{format_timespan(jitter_of(job))} is not shorter than the {distance} between"
            " two runs: some would be lost",
            fix=f"write less than {distance}",
        ),
    )
