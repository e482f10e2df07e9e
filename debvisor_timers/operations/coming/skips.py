# SPDX-License-Identifier: Apache-2.0
"""Which runs to come are going to be skipped: what somebody holds back, maintenance windows, days
left out, and the next ones on request.

`begin` decides when the time has come; what it will say is told here in its words.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from debvisor_timers.calendar.exclusions import Exclusions
from debvisor_timers.jobs.load import Definitions
from debvisor_timers.jobs.model import Job
from debvisor_timers.operations.coming.asked import asked_skips
from debvisor_timers.operations.coming.elapses import elapses_until
from debvisor_timers.operations.holding.marks import Held, Mark
from debvisor_timers.operations.host import Host
from debvisor_timers.render.skips import exclude_zone

_INSTANT = timedelta(microseconds=1)
_EVER = datetime.min.replace(tzinfo=UTC)
_NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Skip:
    """Why a run is going to be skipped; not certain where that hangs on a delay not yet known."""

    reason: str
    is_certain: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class _Window:
    """When something holds runs back: ascending, in UTC, none touching the one before."""

    concerns: frozenset[str]
    begins: Sequence[datetime]
    ends: Sequence[datetime]
    reason: str

    @classmethod
    def of(
        cls, concerns: frozenset[str], begins: Sequence[datetime], length: timedelta, reason: str
    ) -> _Window:
        """Return the maintenance window that begins at each of `begins`, ascending."""
        ends = [begin + length for begin in begins]
        apart = [number for number in range(1, len(begins)) if begins[number] > ends[number - 1]]
        return cls(
            concerns=concerns,
            begins=[begins[number] for number in [0, *apart] if begins],
            ends=[ends[number - 1] for number in [*apart, len(ends)] if ends],
            reason=f"maintenance: {reason}" if reason else "maintenance",
        )

    @classmethod
    def by_mark(cls, concerns: frozenset[str], mark: Mark, reason: str) -> _Window:
        """Return what somebody holds back, from the past on."""
        return cls(concerns=concerns, begins=[_EVER], ends=[mark.until or _NEVER], reason=reason)

    def skip(self, start: datetime, end: datetime) -> Skip | None:
        """Return the skip of a run that starts at or after `start`, before `end`."""
        number = bisect_right(self.ends, start)
        if number == len(self.ends) or self.begins[number] >= end:
            return None
        is_certain = self.begins[number] <= start and end <= self.ends[number]
        return Skip(reason=self.reason, is_certain=is_certain)


@dataclass(frozen=True, slots=True, kw_only=True)
class Skips:
    """Tells which runs of some jobs between two moments are going to be skipped.

    asked: which scheduled times of a job are skipped on request, and the reason of each.
    """

    host_zone: str
    exclusions: Mapping[str, Exclusions]
    windows: Sequence[_Window]
    asked: Mapping[str, Mapping[datetime, str]] = field(default_factory=dict)

    @classmethod
    def between(
        cls, host: Host, definitions: Definitions, *, after: datetime, until: datetime
    ) -> Skips:
        """Return those of all jobs of `definitions`, for starts from `after` to `until`."""
        held = Held.read(host.layout, host.clock.now())
        skips = cls(
            host_zone=host.clock.zone(),
            exclusions={
                job.id: Exclusions.of(job.schedule.exclude, definitions.calendars)
                for job in definitions.jobs.values()
                if job.schedule and job.schedule.exclude
            },
            windows=[*_marked(definitions, held), *_windows(host, definitions, after, until)],
        )
        return (
            replace(skips, asked=skips.on_request(host, definitions, held)) if held.skips else skips
        )

    def on_request(
        self, host: Host, definitions: Definitions, held: Held
    ) -> Mapping[str, Mapping[datetime, str]]:
        """Return which runs are skipped on request: none that is skipped anyway counts."""
        jobs = [
            job
            for job_id in held.skips
            if (job := definitions.jobs.get(job_id)) and job.enabled and job.schedule
        ]

        def takes_place(job: Job, scheduled: datetime, start: datetime, latest: datetime) -> bool:
            skip = self.of(job, scheduled=scheduled, start=start, latest=latest)
            return skip is None or not skip.is_certain

        return asked_skips(host, jobs, held.skips, takes_place)

    def concern(self, job_id: str) -> bool:
        """Return True when a run of the job may be skipped at all."""
        is_named = job_id in self.exclusions or job_id in self.asked
        return is_named or any(job_id in each.concerns for each in self.windows)

    def alike(self, job: Job) -> object:
        """Return what two jobs have in common whose runs of the same times are skipped alike."""
        asked = tuple(self.asked.get(job.id, ()))
        held = (*(job.id in window.concerns for window in self.windows), *asked)
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
        found = certain or self._excluded(job, scheduled) or self._asked(job, scheduled)
        return found or next(iter(held), None)

    def _asked(self, job: Job, scheduled: datetime) -> Skip | None:
        reason = self.asked.get(job.id, {}).get(scheduled)
        return Skip(reason=reason) if reason else None

    def _excluded(self, job: Job, scheduled: datetime) -> Skip | None:
        exclusions = self.exclusions.get(job.id)
        if exclusions is None or job.schedule is None:
            return None
        zone = exclude_zone(job.schedule) or self.host_zone
        local = scheduled.astimezone(UTC if zone == "UTC" else ZoneInfo(zone))
        reason = exclusions.reason(local.date())
        return Skip(reason=reason) if reason else None


def _marked(definitions: Definitions, held: Held) -> list[_Window]:
    """Return the pauses, those of many jobs as one where they are alike, and the maintenance."""
    alike = defaultdict[tuple[datetime | None, str], list[str]](list)
    for job_id, mark in held.pauses.items():
        alike[mark.until, mark.as_pause].append(job_id)
    windows = [
        _Window.by_mark(frozenset(jobs), held.pauses[jobs[0]], reason)
        for (_, reason), jobs in alike.items()
    ]
    if held.maintenance:
        jobs = frozenset(definitions.jobs)
        windows.append(_Window.by_mark(jobs, held.maintenance, held.maintenance.as_maintenance))
    return windows


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
