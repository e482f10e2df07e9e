# SPDX-License-Identifier: Apache-2.0
"""Runs that are asked for: started by the agent, and waited for by looking, in no thread."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from debvisor_timers.errors import SystemdError
from debvisor_timers.history.last import read_last
from debvisor_timers.history.outcome import UNDER_WAY
from debvisor_timers.operations.runs.newest import newest_runs
from debvisor_timers.operations.runs.running import is_running
from debvisor_timers.operations.runs.under_way import under_way
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.web.backend import Backend
from debvisor_timers.web.principal import Principal

_BEGINS_WITHIN = 10.0
"""Seconds from the start of a unit until `begin` has noted its run."""
_OFTEN, _SELDOM = 0.05, 1.0
"""Seconds between two looks: at first, and in the end."""
_SLACK = timedelta(milliseconds=50)


@dataclass(frozen=True, slots=True, kw_only=True)
class Asked:
    """That a run was asked for; newest: the one before; again: the one to repeat."""

    job_id: str
    newest: str
    at: datetime
    again: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Seen:
    """What has become of it: the id of the run, empty for none yet, and whether it is over."""

    run_id: str = ""
    is_over: bool = False


async def start(backend: Backend, who: Principal, job_id: str, *, force: bool) -> Asked:
    """Start a job. Raises the errors of `run`."""
    before = await backend.read(newest, job_id)
    await backend.change(who, _run, job_id, force)
    return before


async def start_again(backend: Backend, who: Principal, job_id: str, run_id: str) -> Asked:
    """Run a failed run again. Raises the errors of `retry`."""
    before = await backend.read(newest, job_id)
    again = await backend.change(who, _retry, job_id, run_id)
    return Asked(job_id=job_id, newest=before.newest, at=before.at, again=again or run_id)


async def begun(backend: Backend, asked: Asked) -> Seen:
    """Return the run once `begin` has noted it; nothing where that takes too long."""
    until = monotonic() + _BEGINS_WITHIN
    while True:
        seen = await backend.read(look, asked)
        if seen.run_id or monotonic() > until:
            return seen
        await asyncio.sleep(_OFTEN)


async def ended(backend: Backend, asked: Asked) -> Seen:
    """Return the run when it is over. Raises SystemdError where none has begun."""
    seen = await begun(backend, asked)
    if not seen.run_id:
        raise SystemdError(
            f"no run of job {asked.job_id!r} has begun",
            fix=f"see: debvisor-timers logs {asked.job_id}",
        )
    pause = _OFTEN
    while not seen.is_over:
        await asyncio.sleep(pause)
        pause = min(pause * 1.3, _SELDOM)
        seen = await backend.read(look, asked)
    return seen


def newest(scheduler: JobScheduler, job_id: str) -> Asked:
    """Return what the newest run of a job is, before another is asked for."""
    last = read_last(scheduler.layout.last, job_id)
    return Asked(job_id=job_id, newest=last.id if last else "", at=scheduler.now() - _SLACK)


def look(scheduler: JobScheduler, asked: Asked) -> Seen:
    """Return what has become of a run that was asked for.

    Files tell of nearly all; the journal of a run that was skipped, or in which none of our
    programs could run.
    """
    host, job_id = scheduler.host, asked.job_id
    noted = under_way(host, job_id)
    if noted is not None and noted.id != asked.newest:
        return Seen(run_id=noted.id)
    last = read_last(host.layout.last, job_id)
    if last is not None and last.id != asked.newest:
        return Seen(run_id=last.id, is_over=True)
    if is_running(host, job_id):
        return Seen()
    for run in newest_runs(host, job_id, 2):
        if run.start >= asked.at and not run.overlapped:
            return Seen(run_id=run.id, is_over=run.outcome not in UNDER_WAY)
    return Seen()


def _run(scheduler: JobScheduler, job_id: str, force: bool) -> None:  # noqa: FBT001 - a picklable call
    scheduler.run(job_id, wait=False, force=force)


def _retry(scheduler: JobScheduler, job_id: str, run_id: str) -> str:
    return scheduler.retry(job_id, run_id or None, wait=False).retry_of
