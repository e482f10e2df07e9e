# SPDX-License-Identifier: Apache-2.0
"""skip-next: the next runs of a job by its schedule are skipped; `begin` counts them off."""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from debvisor_timers.errors import PermissionRefusedError, RefusedError, SystemdError, UsageError
from debvisor_timers.history.caller import Caller
from debvisor_timers.jobs.load import Definitions, load_definitions
from debvisor_timers.jobs.model import Job
from debvisor_timers.operations.coming.elapses import Interval
from debvisor_timers.operations.coming.upcoming import Upcoming, upcoming
from debvisor_timers.operations.holding.keeping import remove_marks, write_marks
from debvisor_timers.operations.holding.marks import SkipNext, person, skips_of
from debvisor_timers.operations.holding.pause import LOCK_WAIT
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.jobs import applied_service, find_job
from debvisor_timers.operations.lock import exclusive

MOST = 1000
_MORE = 16
"""So many runs more are looked at: days that are left out do not count."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Skipping:
    """What is skipped of a job now, and what was before; None for nothing.

    runs: which ones; not those behind many days that are left out.
    """

    job_id: str
    now: SkipNext | None
    before: SkipNext | None
    runs: tuple[Upcoming, ...] = ()


def skip_next(host: Host, job_id: str, count: int, caller: Caller) -> Skipping:
    """Let the next `count` runs of the job by its schedule be skipped; 0: none.

    In place of what was asked for before. Raises UsageError, NotFoundError, RefusedError for a job
    that no schedule starts, LockedError, PermissionRefusedError, SystemdError.
    """
    if not 0 <= count <= MOST:
        raise UsageError(
            f"{count} runs cannot be skipped", fix=f"name 1 to {MOST}, or pause the job"
        )
    definitions = load_definitions(host.layout.config)
    job = None if count == 0 and skips_of(host.layout, job_id) else find_job(definitions, job_id)
    if job is not None:
        _require_schedule(host, job)
    with exclusive(host.layout.runtime, purpose="debvisor-timers skip-next", wait=LOCK_WAIT):
        now = host.clock.now()
        mark = SkipNext(left=count, of=count, since=now, by=person(caller)) if count else None
        with _no_run_counts(host):
            before = skips_of(host.layout, job_id)
            if mark is None:
                remove_marks(host.layout.skip_next, [job_id])
            else:
                write_marks(host.layout.skip_next, {job_id: mark.to_json()})
    runs = () if mark is None or job is None else _runs(host, definitions, job, mark)
    return Skipping(job_id=job_id, now=mark, before=before, runs=runs)


def _runs(host: Host, definitions: Definitions, job: Job, mark: SkipNext) -> tuple[Upcoming, ...]:
    reasons = {mark.reason(number) for number in range(mark.left)}
    runs = upcoming(host, definitions, [job], Interval(count=mark.left + _MORE))
    return tuple(run for run in runs if run.skipped in reasons)


def _require_schedule(host: Host, job: Job) -> None:
    applied_service(host, job.id)
    if job.schedule is None:
        raise RefusedError(
            f"job {job.id!r} has no schedule: none of its runs can be skipped so",
            fix=f"hold it back with `debvisor-timers pause {job.id}`",
        )
    if not job.enabled:
        raise RefusedError(
            f"job {job.id!r} is disabled: its schedule starts nothing",
            fix="set `enabled: true` and apply, if it is to run again",
        )


@contextmanager
def _no_run_counts(host: Host) -> Iterator[None]:
    """Keep each `begin` from counting a run off while the block runs."""
    path = host.layout.runtime / "skip_next.lock"
    try:
        lock = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except PermissionError as error:
        raise PermissionRefusedError(
            f"only root may change jobs (cannot open {path})",
            fix="run the command with sudo, or as a member of the group debvisor-timers",
        ) from error
    except OSError as error:
        raise SystemdError(f"cannot open {path}: {error.strerror}") from error
    try:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
    finally:
        os.close(lock)
