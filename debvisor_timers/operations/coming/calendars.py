# SPDX-License-Identifier: Apache-2.0
"""Asking systemd when jobs elapse: one call for any number of jobs."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from debvisor_timers.jobs.model import Job
from debvisor_timers.operations.host import Host
from debvisor_timers.render.timer import calendar_lines
from debvisor_timers.systemd.ports import CalendarAnswer


def calendar_answers(
    host: Host, jobs: Iterable[Job], *, after: datetime, count: int = 1
) -> dict[str, list[CalendarAnswer]]:
    """Return systemd's answer to each calendar line of each job, by the job's id.

    A job without a schedule has none. Each answer has up to `count` elapses after `after`.
    """
    zone = host.clock.zone()
    by_job: dict[str, list[CalendarAnswer]] = {}
    owners, lines = [], []
    for job in jobs:
        by_job[job.id] = []
        for line in calendar_lines(job, zone):
            owners.append(job.id)
            lines.append(line)
    answers = host.analyzer.calendar(lines, after=after, count=count) if lines else []
    for owner, answer in zip(owners, answers, strict=True):
        by_job[owner].append(answer)
    return by_job


def first_elapse(answers: Sequence[CalendarAnswer]) -> datetime | None:
    """Return the earliest elapse of the lines of one job, which act together."""
    return min((answer.elapses[0] for answer in answers if answer.elapses), default=None)
