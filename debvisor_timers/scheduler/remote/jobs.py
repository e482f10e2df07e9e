# SPDX-License-Identifier: Apache-2.0
"""Jobs of a server: made, listed, changed, deleted."""

from __future__ import annotations

import logging
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Unpack

from debvisor_timers.errors import NotFoundError
from debvisor_timers.scheduler.keys import JobFields, NewJobFields, new_fields
from debvisor_timers.scheduler.remote.base import RemoteBase
from debvisor_timers.scheduler.remote.bodies import body_of, dependencies_body
from debvisor_timers.scheduler.remote.collecting import Collected, collected_by, collecting
from debvisor_timers.scheduler.remote.documents import Document, document, job_of, status_of
from debvisor_timers.scheduler.remote.server import Question
from debvisor_timers.scheduler.scheduled_job import (
    Counts,
    JobFilter,
    ScheduledJob,
    to_be,
)
from debvisor_timers.scheduler.values import (
    JobDependency,
    JobStatus,
    check_texts,
    known_status,
)

log = logging.getLogger("DebVisor.Scheduler")


class RemoteJobs(RemoteBase):
    """The calls of the guide that make, show and change jobs; see JobScheduler for each."""

    def create_job(
        self,
        name: str,
        cron_expr: str | None = None,
        task_type: str | None = None,
        *,
        job_id: str | None = None,
        **more: Unpack[NewJobFields],
    ) -> ScheduledJob:
        """Have a new job written and applied. Raises what the call on the host raises."""
        fields = new_fields(name, cron_expr, task_type, more)
        check_texts(name=name, job_id=job_id or "")
        body = body_of(fields)
        batch = collected_by(self)
        if batch is None:
            made = self._post("jobs", body={**body, **({"job_id": job_id} if job_id else {})})
            job = self._job(document(made))
            log.info("created job %s (%s)", job.job_id, name)
            return job
        job_id = job_id or self._free_id(batch, name)
        batch.changes.append({"kind": "create", "job_id": job_id, "fields": body})
        return self._collect(batch, ScheduledJob(job_id=job_id, name=name), fields)

    def update_job(self, job_id: str, **fields: Unpack[JobFields]) -> ScheduledJob:
        """Have keys of a job changed and applied; None takes one away."""
        check_texts(job_id=job_id)
        body = body_of(fields, is_update=True)
        batch = collected_by(self)
        if not body:
            return self.get_job(job_id)
        if batch is None:
            changed = self.server.ask(Question(method="PUT", path=("jobs", job_id), body=body))
            job = self._job(document(changed))
            log.info("updated job %s", job.job_id)
            return job
        job = self.get_job(job_id)
        batch.changes.append({"kind": "update", "job_id": job.job_id, "fields": body})
        return self._collect(batch, job, fields)

    def delete_job(self, job_id: str) -> bool:
        """Have a job removed; how its id begins is not enough. Return True."""
        check_texts(job_id=job_id)
        batch = collected_by(self)
        if batch is None:
            self.server.ask(Question(method="DELETE", path=("jobs", job_id)))
        else:
            job_id = self.meant_job(job_id, whole=True)
            batch.changes.append({"kind": "delete", "job_id": job_id})
            batch.jobs.pop(job_id, None)
        log.info("deleted job %s", job_id)
        return True

    def list_jobs(
        self,
        *,
        owner: str | None = None,
        status: JobStatus | str | None = None,
        task_type: str | None = None,
        enabled: bool | None = None,
        tags: Mapping[str, str] | None = None,
    ) -> Sequence[ScheduledJob]:
        """Return the jobs that are all of this, in order of their ids."""
        word = None if status is None else known_status(status)
        wanted = JobFilter(owner=owner, task_type=task_type, enabled=enabled, tags=tags)
        found = self._pages(("jobs",), "jobs")
        jobs = [self._job(each) for each in found if word is None or status_of(each) == word]
        return [job for job in jobs if wanted.fits(job)]

    @property
    def jobs(self) -> Mapping[str, ScheduledJob]:
        """Return all jobs, by id, as they are now."""
        return {job.job_id: job for job in self.list_jobs()}

    def get_job(self, job_id: str) -> ScheduledJob:
        """Return a job by its id, the beginning of its id, or its name."""
        check_texts(job_id=job_id)
        batch = collected_by(self)
        if batch is not None and job_id in batch.jobs:
            return batch.jobs[job_id]
        job = self._job(document(self._get("jobs", job_id)))
        return batch.jobs.get(job.job_id, job) if batch else job

    def meant_job(self, text: str, *, whole: bool = False) -> str:
        """Return the id of the job that `text` means: an id, how one begins, or a name."""
        job = self.get_job(text)
        if whole and text != job.job_id and text.casefold() != job.name.casefold():
            raise NotFoundError(
                f"there is no job {text!r}", fix=f"did you mean {job.job_id!r}? write all of it"
            )
        return job.job_id

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Collect the jobs that the block creates, updates and deletes: one apply at its end.

        All or nothing: where the block raises, or one job is wrong, nothing is changed.
        """
        if collected_by(self) is not None:
            yield
            return
        with collecting(self) as batch:
            yield
        if batch.changes:
            self._post("batch", body={"changes": list(batch.changes)})

    def counts(self, job_id: str) -> Counts:
        """Return how often a job has run, and failed, as far as its past is kept."""
        said = document(self._get("jobs", job_id, "stats"))
        return Counts(
            executions=int(str(said.get("total_executions") or 0)),
            failures=int(str(said.get("failed_executions") or 0)),
        )

    def _job(self, said: Document) -> ScheduledJob:
        job_id = str(said.get("job_id"))
        # The number in `said` counts forgotten runs, too; that of the Python API does not.
        return job_of(said, lambda: self.counts(job_id), self._depend)

    def _depend(self, job_id: str, several: list[JobDependency]) -> None:
        body = {"dependencies": dependencies_body(several)}
        batch = collected_by(self)
        if batch is None:
            self.server.ask(Question(method="PUT", path=("jobs", job_id), body=body))
        else:
            batch.changes.append({"kind": "update", "job_id": job_id, "fields": body})

    def _collect(self, batch: Collected, job: ScheduledJob, fields: JobFields) -> ScheduledJob:
        """Return a job as the batch is going to make it."""
        changed = to_be(job, fields, self._depend)
        batch.jobs[job.job_id] = changed
        return changed

    def _free_id(self, batch: Collected, name: str) -> str:
        from debvisor_timers.operations.editing.change import new_job_id

        if batch.before is None:
            batch.before = frozenset(self.jobs)
        taken = batch.before | {str(change["job_id"]) for change in batch.changes}
        return new_job_id(name, lambda job_id: job_id in taken)
