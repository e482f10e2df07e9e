# SPDX-License-Identifier: Apache-2.0
"""The delay that `jitter` gives a job on this host: told by the timer that systemd has armed."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

from debvisor_timers.jobs.model import Job
from debvisor_timers.operations.coming.elapses import elapses_until
from debvisor_timers.operations.host import Host
from debvisor_timers.render.names import timer_unit
from debvisor_timers.render.timer import calendar_lines
from debvisor_timers.render.timing import elapses_alike
from debvisor_timers.systemd.ports import FileEntry, TimerState

# PID 1 takes the time of the boot a moment before it starts timers.
_BOOT = timedelta(minutes=1)


def jitter_of(job: Job) -> timedelta:
    """Return the longest delay of a run of `job`; none for a job without a schedule."""
    return job.schedule.jitter if job.schedule else timedelta()


def known_delays(host: Host, jobs: Iterable[Job]) -> dict[str, timedelta]:
    """Return the delay of each of `jobs` with a jitter whose delay can be told, by the job's id.

    It is fixed for a host and a unit (FixedRandomDelay=): what systemd has armed is the elapse of
    the calendar, which we ask for, and the delay. So the job has to be applied as it is written,
    and its timer must wait.
    """
    armed = _armed(host, [job for job in jobs if jitter_of(job)])
    if not armed:
        return {}
    zone = host.clock.zone()
    lines = {job.id: calendar_lines(job, zone) for job, _ in armed}
    ends: dict[str, datetime] = {}
    for job, at in armed:
        ends.update((line, max(at, ends.get(line, at))) for line in lines[job.id])
    longest = max(jitter_of(job) for job, _ in armed)
    answers = elapses_until(host, ends, after=host.clock.now() - longest, until=ends)
    delays = {}
    for job, at in armed:
        elapses = {elapse for line in lines[job.id] for elapse in answers[line].elapses}
        near = [elapse for elapse in elapses if elapse <= at < elapse + jitter_of(job)]
        if len(near) == 1:
            delays[job.id] = at - near[0]
    return delays


def _armed(host: Host, jobs: Sequence[Job]) -> list[tuple[Job, datetime]]:
    """Return the jobs that are applied as they are written, with what systemd has armed."""
    if not jobs:
        return []
    zone, on_disk = host.clock.zone(), host.units.read()
    entries = {timer_unit(job.id): job for job in jobs}
    applied = {
        name: job
        for name, job in entries.items()
        if isinstance(entry := on_disk.get(name), FileEntry)
        and elapses_alike(job, entry.text, zone)
    }
    if not applied:
        return []
    booted = host.manager.booted()
    return [
        (applied[name], state.next_elapse)
        for name, state in host.manager.timers(applied).items()
        if state.next_elapse is not None and not _catches_up(state, applied[name], booted)
    ]


def _catches_up(state: TimerState, job: Job, booted: datetime) -> bool:
    """Return True when the armed time may count from the boot, not from the calendar.

    systemd 257: an elapse that a persistent timer missed while the host was off is set to the time
    of the boot, and the delay added to that.
    """
    is_older = state.last_trigger is not None and state.last_trigger < booted
    return is_older and (state.next_elapse or booted) < booted + jitter_of(job) + _BOOT
