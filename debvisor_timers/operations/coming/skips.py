# SPDX-License-Identifier: Apache-2.0
"""Which runs to come are going to be skipped: days left out, and maintenance windows.

`begin` decides when the time has come; what it will say is told here in its words.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from debvisor_timers.calendar.exclusions import Exclusions
from debvisor_timers.jobs.load import Definitions
from debvisor_timers.jobs.model import Job
from debvisor_timers.operations.coming.elapses import elapses_until
from debvisor_timers.operations.host import Host
from debvisor_timers.render.skips import exclude_zone

_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """Why a run is going to be skipped; not certain where that hangs on a delay not yet known."""

    reason: str
    is_certain: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """When a maintenance window holds: ascending, in UTC, none touching the one before."""

    concerns: frozenset[str]
    begins: Sequence[datetime]
    ends: Sequence[datetime]
    reason: str

    @classmethod
    def of(
        cls, concerns: frozenset[str], begins: Sequence[datetime], length: timedelta, reason: str
    ) -> _Window:
        """Return the window that begins at each of `begins`, ascending."""
        ends = [begin + length for begin in begins]
        apart = [number for number in range(1, len(begins)) if begins[number] > ends[number - 1]]
        return cls(
            concerns=concerns,
            begins=[begins[number] for number in [0, *apart] if begins],
            ends=[ends[number - 1] for number in [*apart, len(ends)] if ends],
            reason=f"maintenance: {reason}" if reason else "maintenance",
        )

    def skip(self, start: datetime, end: datetime) -> Skip | None:
        """Return the skip of a run that starts at or after `start`, before `end`."""
        number = bisect_right(self.ends, start)
        if number == len(self.ends) or self.begins[number] >= end:
            return None
        is_certain = self.begins[number] <= start and end <= self.ends[number]
        return Skip(reason=self.reason, is_certain=is_certain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Skips:
    """Tells which runs of some jobs between two moments are going to be skipped."""

    host_zone: str
    exclusions: Mapping[str, Exclusions]
    windows: Sequence[_Window]

    @classmethod
    def between(
        cls, host: Host, definitions: Definitions, *, after: datetime, until: datetime
    ) -> Skips:
        """Return those of all jobs of `definitions`, for starts from `after` to `until`."""
        zone = host.clock.zone()
        return cls(
            host_zone=zone,
            exclusions={
                job.id: Exclusions.of(job.schedule.exclude, definitions.calendars)
                for job in definitions.jobs.values()
                if job.schedule and job.schedule.exclude
            },
            windows=_windows(host, definitions, after, until),
        )

    def concern(self, job_id: str) -> bool:
        """Return True when a run of the job may be skipped at all."""
        return job_id in self.exclusions or any(job_id in each.concerns for each in self.windows)

    def alike(self, job: Job) -> object:
        """Return what two jobs have in common whose runs of the same times are skipped alike."""
        held = tuple(job.id in window.concerns for window in self.windows)
        if job.id not in self.exclusions or job.schedule is None:
            return held
        return (held, job.schedule.exclude, exclude_zone(job.schedule))

    def of(
        self, job: Job, *, scheduled: datetime, start: datetime, latest: datetime
    ) -> Skip | None:
        """Return why a run of `job` is going to be skipped, or may be; None when it is not.

        scheduled: what its calendar says; start, latest: between which it comes, the same where its
        delay is known.
        """
        end = max(latest, start + _INSTANT)
        held = [
            skip
            for window in self.windows
            if job.id in window.concerns and (skip := window.skip(start, end))
        ]
        certain = next((skip for skip in held if skip.is_certain), None)
        return certain or self._excluded(job, scheduled) or next(iter(held), None)

    def _excluded(self, job: Job, scheduled: datetime) -> Skip | None:
        exclusions = self.exclusions.get(job.id)
        if exclusions is None or job.schedule is None:
            return None
        zone = exclude_zone(job.schedule) or self.host_zone
        local = scheduled.astimezone(UTC if zone == "UTC" else ZoneInfo(zone))
        reason = exclusions.reason(local.date())
        return Skip(reason=reason) if reason else None


def _windows(
    host: Host, definitions: Definitions, after: datetime, until: datetime
) -> list[_Window]:
    zone = host.clock.zone()
    lines = [
        (window, line, duration)
        for window in definitions.config.maintenance_windows
        for line, duration in window.calendar_lines(zone)
    ]
    if not lines:
        return []
    longest = max(duration for _, _, duration in lines)
    distinct = {line for _, line, _ in lines}
    answers = elapses_until(host, distinct, after=after - longest, until=until)
    return [
        _Window.of(
            frozenset(filter(window.concerns, definitions.jobs)),
            answers[line].elapses,
            duration,
            window.reason,
        )
        for window, line, duration in lines
    ]
