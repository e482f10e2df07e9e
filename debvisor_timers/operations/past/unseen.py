# SPDX-License-Identifier: Apache-2.0
"""report: elapses of calendars that have left no trace, as while the host was off."""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

from debvisor_timers.errors import PermissionRefusedError, SystemdError
from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.outcome import UNDER_WAY, RunOutcome
from debvisor_timers.history.runs import Run
from debvisor_timers.jobs.model import Job
from debvisor_timers.operations.applying.generations import Generations
from debvisor_timers.operations.coming.constant import Span
from debvisor_timers.operations.coming.delays import jitter_of
from debvisor_timers.operations.coming.elapses import Interval
from debvisor_timers.operations.coming.upcoming import Calendars
from debvisor_timers.operations.holding.paused import is_paused
from debvisor_timers.operations.host import Host
from debvisor_timers.render.names import timer_unit
from debvisor_timers.render.ownership import read_ownership
from debvisor_timers.render.timing import elapses_alike
from debvisor_timers.systemd.ports import FileEntry

_MOST = 300_000
"""So many elapses are looked at in all."""
_GRACE = timedelta(minutes=1)
"""A run may begin so much later than its timer elapses: hosts are busy, and some are slow."""
_EARLY = 2.0
_INSTANT = timedelta(microseconds=1)


@dataclass(frozen=True, slots=True, kw_only=True)
class Unseen:
    """Elapses that have left no trace: by job, in seconds since 1970, ascending.

    not_looked_at: jobs that elapse too often to look at each.
    notes: why nothing could be told.
    """

    elapses: Mapping[str, Sequence[float]] = field(default_factory=dict)
    not_looked_at: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def unseen_elapses(
    host: Host,
    jobs: Iterable[Job],
    runs: Mapping[str, Sequence[RunFigures]],
    skips: Iterable[Run],
    span: Span,
) -> Unseen:
    """Return the elapses of `span` of which history knows nothing.

    Only of jobs whose timers are what the YAML says, and only since their calendars are what they
    are. runs: by job, with those that began a little before. skips: with the times that
    each tells of; and runs that were made for such times later.
    """
    try:
        since = _in_force(host, [job for job in jobs if job.enabled and job.schedule])
    except (SystemdError, PermissionRefusedError):
        note = (
            "elapses that have left no trace are not told: since when calendars hold cannot be read"
        )
        return Unseen(notes=(note,))
    known = [job for job, at in since if at < span.end]
    if not known:
        return Unseen()
    reach = max(jitter_of(job) for job in known)
    # What has just elapsed may be about to start.
    end = max(min(span.end, host.clock.now() - _GRACE) - reach, span.start)
    within = Interval(after=span.start - _INSTANT, until=end)
    search = _Search(
        calendars=Calendars.ask(host, known, within),
        since={job.id: max(at, span.start) for job, at in since},
        end=end,
    )
    return search.among(known, runs, _ranges(skips))


_Range = tuple[float, float]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Search:
    """Looks for elapses without a trace; since: from when on each calendar is what it is."""

    calendars: Calendars
    since: Mapping[str, datetime]
    end: datetime

    def among(
        self,
        jobs: Iterable[Job],
        runs: Mapping[str, Sequence[RunFigures]],
        skipped: Mapping[str, Sequence[_Range]],
    ) -> Unseen:
        """Look at the jobs that elapse least often first, and at no more than can be afforded."""
        elapses = {job.id: self.calendars.elapses(job) for job in jobs}
        found: dict[str, Sequence[float]] = {}
        left, not_looked_at = _MOST, []
        for job in sorted(jobs, key=lambda each: len(elapses[each.id])):
            left -= len(elapses[job.id])
            if left < 0:
                not_looked_at.append(job.id)
                continue
            since = self.since[job.id]
            times = sorted(each for each in elapses[job.id] if since < each < self.end)
            traces = _Traces.of(runs.get(job.id, ()), skipped.get(job.id, ()))
            if gaps := traces.missing(times, self.calendars.delay(job)):
                found[job.id] = gaps
        return Unseen(elapses=found, not_looked_at=tuple(sorted(not_looked_at)))


def _in_force(host: Host, jobs: Collection[Job]) -> list[tuple[Job, datetime]]:
    """Return the jobs that are applied as they are written, each with the time since when."""
    zone, on_disk = host.clock.zone(), host.units.read()
    generations = Generations(host.layout.state / "generations")
    known: dict[int, datetime | None] = {}
    found = []
    for job in jobs:
        entry = on_disk.get(timer_unit(job.id))
        if not isinstance(entry, FileEntry) or not elapses_alike(job, entry.text, zone):
            continue
        ownership = read_ownership(entry.text)
        if ownership is None or is_paused(host, job.id):
            continue
        number = ownership.generation
        try:
            if number not in known:
                known[number] = generations.applied_by(number)
            at = known[number]
        except PermissionRefusedError:
            # Nor may a reader look at generations; the timer was written when it was applied.
            at = _written(host.layout.units / timer_unit(job.id))
            if at is None:
                raise
        if at is not None:
            found.append((job, at))
    return found


def _written(path: Path) -> datetime | None:
    try:
        return datetime.fromtimestamp(path.stat().st_mtime, UTC)
    except OSError:
        return None


def _ranges(skips: Iterable[Run]) -> dict[str, list[_Range]]:
    """Return by job the times that its skips tell of."""
    found: dict[str, list[_Range]] = {}
    for run in skips:
        if run.scheduled_for is not None:
            last = run.last_scheduled_for or run.scheduled_for
            times = (run.scheduled_for.timestamp(), last.timestamp())
            found.setdefault(run.job, []).append(times)
    return found


@dataclass(frozen=True, slots=True, kw_only=True)
class _Traces:
    """When runs of a job began, and between which times one went on or elapses were skipped."""

    starts: Sequence[float]
    begins: Sequence[float]
    ends: Sequence[float]

    @classmethod
    def of(cls, runs: Iterable[RunFigures], skipped: Iterable[_Range]) -> _Traces:
        several = list(runs)
        went_on = [
            (run.start, run.start + run.duration)
            for run in several
            if run.duration and run.outcome is not RunOutcome.SKIPPED
        ]
        busy = _joined([*went_on, *_under_way(several), *skipped])
        return cls(
            starts=sorted(run.start for run in several),
            begins=[begin for begin, _ in busy],
            ends=[end for _, end in busy],
        )

    def missing(self, times: Iterable[datetime], delay: tuple[timedelta, timedelta]) -> list[float]:
        """Return the elapses that neither began a run nor came while one went on."""
        least, most = (each.total_seconds() for each in delay)
        found = []
        for moment in times:
            at = moment.timestamp()
            first = bisect_left(self.starts, at + least - _EARLY)
            last = at + most + _GRACE.total_seconds()
            has_begun = first < len(self.starts) and self.starts[first] <= last
            if not has_begun and not self._is_busy(at, at + most):
                found.append(at)
        return found

    def _is_busy(self, since: float, until: float) -> bool:
        number = bisect_right(self.begins, until + _EARLY) - 1
        return number >= 0 and self.ends[number] >= since - _EARLY


def _under_way(runs: Sequence[RunFigures]) -> list[_Range]:
    return [(run.start, float("inf")) for run in runs if run.outcome in UNDER_WAY]


def _joined(ranges: Iterable[_Range]) -> list[_Range]:
    """Return `ranges` ascending, none of which touches another."""
    found: list[_Range] = []
    for begin, end in sorted(ranges):
        if found and begin <= found[-1][1]:
            found[-1] = (found[-1][0], max(found[-1][1], end))
        else:
            found.append((begin, end))
    return found
