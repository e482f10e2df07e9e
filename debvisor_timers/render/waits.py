# SPDX-License-Identifier: Apache-2.0
"""What a run waits for before it begins: what `begin` reads in the service, in section [Service].

Other jobs are no Requires= or After= of the unit: with RestartMode=direct systemd 257 starts what a
unit requires again before each retry, and a wait of systemd's own is neither visible nor limited.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from debvisor_timers.jobs.dependencies import Dependency, DependencyType
from debvisor_timers.jobs.locks import (
    DEFAULT_POOL,
    LONGEST_WAIT,
    NO_POOL,
    Conflict,
    Policy,
    Pool,
)
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.relations import Relations
from debvisor_timers.jobs.where import MIGRATION_WAIT
from debvisor_timers.render.check import How, Row
from debvisor_timers.render.escape import seconds

WAITS = (
    Row("X-Requires", "requires", How.EACH),
    Row("X-Step", "steps", How.EACH),
    Row("X-After", "after", How.EACH),
    Row("X-WhereHost", "where_host", How.IF_ANY),
    Row("X-WhereVm", "where_vm", How.IF_ANY),
    Row("X-Carry", "carry", How.IF_ANY),
    Row("X-Conflict", "conflicts", How.EACH),
    Row("X-Pool", "pool", How.EACH),
    Row("X-Priority", "locks", How.IF_ANY),
    Row("FileDescriptorStoreMax", "locks", How.IF_ANY),
    Row("NotifyAccess", "locks", How.IF_ANY),
)
"""Rows of the table of services."""

_NOTHING = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Waits:
    """What the runs of a job wait for.

    dependencies: on jobs, each with the other job where it is known. conflicts: what this job does,
    by the id of the other one. pool: with its size. has_machine: it runs where a virtual machine
    runs. carries: its results go with that.
    """

    dependencies: tuple[tuple[Dependency, Job | None], ...] = ()
    conflicts: Mapping[str, Conflict]
    pool: tuple[Pool, int] | None = None
    has_machine: bool = False
    carries: bool = False

    @property
    def longest(self) -> timedelta:
        """Return how long a run can wait: for a migration, jobs, then steps, then locks."""
        waits = {True: _NOTHING, False: _NOTHING}
        for one, other in self.dependencies:
            is_step = other is not None and other.is_step
            waits[is_step] = max(waits[is_step], one.wait + _jitter(other))
        migration = MIGRATION_WAIT if self.has_machine else _NOTHING
        locks = max(self._lock_limits(), default=_NOTHING)
        return migration + waits[True] + waits[False] + locks

    def _lock_limits(self) -> Iterator[timedelta]:
        for conflict in self.conflicts.values():
            yield _NOTHING if conflict.policy is Policy.SKIP else conflict.wait or LONGEST_WAIT
        if self.pool is not None:
            yield self.pool[0].wait or LONGEST_WAIT


def waits_of(job: Job, relations: Relations, pools: Mapping[str, int]) -> Waits:
    """Return what the runs of `job` wait for, by what it and others say, and by the `pools`."""
    own = {conflict.job: conflict for conflict in reversed(job.conflicts_with)}
    others = relations.conflicts.get(job.id, ())
    pool = job.pool or Pool(name=DEFAULT_POOL)
    return Waits(
        dependencies=tuple(
            (one, relations.jobs.get(one.job)) for one in job.depends_on if one.job is not None
        ),
        conflicts={id_: own.get(id_) or Conflict(job=id_) for id_ in sorted({*own, *others})},
        pool=(pool, pools[pool.name]) if pool.name in pools and pool.name != NO_POOL else None,
        has_machine=job.where.vm_active is not None,
        carries=job.id in relations.carried,
    )


def wait_values(job: Job, waits: Waits) -> dict[str, Any]:
    """Return the values of job.service.j2 that say what a run of `job` waits for, and where."""
    required = [each for each in waits.dependencies if each[0].type is DependencyType.REQUIRES]
    locks = len(waits.conflicts) + (waits.pool[0].slots if waits.pool else 0)
    return {
        "requires": tuple(_line(one) for one, other in required if not _is_step(other)),
        "steps": tuple(_line(one) for one, other in required if _is_step(other)),
        "after": tuple(_line(each[0]) for each in waits.dependencies if each not in required),
        "where_host": " ".join(job.where.host),
        "where_vm": job.where.vm_active or "",
        "carry": (job.where.vm_active or "") if waits.carries else "",
        "conflicts": tuple(_conflict(job.id, one) for one in waits.conflicts.values()),
        "pool": tuple(_pool(*waits.pool)) if waits.pool else (),
        "locks": str(locks) if locks else "",
        "lock_priority": str(job.priority),
    }


def _is_step(job: Job | None) -> bool:
    return job is not None and job.is_step


def _jitter(job: Job | None) -> timedelta:
    return job.schedule.jitter if job is not None and job.schedule is not None else _NOTHING


def _joined(*parts: str | timedelta | None) -> str:
    told = (seconds(part) if isinstance(part, timedelta) else part for part in parts)
    return " | ".join(filter(None, told))


def _line(one: Dependency) -> str:
    """Return `backup | 3600s | 86400s`: the job, how long to wait, how old its success may be."""
    return _joined(one.job, one.wait, one.max_age)


def _conflict(job_id: str, one: Conflict) -> str:
    """Return `nightly+zfs-scrub | wait | 7200s`: the pair by which both find one lock, the rest."""
    return _joined("+".join(sorted((job_id, one.job))), one.policy, one.wait)


def _pool(pool: Pool, size: int) -> Iterator[str]:
    """Yield `backup | 2 | 5 | 7200s`: the name, the slots wanted, those there are, the limit."""
    yield _joined(pool.name, str(pool.slots), str(size), pool.wait)
