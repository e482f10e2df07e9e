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
from debvisor_timers.operations.elapses import elapses_until
from debvisor_timers.operations.host import Host
from debvisor_timers.render.skips import exclude_zone


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """Beginnings of a maintenance window, ascending, in UTC, and how long it lasts."""

    concerns: frozenset[str]
    begins: Sequence[datetime]
    duration: timedelta
    reason: str

    def holds(self, moment: datetime) -> bool:
        last = bisect_right(self.begins, moment) - 1
        return last >= 0 and moment < self.begins[last] + self.duration


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

    def reason(self, job: Job, *, scheduled: datetime, start: datetime) -> str:
        """Return why a run of `job` is going to be skipped; empty when it is not.

        scheduled: what its calendar says; start: when it comes, its delay included.
        """
        for window in self.windows:
            if job.id in window.concerns and window.holds(start):
                return f"maintenance: {window.reason}" if window.reason else "maintenance"
        exclusions = self.exclusions.get(job.id)
        if exclusions is None or job.schedule is None:
            return ""
        zone = exclude_zone(job.schedule) or self.host_zone
        local = scheduled.astimezone(UTC if zone == "UTC" else ZoneInfo(zone))
        return exclusions.reason(local.date())


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
        _Window(
            concerns=frozenset(filter(window.concerns, definitions.jobs)),
            begins=answers[line].elapses,
            duration=duration,
            reason=window.reason,
        )
        for window, line, duration in lines
    ]
