# SPDX-License-Identifier: Apache-2.0
"""systemd's own opinion of what was rendered, before anything is written."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from debvisor_timers.errors import DefinitionError
from debvisor_timers.jobs.check import check_host
from debvisor_timers.jobs.load import Definitions
from debvisor_timers.jobs.model import Job
from debvisor_timers.operations.calendars import calendar_answers, first_elapse
from debvisor_timers.operations.host import Host
from debvisor_timers.render.names import job_of
from debvisor_timers.source import Problem, Severity
from debvisor_timers.systemd.ports import CalendarAnswer, Finding


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

    One call for the units and one for all calendars, whatever their number. Adds what this host
    lacks for these jobs, and what is unsafe on it.
    """
    about_host = [problem for job in jobs for problem in check_host(job)]
    findings = host.analyzer.verify(units) if units else []
    answers = calendar_answers(host, jobs, after=host.clock.now())
    return Verdict(
        problems=(
            *about_host,
            *(_problem(finding, definitions) for finding in findings),
            *(problem for job in jobs for problem in _calendar_problems(job, answers[job.id])),
        ),
        next_elapses={
            job.id: elapse
            for job in jobs
            if job.enabled and (elapse := first_elapse(answers[job.id])) is not None
        },
    )


def _calendar_problems(job: Job, answers: Sequence[CalendarAnswer]) -> Iterator[Problem]:
    for answer in answers:
        if answer.error:
            yield _at_schedule(
                job,
                f"systemd refuses the calendar {answer.spec!r}: {answer.error}",
                "see systemd.time(7), CALENDAR EVENTS",
            )
    if answers and not any(answer.elapses or answer.error for answer in answers):
        yield _at_schedule(job, "never fires again", "write a date that is still to come")


def _at_schedule(job: Job, message: str, fix: str) -> Problem:
    return Problem(span=job.source, key=f"jobs.{job.id}.schedule", message=message, fix=fix)


def _problem(finding: Finding, definitions: Definitions) -> Problem:
    job_id = job_of(finding.unit) or ""
    is_advice = finding.message.startswith(_ADVICE)
    return Problem(
        span=definitions.jobs[job_id].source,
        key=f"jobs.{job_id}",
        message=f"systemd on {finding.unit}: {finding.message}",
        severity=Severity.WARNING if is_advice else Severity.ERROR,
    )


_ADVICE = ("Special user ",)
"""How systemd 257 begins a complaint about what it does all the same, `User=nobody` for one."""
