# SPDX-License-Identifier: Apache-2.0
"""next: when jobs will run, computed by systemd itself."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from debvisor_timers.errors import DefinitionError, UsageError
from debvisor_timers.jobs.load import Definitions, load_definitions
from debvisor_timers.jobs.model import Job
from debvisor_timers.operations.applying.verify import calendar_problems
from debvisor_timers.operations.coming.delays import jitter_of, known_delays
from debvisor_timers.operations.coming.elapses import Interval, first_elapses
from debvisor_timers.operations.coming.skips import Skips
from debvisor_timers.operations.coming.translate import expression_lines
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.jobs import find_job
from debvisor_timers.render.timer import calendar_lines
from debvisor_timers.systemd.ports import CalendarAnswer

_NONE = timedelta()
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Upcoming:
    """One run to come; times are aware, UTC.

    job_id: empty for an expression that is no job.
    scheduled: what the calendar says. at: the start, a delay by jitter included where it is known.
    latest: where it is not known, the start is between `at` and this; else equal to `at`.
    enabled: False when the job is disabled: then it does not run.
    skipped: why the run will not take place; empty when it will.
    may_be_skipped: why it will not if its delay, which is not known, happens to be such.
    """

    job_id: str
    scheduled: datetime
    at: datetime
    latest: datetime
    enabled: bool = True
    skipped: str = ""
    may_be_skipped: str = ""

    @property
    def skip_words(self) -> str:
        """Return `skipped: REASON` or `may be skipped: REASON`, empty for a run that is not."""
        if self.skipped:
            return f"skipped: {self.skipped}"
        return f"may be skipped: {self.may_be_skipped}" if self.may_be_skipped else ""


def chosen_jobs(definitions: Definitions, names: Sequence[str]) -> list[Job]:
    """Return the jobs `names`, disabled ones too; without names all that are enabled.

    Raises NotFoundError for an unknown job.
    """
    if names:
        return [find_job(definitions, name) for name in dict.fromkeys(names)]
    return [job for job in definitions.jobs.values() if job.enabled]


def upcoming_of(host: Host, names: Sequence[str], within: Interval) -> list[Upcoming]:
    """Return the runs of the jobs `names` of the YAML, or of all enabled ones, as one list.

    Raises NotFoundError for an unknown job, DefinitionError when the files are wrong, or have a
    calendar that systemd refuses.
    """
    definitions = load_definitions(host.layout.config).require()
    jobs = chosen_jobs(definitions, names)
    calendars = Calendars.ask(host, jobs, within)
    problems = [
        problem
        for job in jobs
        if any(answer.error for answer in calendars.answers(job))
        for problem in calendar_problems(job, calendars.answers(job))
    ]
    if problems:
        raise DefinitionError(problems)
    return _with_skips(host, definitions, calendars.runs(jobs))


def upcoming(
    host: Host, definitions: Definitions, jobs: Collection[Job], within: Interval
) -> list[Upcoming]:
    """Return the runs of `jobs`, some of those of `definitions`, within the interval, ascending.

    Jobs need not be applied. Boot triggers and jobs without a schedule add nothing, nor do lines
    that systemd refuses. A run whose calendar time has passed and that waits for its delay is still
    to come.
    """
    return _with_skips(host, definitions, Calendars.ask(host, jobs, within).runs(jobs))


@dataclass(frozen=True, slots=True, kw_only=True)
class Calendars:
    """When the lines of some jobs elapse: far enough for all their runs between two moments.

    delays: what jitter adds to each run of a job, where it is known.
    """

    after: datetime
    within: Interval
    delays: Mapping[str, timedelta]
    lines: Mapping[str, tuple[str, ...]]
    found: Mapping[str, CalendarAnswer]

    @classmethod
    def ask(cls, host: Host, jobs: Collection[Job], within: Interval) -> Calendars:
        """Ask systemd for the elapses of `jobs`."""
        after = within.after or host.clock.now()
        delays = known_delays(host, jobs)
        longest = max((jitter_of(job) for job in jobs if job.id in delays), default=_NONE)
        zone = host.clock.zone()
        lines = {job.id: calendar_lines(job, zone) for job in jobs}
        found = first_elapses(
            host,
            [line for some in lines.values() for line in some],
            after=after - longest,
            within=Interval(after=after, until=within.until, count=within.count),
            slack=longest,
        )
        return cls(after=after, within=within, delays=delays, lines=lines, found=found)

    def answers(self, job: Job) -> list[CalendarAnswer]:
        """Return the answer to each line of `job`."""
        return [self.found[line] for line in self.lines[job.id]]

    def elapses(self, job: Job) -> Collection[datetime]:
        """Return the distinct elapses of `job`, in no order, perhaps some that are not within."""
        return {elapse for answer in self.answers(job) for elapse in answer.elapses}

    def delay(self, job: Job) -> tuple[timedelta, timedelta]:
        """Return by how much a run of `job` comes later than its elapse, at least and at most."""
        known = self.delays.get(job.id)
        return (_NONE, jitter_of(job)) if known is None else (known, known)

    def runs(self, jobs: Iterable[Job]) -> list[Upcoming]:
        """Return the runs of `jobs`, ascending; which of them are skipped is not told."""
        until = self.within.until
        runs = []
        for job in jobs:
            least, most = self.delay(job)
            for elapse in self.elapses(job):
                at = elapse + least
                if self.after < at and (until is None or at < until):
                    latest = elapse + most
                    runs.append(
                        Upcoming(
                            job_id=job.id,
                            scheduled=elapse,
                            at=at,
                            latest=latest,
                            enabled=job.enabled,
                        )
                    )
        return sorted(runs, key=lambda run: (run.at, run.job_id))[: self.within.count]


def _with_skips(host: Host, definitions: Definitions, runs: Sequence[Upcoming]) -> list[Upcoming]:
    if not runs:
        return []
    skips = Skips.between(host, definitions, after=runs[0].at, until=runs[-1].latest + _INSTANT)
    return with_skips(skips, definitions, runs)


def with_skips(skips: Skips, definitions: Definitions, runs: Iterable[Upcoming]) -> list[Upcoming]:
    """Return `runs`, each of which tells whether it is going to be skipped."""
    concerned = {job_id: job for job_id, job in definitions.jobs.items() if skips.concern(job_id)}
    return [
        _with_skip(skips, concerned[run.job_id], run) if run.job_id in concerned else run
        for run in runs
    ]


def _with_skip(skips: Skips, job: Job, run: Upcoming) -> Upcoming:
    skip = skips.of(job, scheduled=run.scheduled, start=run.at, latest=run.latest)
    if skip is None:
        return run
    if skip.is_certain:
        return replace(run, skipped=skip.reason)
    return replace(run, may_be_skipped=skip.reason)


def upcoming_of_cron(
    host: Host, text: str, *, zone: str | None, within: Interval
) -> list[Upcoming]:
    """Return when the cron expression `text`, meant in `zone` or the host's own, elapses.

    Raises ScheduleError when it cannot be told to systemd.
    """
    return _elapses(host, expression_lines(host, text, zone=zone), within)


def upcoming_of_calendar(host: Host, spec: str, within: Interval) -> list[Upcoming]:
    """Return when `spec`, in systemd's own syntax, elapses; raises UsageError for none."""
    return _elapses(host, (spec,), within)


def _elapses(host: Host, lines: Sequence[str], within: Interval) -> list[Upcoming]:
    after = within.after or host.clock.now()
    answers = first_elapses(host, lines, after=after, within=within, slack=_NONE)
    for answer in answers.values():
        if answer.error:
            raise UsageError(
                f"{answer.spec!r} is no time that systemd can read",
                fix="see systemd.time(7), CALENDAR EVENTS; a cron expression goes behind --cron",
            )
    elapses = sorted({elapse for answer in answers.values() for elapse in answer.elapses})
    return [
        Upcoming(job_id="", scheduled=elapse, at=elapse, latest=elapse)
        for elapse in elapses
        if within.until is None or elapse < within.until
    ][: within.count]
