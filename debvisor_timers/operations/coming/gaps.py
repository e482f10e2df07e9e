# SPDX-License-Identifier: Apache-2.0
"""check: lines of `on_calendar` that lie where clocks are put forward: systemd skips them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from debvisor_timers.calendar.gaps import Gap, gaps
from debvisor_timers.calendar.zones import check_zone
from debvisor_timers.errors import ScheduleError
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.translate import Complaint
from debvisor_timers.operations.coming.elapses import elapses_until
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.warning import warning_at
from debvisor_timers.render.timer import calendar_lines
from debvisor_timers.source import Problem

_HOUR = timedelta(hours=1)
_DAY = timedelta(days=1)
_SECOND = timedelta(seconds=1)
# Any day: only the time of day is looked at.
_SOME_DAY = datetime(2000, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Lost:
    """A time on the wall that does not exist, shown as if it were UTC, and the line that has it."""

    line: _Line
    at: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Line:
    """A line of a job: which one, its text without a zone, its zone."""

    job: Job
    number: int
    text: str
    zone: str

    @property
    def plain(self) -> str:
        """Return the line as if its zone had no clock changes."""
        return f"{self.text} UTC"

    @property
    def daily(self) -> str:
        """Return its times of day alone."""
        clock = next((word for word in self.text.split() if ":" in word), "00:00:00")
        return f"*-*-* {clock} UTC"


def gap_problems(host: Host, jobs: Iterable[Job]) -> list[Problem]:
    """Return a warning for each job with a line that falls into a gap, naming the first date.

    Lines that elapse in the hour before and the hour after as well follow the clock on the wall:
    nobody misses what is left out of them.
    """
    now = host.clock.now()
    lines = list(_lines(host, jobs))
    changes = {zone: gaps(zone, after=now) for zone in {line.zone for line in lines}}
    times = _times_of_day(host, lines)
    open_ = [line for line in lines if _may_fall(times[line.daily], changes[line.zone])]
    found = [
        lost
        for zone in sorted({line.zone for line in open_})
        for lost in _first_lost(host, [line for line in open_ if line.zone == zone], changes[zone])
    ]
    first: dict[str, _Lost] = {}
    for lost in sorted(found, key=lambda each: each.at):
        first.setdefault(lost.line.job.id, lost)
    return [_problem(lost) for lost in first.values()]


def _first_lost(host: Host, lines: Iterable[_Line], changes: Iterable[Gap]) -> Iterator[_Lost]:
    """Yield what each job with one of `lines`, all in one zone, loses first, if it does."""
    waiting = list(lines)
    for gap in changes:
        if not waiting:
            return
        lost = list(_lost(host, waiting, gap))
        yield from lost
        done = {each.line.job.id for each in lost}
        waiting = [line for line in waiting if line.job.id not in done]


def _lines(host: Host, jobs: Iterable[Job]) -> Iterator[_Line]:
    chosen = [job for job in jobs if job.schedule and job.schedule.on_calendar]
    host_zone = host.clock.zone()
    specs = [spec for job in chosen for spec in calendar_lines(job, host_zone)]
    answers = host.analyzer.calendar(specs, after=host.clock.now(), count=1) if specs else []
    normalized: Mapping[str, str] = {
        each.spec: each.normalized for each in answers if not each.error
    }
    for job in chosen:
        for number, spec in enumerate(calendar_lines(job, host_zone)):
            text, zone = _without_zone(normalized.get(spec, ""))
            zone = zone or host_zone
            if text and zone != "UTC" and _is_zone(zone):
                yield _Line(job=job, number=number, text=text, zone=zone)


def _without_zone(normalized: str) -> tuple[str, str]:
    """Part the zone from a line as systemd writes it: the time of day is the last word else."""
    text, _, last = normalized.rpartition(" ")
    return (normalized, "") if ":" in last else (text, last)


def _is_zone(name: str) -> bool:
    try:
        check_zone(name)
    except ScheduleError:
        return False
    return True


def _times_of_day(host: Host, lines: Iterable[_Line]) -> dict[str, tuple[timedelta, ...]]:
    daily = {line.daily for line in lines}
    answers = elapses_until(host, daily, after=_SOME_DAY - _SECOND, until=_SOME_DAY + _DAY)
    return {
        spec: tuple(each - _SOME_DAY for each in answer.elapses if each < _SOME_DAY + _DAY)
        for spec, answer in answers.items()
    }


def _may_fall(times: Iterable[timedelta], changes: Iterable[Gap]) -> bool:
    """Return True when one of the times of day lies in one of the gaps, whatever the date."""
    spans = {(gap.start - _SOME_DAY.replace(tzinfo=None), gap.end - gap.start) for gap in changes}
    return any((time - start) % _DAY < length for time in times for start, length in spans)


def _lost(host: Host, lines: list[_Line], gap: Gap) -> Iterator[_Lost]:
    """Yield the lines that fall into `gap`, with the first time that does."""
    start, end = (at.replace(tzinfo=UTC) for at in (gap.start, gap.end))
    answers = elapses_until(
        host, {line.plain for line in lines}, after=start - _HOUR - _SECOND, until=end + _HOUR
    )
    for line in lines:
        elapses = answers[line.plain].elapses
        inside = [each for each in elapses if start <= each < end]
        before = any(start - _HOUR <= each < start for each in elapses)
        after = any(end <= each < end + _HOUR for each in elapses)
        if inside and not (before and after):
            yield _Lost(line=line, at=inside[0])


def _problem(lost: _Lost) -> Problem:
    line, clock = lost.line, f"{lost.at:%H:%M:%S}".removesuffix(":00")
    return warning_at(
        line.job,
        Complaint(
            path=("schedule", "on_calendar", line.number),
            message=f"{clock} does not exist on {lost.at:%Y-%m-%d} in {line.zone}: systemd leaves "
            "that run out",
            fix="write it as cron, which runs it right after the gap, or take another time, or "
            "timezone: UTC",
        ),
    )
