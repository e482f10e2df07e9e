# SPDX-License-Identifier: Apache-2.0
"""pause and resume: no schedule and no trigger starts a job meanwhile; `begin` skips such runs.

No timer is stopped: elapses come and are recorded, and nothing is left to be caught up.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from debvisor_timers.errors import UsageError
from debvisor_timers.history.caller import Caller
from debvisor_timers.operations.applying.timers import Unarmed
from debvisor_timers.operations.holding.arming import hold_paths, miss_elapses
from debvisor_timers.operations.holding.keeping import remove_marks, write_marks
from debvisor_timers.operations.holding.marks import Mark, names, one_line, pause, person
from debvisor_timers.operations.holding.selecting import Choice, chosen
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.lock import exclusive
from debvisor_timers.operations.runs.running import running_jobs
from debvisor_timers.render.names import path_unit

LOCK_WAIT = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class Wish:
    """Until when something is to be held back, and why; until: None for no end."""

    until: datetime | None = None
    reason: str = ""

    def mark(self, now: datetime, caller: Caller) -> Mark:
        """Return the mark that says so. Raises UsageError for a time that has passed."""
        if self.until is not None and self.until <= now:
            raise UsageError(
                f"--until names a time that has passed: {self.until.isoformat()}",
                fix="name one to come, such as `2026-11-27 06:00`, `tomorrow` or `+2h`",
            )
        by, reason = person(caller), one_line(self.reason)
        return Mark(since=now, until=self.until, by=by, reason=reason)


@dataclass(frozen=True, slots=True, kw_only=True)
class PausedJob:
    """A job that is paused: its mark now, and the one before, None where it was not paused."""

    job_id: str
    mark: Mark
    before: Mark | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Paused:
    """The jobs that are paused now; running: those of which a run is under way, and goes on."""

    jobs: tuple[PausedJob, ...]
    running: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Resumed:
    """The jobs that are paused no more, and those that were not.

    unarmed: path units that are left stopped, since they would start their job at once.
    """

    jobs: tuple[str, ...]
    not_paused: tuple[str, ...] = ()
    unarmed: tuple[Unarmed, ...] = ()


def pause_jobs(host: Host, choice: Choice, wish: Wish, caller: Caller) -> Paused:
    """Pause jobs; one that is paused gets another end and reason.

    Raises UsageError, NotFoundError, DefinitionError, LockedError, PermissionRefusedError,
    SystemdError.
    """
    choice.require_one()
    with exclusive(host.layout.runtime, purpose="debvisor-timers pause", wait=LOCK_WAIT):
        now = host.clock.now()
        mark = wish.mark(now, caller)
        jobs = [_paused(host, job_id, mark, now) for job_id in chosen(host, choice)]
        write_marks(host.layout.paused, {job.job_id: job.mark.to_json() for job in jobs})
    running = running_jobs(host.manager.units("debvisor-job-*.service"))
    return Paused(
        jobs=tuple(jobs), running=tuple(job.job_id for job in jobs if job.job_id in running)
    )


def _paused(host: Host, job_id: str, mark: Mark, now: datetime) -> PausedJob:
    before = pause(host.layout, job_id)
    if before is None or not before.holds(now):
        return PausedJob(job_id=job_id, mark=mark, before=None)
    return PausedJob(job_id=job_id, mark=replace(mark, since=before.since or now), before=before)


def resume_jobs(host: Host, choice: Choice) -> Resumed:
    """Resume jobs; none of them starts by that.

    What came meanwhile was skipped, also where a timer was stopped. Raises the errors of
    `pause_jobs`.
    """
    choice.require_one()
    with exclusive(host.layout.runtime, purpose="debvisor-timers resume", wait=LOCK_WAIT):
        wanted = chosen(host, choice)
        marked = set(names(host.layout.paused))
        jobs = tuple(job_id for job_id in wanted if job_id in marked)
        unarmed = _release(host, jobs)
    others = () if choice.all else tuple(job_id for job_id in wanted if job_id not in marked)
    return Resumed(jobs=jobs, not_paused=others, unarmed=unarmed)


def _release(host: Host, jobs: Collection[str]) -> tuple[Unarmed, ...]:
    """Take the pauses of `jobs` away, so that none of them starts by that.

    Where that fails, path units watch again: what they start is still skipped.
    """
    if not jobs:
        return ()
    unarmed = hold_paths(host, jobs)
    try:
        miss_elapses(host, jobs)
        remove_marks(host.layout.paused, jobs)
    except BaseException:
        left = {path_unit(job_id) for job_id in jobs if (host.layout.paused / job_id).exists()}
        host.manager.start([one.unit for one in unarmed if one.unit in left])
        raise
    return unarmed
