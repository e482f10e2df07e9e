# SPDX-License-Identifier: Apache-2.0
"""The calls of the guide: jobs made, listed, changed, executed; their past."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, ParamSpec, TypeVar, Unpack

from debvisor_timers.errors import UsageError
from debvisor_timers.layout import Layout
from debvisor_timers.scheduler import Scheduler
from debvisor_timers.scheduler.executions import ExecutionHistory
from debvisor_timers.scheduler.keys import (
    JobFields,
    NewJobFields,
    dependency_keys,
    keys_of,
    new_fields,
)
from debvisor_timers.scheduler.scheduled_job import (
    Counts,
    JobFilter,
    ScheduledJob,
    job_of_row,
    to_be,
)
from debvisor_timers.scheduler.values import (
    JobDependency,
    JobExecutionResult,
    JobStatus,
    check_limit,
    check_texts,
    known_status,
)

if TYPE_CHECKING:
    from debvisor_timers.history.runs import Run
    from debvisor_timers.jobs.model import Job
    from debvisor_timers.operations.editing.handlers import TaskFunction
    from debvisor_timers.operations.list import JobRow
    from debvisor_timers.scheduler.remote.scheduler import RemoteScheduler

log = logging.getLogger("DebVisor.Scheduler")

_BUSY = frozenset({"running", "waiting", "retrying"})

P = ParamSpec("P")
T = TypeVar("T")


class JobScheduler(Scheduler):
    """Jobs by the names of the guide; each call is one or two of the operations.

    Usable from several threads, and from an event loop by way of the calls that are awaited. The
    errors are those of debvisor_timers.errors.
    """

    @staticmethod
    def connect(
        url: str,
        *,
        token: str = "",
        timeout: float = 120,
        ca_file: str | None = None,
        max_workers: int = 20,
    ) -> RemoteScheduler:
        """Return the same calls on the jobs of a server; nothing is asked of it yet.

        url: https://HOST, http://localhost:5000, or http+unix:///run/debvisor-timers/web.sock.
        timeout: seconds without a word from the server, after which UnreachableError is raised.
        ca_file: authorities that certify the server, in place of those of this host. Raises
        UsageError for what is no address, and for a token that others could read on its way.
        """
        from debvisor_timers.scheduler.remote.address import address_of
        from debvisor_timers.scheduler.remote.scheduler import RemoteScheduler
        from debvisor_timers.scheduler.remote.server import Server

        server = Server(address_of(url), token=token, timeout=timeout, ca_file=ca_file)
        return RemoteScheduler(server, max_workers=max_workers)

    def create_job(
        self,
        name: str,
        cron_expr: str | None = None,
        task_type: str | None = None,
        *,
        job_id: str | None = None,
        **more: Unpack[NewJobFields],
    ) -> ScheduledJob:
        """Write a new job to a file of its own, and apply it; it is not started.

        job_id: made from the name where none is given. Within a batch it is applied at its end.
        Raises UsageError, DefinitionError (with all problems), RefusedError, SystemdError; then
        there is no such job.
        """
        fields = new_fields(name, cron_expr, task_type, more)
        check_texts(name=name, job_id=job_id or "")
        job_id = job_id or self.free_job_id(name)
        keys = {path: value for path, value in keys_of(fields).items() if value is not None}
        log.debug("creating job %s", job_id)
        result = self.create_job_file(job_id, keys)
        log.info("created job %s (%s)", job_id, name)
        if result is None:
            return self._collected(ScheduledJob(job_id=job_id, name=name), fields)
        return self.get_job(job_id)

    def update_job(self, job_id: str, **fields: Unpack[JobFields]) -> ScheduledJob:
        """Change keys of a job in its file, and apply it; comments and order stay.

        Raises NotFoundError, and the errors of `create_job`; then all is as it was.
        """
        job_id = self.meant_job(job_id)
        keys = keys_of(fields, self._before(job_id), is_update=True)
        if not keys:
            return self.get_job(job_id)
        log.debug("updating job %s: %s", job_id, ", ".join(sorted(fields)))
        self.update_job_file(job_id, keys)
        log.info("updated job %s", job_id)
        job = self.get_job(job_id)
        return self._collected(job, fields) if self.is_collecting else job

    def delete_job(self, job_id: str) -> bool:
        """Remove a job from its file and from systemd; its history stays. Return True.

        job_id: a whole id, or a name: how an id begins is not enough to delete a job. Raises
        NotFoundError where there is none, and the errors of `create_job`.
        """
        job_id = self.meant_job(job_id, whole=True)
        self.delete_job_file(job_id)
        if (batch := self._batch()) is not None:
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
        """Return the jobs that are all of this, in order of their ids.

        status: that of the run under way, or of the last one. Raises UsageError for one that there
        is not.
        """
        word = None if status is None else known_status(status)
        wanted = JobFilter(owner=owner, task_type=task_type, enabled=enabled, tags=tags)
        rows = [row for row in self.list().rows if word is None or _status(row) == word]
        return [job for job in map(self._job, rows) if wanted.fits(job)]

    @property
    def jobs(self) -> Mapping[str, ScheduledJob]:
        """Return all jobs, by id, as they are now."""
        return {job.job_id: job for job in self.list_jobs()}

    def get_job(self, job_id: str) -> ScheduledJob:
        """Return a job by its id, the beginning of its id, or its name.

        Raises NotFoundError, with the nearest id.
        """
        job_id = self.meant_job(job_id)
        batch = self._batch()
        if batch is not None and job_id in batch.jobs:
            return batch.jobs[job_id]
        return self._job(self._row(job_id))

    def meant_job(self, text: str, *, whole: bool = False) -> str:
        """Return the id of the job that `text` means: an id, how one begins, or a name."""
        check_texts(job_id=text)
        batch = self._batch()
        if batch is not None and text in batch.jobs:
            return text
        return super().meant_job(text, whole=whole)

    @contextmanager
    def batch(self) -> Iterator[None]:
        """Collect the jobs that the block creates, updates and deletes: one apply at its end.

        All or nothing: where the block raises, or one job is wrong, nothing is changed.
        """
        with self.collected_edits():
            yield

    def register_task_handler(self, task_type: str, handler: TaskFunction) -> None:
        """Let the function `handler` do the tasks of a type, from now on, in the jobs' own units.

        It is declared in tasks.d by its module and name. A function that a job cannot import, as
        one of the program that runs now, is not: then a warning says how to make it so.
        """
        from debvisor_timers.operations.editing.handlers import handler_of

        check_texts(task_type=task_type)
        try:
            handler_of(handler)
        except UsageError as error:
            if not callable(handler):
                raise
            log.warning("%s has no handler: %s; %s", task_type, error.message, error.fix)
            if self.has_task_type(task_type):
                log.warning("its jobs do what the type of that name does: see task show")
            return
        self.declare_handler(task_type, handler)
        log.info("registered handler for task type %s", task_type)

    def execute(self, job_id: str) -> JobExecutionResult:
        """Run a job now, and return its run when it has ended; whatever the schedule says.

        Raises NotFoundError; RefusedError where it runs already, or is not applied.
        """
        job_id = self.meant_job(job_id)
        log.info("executing job %s", job_id)
        result = self.run(job_id, wait=True)
        return self._executed(job_id, result.run.id if result.run else "")

    async def execute_job(self, job_id: str, *, manual: bool = True) -> JobExecutionResult:
        """Do the same without blocking the event loop: another process waits for systemd.

        manual: for the guide's sake; whoever calls this is a person or a program, never the
        schedule. Cancelling the await does not stop the job: `stop` does.
        """
        del manual
        from debvisor_timers.scheduler.worker import run_elsewhere

        job_id = await self.in_thread(self.meant_job, job_id)
        log.info("executing job %s", job_id)
        async with self.workers:
            run_id = await run_elsewhere(self.host.layout, job_id)
        return await self.in_thread(self._executed, job_id, run_id)

    async def in_thread(self, function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Await any other call: `await scheduler.in_thread(scheduler.create_job, name=...)`.

        It runs in a thread, with a connection to systemd of its own.
        """
        return await asyncio.to_thread(function, *args, **kwargs)

    def get_execution_history(self, job_id: str, limit: int = 20) -> Sequence[JobExecutionResult]:
        """Return the newest `limit` runs of a job, newest first; also of one that is deleted.

        Raises NotFoundError for a job that nobody knows.
        """
        from debvisor_timers.history.filter import RunFilter
        from debvisor_timers.operations.past.history import HistoryQuery

        check_limit(limit)
        query = HistoryQuery(wanted=RunFilter(jobs=(self.meant_job(job_id),)), limit=limit)
        return [
            JobExecutionResult.of(run, self._output_of(run)) for run in self.history(query).runs
        ]

    def get_job_statistics(self, job_id: str) -> dict[str, object]:
        """Return the numbers of a job's past: the fields of `debvisor-timers stats JOB --json`.

        Of a job without runs the rate and the average are 0: programs for the guide reckon with
        them.
        """
        from debvisor_timers.operations.past.document import document

        answer = self.stats([self.meant_job(job_id)])
        (job,) = answer.jobs
        numbers = document(job, answer.window)
        for name in ("success_rate", "average_duration_seconds"):
            numbers[name] = numbers[name] or 0.0
        return numbers

    @property
    def execution_history(self) -> ExecutionHistory:
        """Return the runs of each job; to assign a list forgets what is not in it."""
        return ExecutionHistory(self)

    def counts(self, job_id: str) -> Counts:
        """Return how often a job has run, and failed, as far as its past is kept."""
        (job,) = self.stats([job_id]).jobs
        numbers = job.statistics
        return Counts(executions=numbers.total, failures=numbers.failed)

    @property
    def workers(self) -> asyncio.Semaphore:
        """Return what lets so many executions be awaited at once, of this event loop."""
        loop = asyncio.get_running_loop()
        if loop not in self._workers:
            self._workers[loop] = asyncio.Semaphore(self.max_workers)
        return self._workers[loop]

    def _job(self, row: JobRow) -> ScheduledJob:
        return job_of_row(
            row,
            lambda: self.counts(row.job_id),
            lambda several: self._depend(row.job_id, several),
        )

    def _depend(self, job_id: str, several: Iterable[JobDependency]) -> None:
        self.update_job_file(job_id, dict(dependency_keys(several, self._before(job_id))))

    def _before(self, job_id: str) -> Job | None:
        """Return the job as its file has it; None for one that a batch makes."""
        batch = self._batch()
        is_new = batch is not None and job_id in batch.jobs and job_id not in self._rows()
        return None if is_new else self._row(job_id).job

    def _collected(self, job: ScheduledJob, fields: JobFields) -> ScheduledJob:
        """Return a job as a batch has collected it, and will apply it."""
        changed = to_be(job, fields, self._depend)
        if (batch := self._batch()) is not None:
            batch.jobs[job.job_id] = changed
        return changed

    def _row(self, job_id: str) -> JobRow:
        from debvisor_timers.operations.unknown import unknown_job

        rows = self._rows()
        if job_id not in rows:
            raise unknown_job(job_id, rows)
        return rows[job_id]

    def _rows(self) -> Mapping[str, JobRow]:
        """Return the rows of all jobs; within a batch those before it, read once."""
        batch = self._batch()
        if batch is not None and batch.rows is not None:
            return batch.rows
        rows = {row.job_id: row for row in self.list().rows}
        if batch is not None:
            batch.rows = rows
        return rows

    def _executed(self, job_id: str, run_id: str) -> JobExecutionResult:
        from debvisor_timers.operations.runs.which_run import Choice

        run = self.show_run(job_id, Choice(id=run_id)).run
        log.info("job %s: %s after %s", job_id, run.outcome, run.duration)
        return JobExecutionResult.of(run, self._output_of(run))

    def _output_of(self, run: Run) -> Callable[[], tuple[str, str]]:
        def read() -> tuple[str, str]:
            from debvisor_timers.operations.runs.output import run_output

            output = run_output(self.host, run)
            return output.stdout.text, output.stderr.text

        return read


def _status(row: JobRow) -> str:
    if row.under_way is not None or row.state in _BUSY:
        return str(JobStatus.PENDING if row.state == "waiting" else JobStatus.RUNNING)
    return str(row.last.status) if row.last else ""


@cache
def get_scheduler() -> JobScheduler:
    """Return the scheduler of this host, the same at each call."""
    from debvisor_timers.scheduler.places import asks_agent

    if not asks_agent(Layout()):
        return JobScheduler()
    from debvisor_timers.scheduler.agent_scheduler import AgentScheduler

    return AgentScheduler()
