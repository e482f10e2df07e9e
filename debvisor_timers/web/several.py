# SPDX-License-Identifier: Apache-2.0
"""Several changes that the agent is asked for as one; questions about the runs of jobs."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from debvisor_timers.operations.editing.change import Change, ChangeKind
from debvisor_timers.operations.runs.output import run_output
from debvisor_timers.operations.runs.which_run import Choice, find_run
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.scheduler.keys import JobFields, keys_of
from debvisor_timers.web.backend import Backend
from debvisor_timers.web.changes import fields_of
from debvisor_timers.web.principal import Principal
from debvisor_timers.web.schemas.several import Creation, Deletion, Wish

Asked = tuple[ChangeKind, str, JobFields]
"""A change, by the names of the Python API: what, of which job, with which fields."""


async def change(backend: Backend, who: Principal, wishes: Sequence[Wish]) -> list[str]:
    """Make the changes by one apply; return the ids of the jobs that they are of, in order."""
    asked = [_asked(wish) for wish in wishes]
    changes = await backend.read(changes_of, asked)
    await backend.change(who, _edit, changes)
    return sorted({job_id for _, job_id, _ in asked})


def changes_of(scheduler: JobScheduler, asked: Sequence[Asked]) -> list[Change]:
    """Return the changes of job files that were asked for."""
    rows = {row.job_id: row for row in scheduler.list().rows}
    made: set[str] = set()
    changes = []
    for kind, job_id, fields in asked:
        row = None if job_id in made else rows.get(job_id)
        before = row.job if row else None
        keys = keys_of(fields, before, is_update=kind is ChangeKind.UPDATE)
        if kind is ChangeKind.CREATE:
            made.add(job_id)
            keys = {path: value for path, value in keys.items() if value is not None}
        changes.append(Change(job_id=job_id, kind=kind, keys=keys))
    return changes


def jobs_with_runs(scheduler: JobScheduler) -> list[str]:
    """Return the ids of the jobs that have runs."""
    return sorted(scheduler.jobs_with_runs())


def printed(scheduler: JobScheduler, job_id: str, run_id: str) -> Mapping[str, object]:
    """Return what a run printed. Raises NotFoundError."""
    run = find_run(scheduler.host, job_id, Choice(id=run_id))
    output = run_output(scheduler.host, run)
    return {
        "job_id": job_id,
        "execution_id": run.id,
        "stdout": output.stdout.text,
        "stderr": output.stderr.text,
        "truncated": output.stdout.is_cut or output.stderr.is_cut,
    }


def forget(scheduler: JobScheduler, job_id: str, keep: Sequence[str]) -> int:
    """Forget the runs of a job but those to keep; return how many."""
    return scheduler.forget_runs(job_id, keep=keep)


def _edit(scheduler: JobScheduler, changes: Sequence[Change]) -> None:
    scheduler.edit_jobs(changes)


def _asked(wish: Wish) -> Asked:
    if isinstance(wish, Deletion):
        return ChangeKind.DELETE, wish.job_id, JobFields()
    kind = ChangeKind.CREATE if isinstance(wish, Creation) else ChangeKind.UPDATE
    return kind, wish.job_id, fields_of(wish.fields)
