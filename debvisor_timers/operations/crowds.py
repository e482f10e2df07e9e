# SPDX-License-Identifier: Apache-2.0
"""check: jobs that start in the same minute, or all at the boot, and the jitter that helps."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import accumulate

from debvisor_timers.jobs.catch_up import SKIP
from debvisor_timers.jobs.duration import format_timespan
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.translate import Complaint
from debvisor_timers.operations.delays import jitter_of
from debvisor_timers.operations.elapses import elapses_until
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.jitter import shortest
from debvisor_timers.operations.timeline import zone_of
from debvisor_timers.operations.warning import warning_at
from debvisor_timers.render.job import calendar_lines
from debvisor_timers.source import Problem
from debvisor_timers.systemd.ports import CalendarAnswer

# A day more than a week, so that every weekly job is met.
_AHEAD = timedelta(days=8)
_MINUTE = timedelta(minutes=1)
_MINUTES = _AHEAD // _MINUTE
_DAY = timedelta(days=1)
# A little more than a day of every minute; such a line is taken to go on as it began.
_MOST_ELAPSES = 1_500
_MOST_WARNINGS = 3
_NAMED = 5
_NICE = (1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 360, 480, 720)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Jobs with the same lines and the same jitter: in which minutes from now on they start.

    jitter: in minutes, each of which is as likely; 1 for a start that is known.
    """

    jobs: tuple[Job, ...]
    minutes: tuple[int, ...]
    shortest: timedelta
    jitter: int

    def covers(self, minute: int) -> bool:
        """Return True when a run may start in `minute`."""
        return any(start <= minute < start + self.jitter for start in self.minutes)


def crowd_problems(host: Host, jobs: Iterable[Job], *, limit: int) -> list[Problem]:
    """Return a warning for each set of jobs of which more than `limit` start in the same minute.

    In the next days; three at most, the worst first, each at the schedule of the first of its jobs.
    Jobs with a jitter count as spread evenly over it. And one where more than `limit` jobs would
    start together at the boot, after a long time without power.
    """
    chosen = [job for job in jobs if job.enabled and job.schedule]
    if len(chosen) <= limit:
        return []
    now = host.clock.now().replace(second=0, microsecond=0)
    groups = _groups(host, chosen, now)
    return [*_in_a_minute(host, groups, now, limit), *_at_boot(groups, limit)]


def _groups(host: Host, jobs: Sequence[Job], now: datetime) -> list[_Group]:
    zone = host.clock.zone()
    alike: dict[tuple[tuple[str, ...], int], list[Job]] = {}
    for job in jobs:
        key = (calendar_lines(job, zone), max(jitter_of(job) // _MINUTE, 1))
        alike.setdefault(key, []).append(job)
    lines = [line for some, _ in alike for line in some]
    answers = elapses_until(host, lines, after=now, until=now + _AHEAD, most=_MOST_ELAPSES)
    return [
        _group(some, [answers[line] for line in lines], jitter, now)
        for (lines, jitter), some in alike.items()
    ]


def _group(
    jobs: Iterable[Job], answers: Iterable[CalendarAnswer], jitter: int, now: datetime
) -> _Group:
    end = now + _AHEAD
    elapses = sorted({each for one in answers for each in _continued(one.elapses, end)})
    near = [each for each in elapses if each < end]
    return _Group(
        jobs=tuple(jobs),
        minutes=tuple(dict.fromkeys((each - now) // _MINUTE for each in near)),
        shortest=shortest(elapses) or _AHEAD,
        jitter=jitter,
    )


def _continued(elapses: Sequence[datetime], end: datetime) -> Iterator[datetime]:
    """Yield `elapses`, and where they were cut off before `end` the last day of them again."""
    yield from elapses
    if len(elapses) < _MOST_ELAPSES:
        return
    period = min(_DAY, elapses[-1] - elapses[0])
    last = [each for each in elapses if each > elapses[-1] - period]
    for number in range(1, (end - elapses[-1]) // period + 2):
        yield from (each + number * period for each in last)


def _in_a_minute(
    host: Host, groups: Collection[_Group], now: datetime, limit: int
) -> Iterator[Problem]:
    for _ in range(_MOST_WARNINGS):
        loads = _loads(groups)
        minute = max(range(_MINUTES), key=loads.__getitem__)
        if loads[minute] <= limit:
            return
        crowd = [group for group in groups if group.covers(minute)]
        groups = [group for group in groups if not group.covers(minute)]
        at = (now + minute * _MINUTE).astimezone(zone_of(host.clock.zone()))
        what = f"{round(loads[minute])} runs start in one minute, {at:%a %Y-%m-%d %H:%M}"
        yield _problem(crowd, what, limit)


def _loads(groups: Iterable[_Group]) -> list[float]:
    """Return how many runs start in each of the next minutes."""
    changes = [0.0] * (_MINUTES + 1)
    for group in groups:
        share = len(group.jobs) / group.jitter
        for start in group.minutes:
            changes[start] += share
            changes[min(start + group.jitter, _MINUTES)] -= share
    return list(accumulate(changes))


def _at_boot(groups: Iterable[_Group], limit: int) -> Iterator[Problem]:
    crowd = []
    for group in groups:
        jobs = [job for job in group.jobs if job.schedule and job.schedule.catch_up != SKIP]
        if jobs and not jitter_of(jobs[0]):
            crowd.append(_Group(jobs=tuple(jobs), minutes=(), shortest=group.shortest, jitter=1))
    number = sum(len(group.jobs) for group in crowd)
    if number > limit:
        what = (
            f"{number} jobs catch up without jitter: after a long down time all start at the boot"
        )
        yield _problem(crowd, what, limit)


def _problem(crowd: Sequence[_Group], what: str, limit: int) -> Problem:
    jobs = [job for group in crowd for job in group.jobs]
    first = min(jobs, key=lambda job: (str(job.source.file), job.source.line))
    fix = _advice(crowd, limit)
    return warning_at(
        first, Complaint(path=("schedule",), message=f"{what}: {_some(jobs)}", fix=fix)
    )


def _some(jobs: Sequence[Job]) -> str:
    named = ", ".join(job.id for job in jobs[:_NAMED])
    return f"{named} and {len(jobs) - _NAMED} more" if len(jobs) > _NAMED else named


def _advice(crowd: Sequence[_Group], limit: int) -> str:
    """Return what spreads the crowd: a jitter with half of `limit` starts a minute, if there is."""
    by_load = [(_spread(crowd, jitter), jitter) for jitter in _NICE]
    enough = [jitter for load, jitter in by_load if load <= limit / 2]
    load, best = min(by_load)
    if not enough and load > limit:
        return "let some of them start at other times: they run too often for a jitter to help"
    jitter = (enough[0] if enough else best) * _MINUTE
    often = [job for group in crowd if group.shortest <= jitter for job in group.jobs]
    where = "in these schedules, or under defaults.schedule of config.yaml"
    if often:
        where = f"in these schedules, but for those of {_some(often)}, which run too often for it"
    return f"spread them: write jitter: {format_timespan(jitter)} {where}"


def _spread(crowd: Iterable[_Group], jitter: int) -> float:
    """Return how many start in a minute when all whose runs are far enough apart get `jitter`."""
    return sum(
        len(group.jobs) / max(group.jitter, jitter if jitter * _MINUTE < group.shortest else 1)
        for group in crowd
    )
