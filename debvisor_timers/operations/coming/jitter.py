# SPDX-License-Identifier: Apache-2.0
"""Whether the jitter of a job is shorter than the time between its runs."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from itertools import pairwise

from debvisor_timers.calendar.spacing import shortest_distance
from debvisor_timers.calendar.zones import zone_changes
from debvisor_timers.jobs.duration import format_timespan
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.places import problem_at
from debvisor_timers.jobs.translate import Complaint
from debvisor_timers.operations.coming.calendars import calendar_answers
from debvisor_timers.operations.coming.delays import jitter_of
from debvisor_timers.operations.host import Host
from debvisor_timers.render.timer import schedule_zone
from debvisor_timers.source import Problem

# More than a week of every hour, and eight years of once a month.
_ELAPSES = 200


def jitter_problems(host: Host, jobs: Iterable[Job]) -> list[Problem]:
    """Return an error for each job whose jitter would swallow runs.

    A run that is delayed past the next time takes its place: systemd looks for the next elapse
    from when the timer fired.
    """
    chosen = {job.id: job for job in jobs if jitter_of(job)}
    distances = dict(_of_cron(host.clock.zone(), chosen.values()))
    distances |= _of_calendars(host, [job for job in chosen.values() if job.id not in distances])
    return [
        _problem(job, distances[job.id])
        for job in chosen.values()
        if job.id in distances and jitter_of(job) >= distances[job.id]
    ]


def _of_cron(host_zone: str, jobs: Iterable[Job]) -> Iterator[tuple[str, timedelta]]:
    for job in jobs:
        if job.schedule is not None and job.schedule.expression is not None:
            zone = zone_changes(schedule_zone(job, host_zone))
            yield job.id, shortest_distance(job.schedule.expression, zone)


def _of_calendars(host: Host, jobs: list[Job]) -> dict[str, timedelta]:
    """Return the same for systemd's own lines, by what systemd makes of them."""
    if not jobs:
        return {}
    found = calendar_answers(host, jobs, after=host.clock.now(), count=_ELAPSES)
    return {
        job_id: least
        for job_id, answers in found.items()
        if (least := shortest({each for one in answers for each in one.elapses}))
    }


def shortest(elapses: Iterable[datetime]) -> timedelta | None:
    """Return the shortest time between two of `elapses`; None for fewer than two."""
    return min((later - sooner for sooner, later in pairwise(sorted(elapses))), default=None)


def _problem(job: Job, least: timedelta) -> Problem:
    jitter, distance = format_timespan(jitter_of(job)), format_timespan(least)
    message = (
        f"a jitter of {jitter} is not shorter than {distance}, the time between two runs: "
        "some would be left out"
    )
    fix = f"use at most {format_timespan(least - timedelta(seconds=1))}, or 0 for none"
    return problem_at(job, Complaint(path=("schedule", "jitter"), message=message, fix=fix))
