# SPDX-License-Identifier: Apache-2.0
"""systemd's own opinion of what was rendered, before anything is written."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime

from debvisor_timers.errors import DefinitionError
from debvisor_timers.jobs.load import Definitions
from debvisor_timers.jobs.model import Job
from debvisor_timers.operations.host import Host
from debvisor_timers.render.job import calendar_lines
from debvisor_timers.render.names import job_of
from debvisor_timers.source import Problem, Severity
from debvisor_timers.systemd.ports import CalendarAnswer, Finding


def verify_units(
    host: Host, definitions: Definitions, units: Mapping[str, str]
) -> tuple[Problem, ...]:
    """Return the warnings about `units` (name to text) and about their jobs' calendars.

    Raises DefinitionError with everything when systemd would refuse or ignore a part of them.
    """
    changed = {job_of(name) for name in units}
    jobs = [job for job in definitions.jobs.values() if job.id in changed]
    problems = [
        *(_problem(finding, definitions) for finding in host.analyzer.verify(units)),
        *_calendar_problems(host, jobs),
    ]
    if any(problem.is_error for problem in problems):
        raise DefinitionError((*definitions.problems, *problems))
    return tuple(problems)


def first_elapses(host: Host, jobs: Iterable[Job]) -> dict[str, datetime]:
    """Return the next elapse of each of `jobs` that is enabled and has a schedule, by id, in UTC."""
    answers = _answers(host, [job for job in jobs if job.enabled])
    return {
        job.id: min(answer.elapses[0] for answer in found if answer.elapses)
        for job, found in answers
        if any(answer.elapses for answer in found)
    }


def _answers(host: Host, jobs: Iterable[Job]) -> list[tuple[Job, list[CalendarAnswer]]]:
    """Ask systemd for the next elapse of every calendar line, all in one call."""
    zone = host.clock.zone()
    lines = [(job, line) for job in jobs for line in calendar_lines(job, zone)]
    if not lines:
        return []
    answers = host.analyzer.calendar([line for _, line in lines], after=host.clock.now(), count=1)
    by_job: dict[str, tuple[Job, list[CalendarAnswer]]] = {}
    for (job, _), answer in zip(lines, answers, strict=True):
        by_job.setdefault(job.id, (job, []))[1].append(answer)
    return list(by_job.values())


def _calendar_problems(host: Host, jobs: Iterable[Job]) -> Iterator[Problem]:
    for job, answers in _answers(host, jobs):
        for answer in answers:
            if answer.error:
                yield _at_schedule(
                    job,
                    f"systemd refuses the calendar {answer.spec!r}: {answer.error}",
                    "see systemd.time(7), CALENDAR EVENTS",
                )
        if not any(answer.elapses or answer.error for answer in answers):
            yield _at_schedule(job, "never fires again", "write a date that is still to come")


def _at_schedule(job: Job, message: str, fix: str) -> Problem:
    return Problem(span=job.source, key=f"jobs.{job.id}.schedule", message=message, fix=fix)


def _problem(finding: Finding, definitions: Definitions) -> Problem:
    job_id = job_of(finding.unit) or ""
    return Problem(
        span=definitions.jobs[job_id].source,
        key=f"jobs.{job_id}",
        message=f"systemd on {finding.unit}: {finding.message}",
        severity=Severity.ERROR,
    )
