# SPDX-License-Identifier: Apache-2.0
"""check: jobs that start in the same minute, or all at the boot, and the jitter that helps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from itertools import accumulate

from debvisor_timers.jobs.catch_up import SKIP
from debvisor_timers.jobs.duration import format_timespan
from debvisor_timers.jobs.load import Definitions
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.translate import Complaint
from debvisor_timers.operations.coming.delays import jitter_of
from debvisor_timers.operations.coming.elapses import elapses_until
from debvisor_timers.operations.coming.jitter import shortest
from debvisor_timers.operations.coming.skips import Skips
from debvisor_timers.operations.coming.timeline import zone_of
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.warning import warning_at
from debvisor_timers.render.timer import calendar_lines
from debvisor_timers.source import Problem
from debvisor_timers.systemd.ports import CalendarAnswer

# A day more than a week, so that every weekly job is met.
_AHEAD = timedelta(days=8)
# Monthly and yearly jobs meet on few days: these are looked for so far.
_FAR = timedelta(days=400)
_MINUTE = timedelta(minutes=1)
_MINUTES = _AHEAD // _MINUTE
_DAY = timedelta(days=1)
_WEEK = 7 * _DAY // _MINUTE
# A little more than a day of every minute; such a line is taken to go on as it began.
_MOST_ELAPSES = 1_500
# elapses_until asks for no fewer of a line: ten weeks of a weekly one, ten months of a monthly one.
_ELAPSES = 10
_SELDOM = timedelta(days=71)
_MOST_WARNINGS = 3
_NAMED = 5
_NICE = (1, 2, 5, 10, 15, 20, 30, 45, 60, 90, 120, 180, 240, 360, 480, 720)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Group:
    """Jobs with the same lines and the same jitter: in which minutes from now on they start.

    minutes: those of the next days; of jobs that run seldom also those far ahead.
    jitter: in minutes, each of which is as likely; 1 for a start that is known.
    """

    jobs: tuple[Job, ...]
    minutes: tuple[int, ...]
    shortest: timedelta
    jitter: int
    is_seldom: bool

    @property
    def share(self) -> float:
        """Return how many runs start in each minute in which one may."""
        return len(self.jobs) / self.jitter

    def covers(self, minute: int) -> bool:
        """Return True when a run may start in `minute`."""
        return any(start <= minute < start + self.jitter for start in self.minutes)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ahead:
    """The time from `now` on, in minutes, seen in the zone of the host."""

    now: datetime
    zone: tzinfo

    def at(self, minute: int) -> datetime:
        """Return the local time of `minute`."""
        return (self.now + minute * _MINUTE).astimezone(self.zone)

    def alike(self, minute: int) -> int:
        """Return the minute of the next days with the day of the week and the time of `minute`."""
        if minute < _MINUTES:
            return minute
        offset, offset_now = (self.at(each).utcoffset() or timedelta() for each in (minute, 0))
        # The last seven of eight days.
        first = _MINUTES - _WEEK
        return (minute + (offset - offset_now) // _MINUTE - first) % _WEEK + first


def crowd_problems(host: Host, definitions: Definitions) -> list[Problem]:
    """Return a warning for each set of jobs too many of which start in the same minute.

    That is more than `starts_per_minute` of config.yaml, in the next days or, of jobs that run
    seldom, months ahead; three at most, the worst first, each at the schedule of the first of its
    jobs. Jobs with a jitter count as spread evenly over it; runs that are going to be skipped do
    not count. And one where too many jobs would start together at the boot, after a long time
    without power.
    """
    limit = definitions.config.starts_per_minute
    jobs = [job for job in definitions.jobs.values() if job.schedule]
    if sum(job.enabled for job in jobs) <= limit:
        return []
    now = host.clock.now().replace(second=0, microsecond=0)
    ahead = _Ahead(now=now, zone=zone_of(host.clock.zone()))
    every = _groups(host, definitions, jobs, now)
    # A jitter under defaults would be that of disabled jobs too.
    least = min(group.shortest for group in every)
    groups = [group for group in every if group.jobs[0].enabled]
    found = [*_in_a_minute(groups, ahead, limit), *_at_boot(groups, limit)]
    return [_problem(crowd, what, limit, least) for crowd, what in found]


def _groups(
    host: Host, definitions: Definitions, jobs: Sequence[Job], now: datetime
) -> list[_Group]:
    zone = host.clock.zone()
    skips = Skips.between(host, definitions, after=now, until=now + _FAR)
    alike: dict[tuple[tuple[str, ...], int, bool, object], list[Job]] = {}
    for job in jobs:
        jitter = max(jitter_of(job) // _MINUTE, 1)
        key = (calendar_lines(job, zone), jitter, job.enabled, skips.alike(job))
        alike.setdefault(key, []).append(job)
    lines = [line for some, *_ in alike for line in some]
    answers = elapses_until(host, lines, after=now, until=now + _AHEAD, most=_MOST_ELAPSES)
    return [
        _group(some, [answers[line] for line in lines], skips, now)
        for (lines, *_), some in alike.items()
    ]


def _group(
    jobs: Sequence[Job], answers: Sequence[CalendarAnswer], skips: Skips, now: datetime
) -> _Group:
    job, end = jobs[0], now + _AHEAD
    elapses = sorted({each for one in answers for each in _continued(one.elapses, end)})
    reach = min((_reach(each.elapses, now) for each in answers), default=end)
    is_seldom = reach > now + _SELDOM
    near = [each for each in elapses if each < (reach if is_seldom else end)]
    if skips.concern(job.id):
        near = [each for each in near if not _is_skipped(skips, job, each)]
    return _Group(
        jobs=tuple(jobs),
        minutes=tuple(dict.fromkeys((each - now) // _MINUTE for each in near)),
        shortest=shortest(elapses) or _AHEAD,
        jitter=max(jitter_of(job) // _MINUTE, 1),
        is_seldom=is_seldom,
    )


def _reach(elapses: Sequence[datetime], now: datetime) -> datetime:
    """Return until when all elapses of a line are known."""
    far = now + _FAR
    return far if len(elapses) < _ELAPSES else min(elapses[-1] + _MINUTE, far)


def _is_skipped(skips: Skips, job: Job, elapse: datetime) -> bool:
    skip = skips.of(job, scheduled=elapse, start=elapse, latest=elapse + jitter_of(job))
    return skip is not None and skip.is_certain


def _continued(elapses: Sequence[datetime], end: datetime) -> Iterator[datetime]:
    """Yield `elapses`, and where they were cut off before `end` the last day of them again."""
    yield from elapses
    if len(elapses) < _MOST_ELAPSES:
        return
    period = min(_DAY, elapses[-1] - elapses[0])
    last = [each for each in elapses if each > elapses[-1] - period]
    for number in range(1, (end - elapses[-1]) // period + 2):
        yield from (each + number * period for each in last)


_Crowd = tuple[Sequence[_Group], str]


def _in_a_minute(groups: Collection[_Group], ahead: _Ahead, limit: int) -> Iterator[_Crowd]:
    """Yield the groups that meet, and what they do."""
    for _ in range(_MOST_WARNINGS):
        load, minute = _worst(groups, ahead)
        if load <= limit:
            return
        crowd = [group for group in groups if _meets(group, minute, ahead)]
        groups = [group for group in groups if not _meets(group, minute, ahead)]
        yield crowd, f"{round(load)} runs start in one minute, {ahead.at(minute):%a %Y-%m-%d %H:%M}"


def _meets(group: _Group, minute: int, ahead: _Ahead) -> bool:
    return group.covers(minute if group.is_seldom else ahead.alike(minute))


def _worst(groups: Iterable[_Group], ahead: _Ahead) -> tuple[float, int]:
    """Return the highest load of a minute, and the first minute that has it."""
    often, seldom = _loads(groups, is_seldom=False), _loads(groups, is_seldom=True)
    always = list(accumulate(often.get(minute, 0.0) for minute in range(_MINUTES)))
    loads = dict(enumerate(always))
    load = 0.0
    for minute in sorted(seldom):
        load += seldom[minute]
        loads[minute] = load + always[ahead.alike(minute)]
    # Shares that are added up in another order differ a little.
    minute = min(loads, key=lambda each: (-round(loads[each], 6), each))
    return loads[minute], minute


def _loads(groups: Iterable[_Group], *, is_seldom: bool) -> dict[int, float]:
    """Return by how much the number of starts changes, by the minute in which it does."""
    changes = defaultdict[int, float](float)
    for group in groups:
        if group.is_seldom == is_seldom:
            for start in group.minutes:
                changes[start] += group.share
                changes[start + group.jitter] -= group.share
    return changes


def _at_boot(groups: Iterable[_Group], limit: int) -> Iterator[_Crowd]:
    crowd = []
    for group in groups:
        jobs = [job for job in group.jobs if job.schedule and job.schedule.catch_up != SKIP]
        if jobs and not jitter_of(jobs[0]):
            crowd.append(replace(group, jobs=tuple(jobs), jitter=1))
    number = sum(len(group.jobs) for group in crowd)
    if number > limit:
        yield (
            crowd,
            f"{number} jobs catch up without jitter: after a long down time all start at the boot",
        )


def _problem(crowd: Sequence[_Group], what: str, limit: int, least: timedelta) -> Problem:
    jobs = [job for group in crowd for job in group.jobs]
    first = min(jobs, key=lambda job: (str(job.source.file), job.source.line))
    fix = _advice(crowd, limit, least)
    return warning_at(
        first, Complaint(path=("schedule",), message=f"{what}: {_some(jobs)}", fix=fix)
    )


def _some(jobs: Sequence[Job]) -> str:
    named = ", ".join(job.id for job in jobs[:_NAMED])
    return f"{named} and {len(jobs) - _NAMED} more" if len(jobs) > _NAMED else named


def _advice(crowd: Sequence[_Group], limit: int, least: timedelta) -> str:
    """Return what spreads the crowd: a jitter with half of `limit` starts a minute, if there is.

    least: the shortest time between two runs of any job, which a jitter for all must not reach.
    """
    by_load = [(_spread(crowd, jitter), jitter) for jitter in _NICE]
    enough = [jitter for load, jitter in by_load if load <= limit / 2]
    load, best = min(by_load)
    if not enough and load > limit:
        return "let some of them start at other times: they run too often for a jitter to help"
    jitter = (enough[0] if enough else best) * _MINUTE
    often = [job for group in crowd if group.shortest <= jitter for job in group.jobs]
    where = "in these schedules"
    if jitter < least:
        where += ", or under defaults.schedule of config.yaml"
    if often:
        where = f"in these schedules, but for those of {_some(often)}, which run too often for it"
    return f"spread them: write jitter: {format_timespan(jitter)} {where}"


def _spread(crowd: Iterable[_Group], jitter: int) -> float:
    """Return how many start in a minute when all whose runs are far enough apart get `jitter`."""
    return sum(
        len(group.jobs) / max(group.jitter, jitter if jitter * _MINUTE < group.shortest else 1)
        for group in crowd
    )
