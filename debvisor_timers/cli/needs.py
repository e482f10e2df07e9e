# SPDX-License-Identifier: Apache-2.0
"""How often a job is tried, what its runs wait for, and who waits for it: for `show`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from debvisor_timers.cli import times

if TYPE_CHECKING:
    from debvisor_timers.jobs.dependencies import Dependency
    from debvisor_timers.jobs.locks import Conflict
    from debvisor_timers.jobs.model import Job
    from debvisor_timers.operations.show import JobDetails


def lines(job: Job, details: JobDetails) -> Iterator[tuple[str, str]]:
    """Yield a title and what belongs to it, for people."""
    if job.retries.max:
        yield "attempts", f"up to {job.retries.max + 1}, after {_delays(job)}"
    if job.total_timeout:
        yield "in total", times.span(job.total_timeout)
    for number, dependency in enumerate(job.depends_on):
        yield ("needs" if number == 0 else ""), _dependency(dependency)
    for number, edge in enumerate(details.needed_by):
        yield ("needed by" if number == 0 else ""), str(edge)
    if details.waits is None:
        return
    for number, conflict in enumerate(details.waits.conflicts.values()):
        yield ("conflicts" if number == 0 else ""), _conflict(conflict)
    if details.waits.pool is not None:
        pool, size = details.waits.pool
        limit = f", waits up to {times.span(pool.wait)}" if pool.wait else ""
        yield "pool", f"{pool.name}, {pool.slots} of {size}{limit}"
    yield from _where(job)


def _delays(job: Job) -> str:
    """Return `1min, 2min, 4min`; equal ones at the end are said once."""
    words = [times.span(delay) for delay in job.retries.delays]
    growing = words[: words.index(words[-1])]
    if len(words) - len(growing) < 3:
        return ", ".join(words)
    return ", then ".join(filter(None, (", ".join(growing), f"{words[-1]} each")))


def _dependency(one: Dependency) -> str:
    if one.job is None:
        return str(one.unit)
    wait = f"waits up to {times.span(one.wait)}" if one.wait else "does not wait"
    age = f", success within {times.span(one.max_age)}" if one.max_age else ""
    return f"{one.job} ({one.type}, {wait}{age})"


def _conflict(one: Conflict) -> str:
    limit = f" up to {times.span(one.wait)}" if one.wait else ""
    return f"{one.job} ({one.policy}s{limit})"


def _where(job: Job) -> Iterator[tuple[str, str]]:
    parts = [f"virtual machine {job.where.vm_active} runs"] if job.where.vm_active else []
    parts += [f"host is {' or '.join(job.where.host)}"] if job.where.host else []
    if parts:
        yield "where", ", ".join(parts)
