# SPDX-License-Identifier: Apache-2.0
"""What a run of a job starts: other jobs, and the units that tell of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.relations import EdgeKind, Relations
from debvisor_timers.render.check import How, Row
from debvisor_timers.render.names import chain_unit, notify_unit

CHAINS = (
    Row("OnSuccess", "on_success", How.IF_ANY),
    Row("OnFailure"),
)
"""Rows of section [Unit] of the table of services: what this job starts."""

TOLD = (Row("X-Notify", "announces", How.IF_ANY),)
"""Rows of section [Service] of the table of services: what `begin` and `end` announce."""

STARTED_BY = (
    Row("X-SuccessOf", "success_of", How.EACH),
    Row("X-AnySuccessOf", "any_success_of", How.EACH),
    Row("X-FailureOf", "failure_of", How.EACH),
)
"""Rows of section [Service] of the table of services: what starts this job."""


def chain_values(job: Job, relations: Relations) -> dict[str, Any]:
    """Return the values of job.service.j2 that say what `job` starts and is started by.

    systemd starts a unit of the package between, which decides: OnSuccess= holds for a skip too.
    """
    failures = (EdgeKind.FAILURE_OF,)
    successes = (EdgeKind.SUCCESS_OF, EdgeKind.ANY_SUCCESS_OF)
    return {
        "on_success": (*_told_of_success(job), *_chain_units(job, relations, successes)),
        "on_failure": (notify_unit(job.id), *_chain_units(job, relations, failures)),
        "announces": " ".join(_announced(job)),
        "success_of": _lines(job, EdgeKind.SUCCESS_OF),
        "any_success_of": _lines(job, EdgeKind.ANY_SUCCESS_OF),
        "failure_of": _lines(job, EdgeKind.FAILURE_OF),
    }


def _told_of_success(job: Job) -> Iterator[str]:
    """Yield the unit that tells of runs that have not failed."""
    if job.notify.success or (job.ping and job.ping.success):
        yield notify_unit(job.id)


def _announced(job: Job) -> Iterator[str]:
    """Yield what `begin` and `end` have somebody told of; of a recovery, unasked.

    Skips: OnSuccess= would start the one who tells at each run that is none.
    """
    if job.notify.started or (job.ping and job.ping.start):
        yield "started"
    if job.notify.skipped:
        yield "skipped"


def _chain_units(job: Job, relations: Relations, kinds: tuple[EdgeKind, ...]) -> Iterator[str]:
    """Yield the unit of each job that an end of `job` starts, once; none of jobs not enabled."""
    started = [edge.job for edge in relations.started_by.get(job.id, ()) if edge.kind in kinds]
    for target in sorted(set(started)):
        if relations.jobs[target].enabled:
            yield chain_unit(job.id, target)


def _lines(job: Job, kind: EdgeKind) -> tuple[str, ...]:
    """Return a line for each trigger of a kind: the ids of the jobs that it names."""
    found = (getattr(trigger, kind) for trigger in job.triggers)
    return tuple(" ".join(dict.fromkeys(ids)) for ids in found if ids)
