# SPDX-License-Identifier: Apache-2.0
"""Jobs that are made and changed by commands and programs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from debvisor_timers.operations.auditing.audited import Attempt
from debvisor_timers.scheduler.base import Base

if TYPE_CHECKING:
    from debvisor_timers.operations.editing.change import Change, NewKeys
    from debvisor_timers.operations.editing.draft import Draft, DraftCheck
    from debvisor_timers.operations.editing.edit import EditOptions, EditResult
    from debvisor_timers.operations.editing.rewrite import Rewrite
    from debvisor_timers.operations.editing.tree import JobTree
    from debvisor_timers.operations.list import JobRow
    from debvisor_timers.scheduler.scheduled_job import ScheduledJob


@dataclass(slots=True, kw_only=True)
class EditBatch:
    """Changes that are collected, to be made as one; result: of that, None before.

    rows: the jobs as they were before, once somebody has asked. jobs: those that it makes or
    changes, as they are going to be. is_open: until its block ends; a task that was begun within
    it and outlives it has it still.
    """

    owner: Base
    changes: list[Change] = field(default_factory=list)
    files: JobTree | None = None
    rows: Mapping[str, JobRow] | None = None
    jobs: dict[str, ScheduledJob] = field(default_factory=dict)
    is_open: bool = True
    result: EditResult | None = None


_BATCH: ContextVar[EditBatch | None] = ContextVar("batch", default=None)
"""Of the thread or task that has begun it: changes of others are none of its business."""


class Editing(Base):
    """Job files, edited and applied job by job."""

    def edit_jobs(
        self, changes: Sequence[Change], options: EditOptions | None = None
    ) -> EditResult:
        """Make `changes` in the job files and apply these jobs alone: all of it or nothing."""
        from debvisor_timers.operations.editing.edit import EditOptions, edit_jobs

        options = options or EditOptions()
        if options.dry_run:
            return edit_jobs(self.host, changes, options)
        kinds = {change.kind for change in changes}
        verb = str(kinds.pop()) if len(kinds) == 1 else "update"
        with self.attempt(verb, jobs=[change.job_id for change in changes]) as attempt:
            if options.apply:
                options = self._told_by(attempt, options)
            else:
                attempt.begin()
            result = edit_jobs(self.host, changes, options)
            _tell(attempt, result)
        return result

    def create_job_file(
        self,
        job_id: str,
        keys: NewKeys,
        options: EditOptions | None = None,
    ) -> EditResult | None:
        """Write a new job to jobs.d/ID.yaml and apply it; None where a batch has collected it."""
        return self._change("create", job_id, keys, options)

    def update_job_file(
        self,
        job_id: str,
        keys: NewKeys,
        options: EditOptions | None = None,
    ) -> EditResult | None:
        """Set keys of a job in its file (None: take it away) and apply the job."""
        return self._change("update", job_id, keys, options)

    def delete_job_file(self, job_id: str, options: EditOptions | None = None) -> EditResult | None:
        """Take a job out of its file, with its comments, and apply that."""
        return self._change("delete", job_id, {}, options)

    def rewrite_job_file(self, rewrite: Rewrite, options: EditOptions | None = None) -> EditResult:
        """Give the file of a job another text, and apply that job alone."""
        from debvisor_timers.operations.editing.edit import EditOptions
        from debvisor_timers.operations.editing.rewrite import rewrite_job

        options = options or EditOptions()
        if options.dry_run:
            return rewrite_job(self.host, rewrite, options)
        verb, file = ("create" if rewrite.is_new else "update"), str(rewrite.path)
        with self.attempt(verb, jobs=[rewrite.job_id], file=file) as attempt:
            if options.apply:
                options = self._told_by(attempt, options)
            else:
                attempt.begin()
            result = rewrite_job(self.host, rewrite, options)
            _tell(attempt, result)
        return result

    def enable_job(self, job_id: str, options: EditOptions, *, enabled: bool) -> EditResult:
        """Let the schedule and the triggers of a job count, or not; in its file, and applied."""
        from debvisor_timers.operations.editing.enable import enable_change

        return self.edit_jobs([enable_change(self.host, job_id, enabled=enabled)], options)

    def open_job_file(self, job_id: str) -> Rewrite:
        """Return the file of a job as it is, to be rewritten by `rewrite_job_file`."""
        from debvisor_timers.operations.editing.rewrite import open_job

        return open_job(self.host, job_id)

    def check_draft(self, draft: Draft) -> DraftCheck:
        """Return what is wrong with a job file that is being written, and when its job would run.

        Changes nothing, and needs no rights.
        """
        from debvisor_timers.operations.editing.draft import check_draft

        return check_draft(self.host, draft)

    def job_file(self, job_id: str) -> Rewrite:
        """Return the file of a job as it is; needs no right to write it."""
        from debvisor_timers.operations.editing.rewrite import job_file

        return job_file(self.host, job_id)

    def require_job_file(self, job_id: str) -> None:
        """Raise NotFoundError unless the job is in a file, or was applied."""
        from debvisor_timers.operations.editing.edit import require_job

        require_job(self.host, job_id)

    def free_job_id(self, name: str) -> str:
        """Return an id for a new job of that name, which no job has."""
        from debvisor_timers.operations.editing.change import new_job_id
        from debvisor_timers.operations.editing.tree import JobTree

        batch = self._batch()
        files = (batch and batch.files) or JobTree(self.host.layout.jobs)
        taken = {change.job_id for change in batch.changes} if batch else set()
        if batch:
            batch.files = files
        return new_job_id(name, lambda job_id: job_id in taken or files.has(job_id))

    @contextmanager
    def collected_edits(self, options: EditOptions | None = None) -> Iterator[EditBatch]:
        """Collect what the block creates, updates and deletes; at its end apply all as one.

        Where the block raises, nothing is done. A block within another one is a part of it.
        """
        outer = self._batch()
        if outer is not None:
            yield outer
            return
        batch = EditBatch(owner=self)
        token = _BATCH.set(batch)
        try:
            yield batch
        finally:
            batch.is_open = False
            _BATCH.reset(token)
        if batch.changes:
            batch.result = self.edit_jobs(batch.changes, options)

    @property
    def is_collecting(self) -> bool:
        """Return True within a block of `collected_edits`."""
        return self._batch() is not None

    def _told_by(self, attempt: Attempt, options: EditOptions) -> EditOptions:
        """Return `options` with which the audit and the generation know of the edit."""
        return replace(
            options,
            on_step=attempt.on_step(options.on_step),
            by=lambda: str(self.caller),
            how=attempt.verb,
        )

    def _batch(self) -> EditBatch | None:
        batch = _BATCH.get()
        return batch if batch and batch.owner is self and batch.is_open else None

    def _change(
        self,
        kind: str,
        job_id: str,
        keys: NewKeys,
        options: EditOptions | None,
    ) -> EditResult | None:
        from debvisor_timers.operations.editing.change import Change, ChangeKind

        change = Change(job_id=job_id, kind=ChangeKind(kind), keys=keys)
        batch = self._batch()
        if batch is not None:
            batch.changes.append(change)
            return None
        return self.edit_jobs([change], options)


def _tell(attempt: Attempt, result: EditResult) -> None:
    """Put into the audit what an edit did."""
    if not result.has_changed:
        return
    applied = result.result
    if applied is None:
        attempt.done("written, not applied")
        return
    attempt.done(
        applied.words,
        changes=applied.plan.jobs if applied.plan else (),
        settings=applied.settings,
        generation=applied.generation,
    )
