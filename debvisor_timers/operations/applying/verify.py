# SPDX-License-Identifier: Apache-2.0
"""systemd's own opinion of what was rendered, before anything is written."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from debvisor_timers.calendar.zones import check_zone
from debvisor_timers.errors import DefinitionError, ScheduleError
from debvisor_timers.jobs.check import check_host
from debvisor_timers.jobs.faults import quoted
from debvisor_timers.jobs.load import Definitions
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.places import problem_at
from debvisor_timers.jobs.translate import Complaint
from debvisor_timers.jobs.user_units import check_user_job
from debvisor_timers.operations.applying.findings import problems_of
from debvisor_timers.operations.coming.calendars import calendar_answers, first_elapse
from debvisor_timers.operations.coming.jitter import jitter_problems
from debvisor_timers.operations.config import window_problems
from debvisor_timers.operations.host import Host
from debvisor_timers.source import Problem
from debvisor_timers.systemd.ports import CalendarAnswer


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What systemd says of changed units.

    problems: errors and warnings at the places of the jobs.
    next_elapses: the first elapse of every job that is enabled and has a schedule, in UTC.
    """

    problems: tuple[Problem, ...]
    next_elapses: Mapping[str, datetime]

    def require(self, definitions: Definitions) -> Verdict:
        """Return self, or raise DefinitionError when systemd would refuse or ignore something."""
        if any(problem.is_error for problem in self.problems):
            raise DefinitionError((*definitions.problems, *self.problems))
        return self


def verify(
    host: Host, definitions: Definitions, jobs: Sequence[Job], units: Mapping[str, str]
) -> Verdict:
    """Let systemd-analyze read `units` (name to text) and the calendars of `jobs`.

    One call for the units and one for all calendars, whatever their number; another for
    maintenance windows. Adds what this host lacks for these jobs, and what is unsafe on it.
    """
    about_host = [problem for job in jobs for problem in _about_host(host, job)]
    answers = calendar_answers(host, jobs, after=host.clock.now())
    calendars = [problem for job in jobs for problem in calendar_problems(job, answers[job.id])]
    calendars += jitter_problems(host, jobs)
    refused = {job for job, lines in answers.items() if any(line.error for line in lines)}
    findings = host.analyzer.verify(units) if units else []
    return Verdict(
        problems=(
            *about_host,
            *problems_of(findings, definitions.jobs, units, refused=frozenset(refused)),
            *calendars,
            *window_problems(host, definitions),
        ),
        next_elapses={
            job.id: elapse
            for job in jobs
            if job.enabled and (elapse := first_elapse(answers[job.id])) is not None
        },
    )


def _about_host(host: Host, job: Job) -> list[Problem]:
    """Return what the host lacks for the job, and what is unsafe or cannot be on it."""
    if not host.layout.runs_here:
        return []  # its programs and users are on another disk, or yet to be installed
    if not host.layout.user:
        return check_host(job)
    # What others than root can change is safe here: none of it becomes root's.
    lacking = [problem for problem in check_host(job) if not problem.is_error]
    return [*check_user_job(job), *lacking]


def calendar_problems(job: Job, answers: Sequence[CalendarAnswer]) -> Iterator[Problem]:
    """Yield the problem of each calendar line of `job` that systemd refuses, by its `answers`."""
    for number, answer in enumerate(answers):
        if answer.error:
            yield problem_at(job, _refused(job, number, answer))
    if answers and not any(answer.elapses or answer.error for answer in answers):
        yield problem_at(
            job,
            Complaint(
                path=("schedule", "on_calendar" if _lines(job) else "cron"),
                message="never fires again",
                fix="write a date to come, and a time that is there on it",
            ),
        )


def _refused(job: Job, number: int, answer: CalendarAnswer) -> Complaint:
    lines = _lines(job)
    text = lines[number] if lines else answer.spec
    path = ("schedule", "on_calendar", number) if lines else ("schedule", "cron")
    said = answer.error.rpartition(": ")[2]
    return _unknown_zone(text, path) or Complaint(
        path=path,
        message=f'{quoted(text)} is no time that systemd can read (systemd: "{said}")',
        fix=f"see systemd.time(7), CALENDAR EVENTS; try it with: "
        f"systemd-analyze calendar {shlex.quote(text)}",
    )


def _unknown_zone(text: str, path: tuple[str | int, ...]) -> Complaint | None:
    """Return the complaint about the zone at the end of a calendar line; None where it is right."""
    zone = text.rpartition(" ")[2]
    if not zone[:1].isalpha() or "/" not in zone:
        return None
    try:
        check_zone(zone)
    except ScheduleError as error:
        start, length = len(text) - len(zone), len(zone)
        return Complaint(
            path=path, message=error.message, fix=error.fix, start=start, length=length
        )
    return None


def _lines(job: Job) -> tuple[str, ...]:
    return job.schedule.on_calendar if job.schedule else ()
