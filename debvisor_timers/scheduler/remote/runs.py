# SPDX-License-Identifier: Apache-2.0
"""Runs of a server's jobs: started, awaited, looked at."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Iterator, Sequence
from itertools import chain, repeat

from debvisor_timers.errors import SystemdError
from debvisor_timers.scheduler.executions import ExecutionHistory
from debvisor_timers.scheduler.remote.documents import Document, document, run_of, texts
from debvisor_timers.scheduler.remote.jobs import RemoteJobs
from debvisor_timers.scheduler.values import (
    JobExecutionResult,
    JobStatus,
    check_limit,
    check_texts,
)

log = logging.getLogger("DebVisor.Scheduler")

_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)
_LONGEST_PAUSE = 1.5
"""Seconds between two looks at a run that is under way."""


class RemoteRuns(RemoteJobs):
    """The calls of the guide that are about runs; see JobScheduler for each."""

    def execute(self, job_id: str) -> JobExecutionResult:
        """Run a job now, and return its run when it has ended; whatever the schedule says."""
        run, pauses = self._started(job_id), _pauses()
        while _is_under_way(run):
            time.sleep(next(pauses))
            run = self._seen(run)
        return self._executed(run)

    async def execute_job(self, job_id: str, *, manual: bool = True) -> JobExecutionResult:
        """Do the same without blocking the event loop.

        manual: for the guide's sake. Cancelling the await does not stop the job: `stop` does.
        """
        del manual
        async with self.workers:
            run, pauses = await self.in_thread(self._started, job_id), _pauses()
            while _is_under_way(run):
                await asyncio.sleep(next(pauses))
                run = await self.in_thread(self._seen, run)
        return self._executed(run)

    def stop(self, job_id: str) -> bool:
        """End the run of a job that is under way; False when there is none."""
        check_texts(job_id=job_id)
        return bool(document(self._post("jobs", job_id, "stop")).get("stopped"))

    def get_execution_history(self, job_id: str, limit: int = 20) -> Sequence[JobExecutionResult]:
        """Return the newest `limit` runs of a job, newest first; also of one that is deleted."""
        check_limit(limit)
        check_texts(job_id=job_id)
        path = ("jobs", job_id, "history")
        return [self._run(each) for each in self._pages(path, "executions", limit=limit)]

    def get_job_statistics(self, job_id: str) -> dict[str, object]:
        """Return the numbers of a job's past; of one without runs the rate and average are 0."""
        check_texts(job_id=job_id)
        numbers = dict(document(self._get("jobs", job_id, "stats")))
        for name in ("success_rate", "average_duration_seconds"):
            numbers[name] = numbers.get(name) or 0.0
        return numbers

    @property
    def execution_history(self) -> ExecutionHistory:
        """Return the runs of each job; to assign a list forgets what is not in it."""
        return ExecutionHistory(self)

    def jobs_with_runs(self) -> Sequence[str]:
        """Return the ids of all jobs that have runs, also of those that were removed."""
        return texts(document(self._get("history", "jobs")).get("jobs"))

    def forget_runs(self, job_id: str, *, keep: Collection[str]) -> int:
        """Let the server forget the runs of a job but those with the ids `keep`."""
        body = {"keep": sorted(keep)}
        said = document(self._post("jobs", job_id, "history", "forget", body=body))
        return int(str(said.get("forgotten") or 0))

    def _started(self, job_id: str) -> Document:
        check_texts(job_id=job_id)
        log.info("executing job %s", job_id)
        said = document(self._post("jobs", job_id, "run", query=[("wait", "false")]))
        if said.get("execution_id") is None:
            job_id = str(said.get("job_id"))
            raise SystemdError(
                f"no run of job {job_id!r} has begun", fix=f"see: debvisor-timers logs {job_id}"
            )
        return said

    def _seen(self, run: Document) -> Document:
        """Return what has become of a run."""
        return document(self._get("jobs", str(run["job_id"]), "runs", str(run["execution_id"])))

    def _executed(self, said: Document) -> JobExecutionResult:
        run = self._run(said)
        log.info("job %s: %s after %s s", run.job_id, run.outcome, run.duration_seconds)
        return run

    def _run(self, said: Document) -> JobExecutionResult:
        def read() -> tuple[str, str]:
            path = ("jobs", str(said["job_id"]), "runs", str(said["execution_id"]), "output")
            output = document(self._get(*path))
            return str(output.get("stdout") or ""), str(output.get("stderr") or "")

        return run_of(said, read)


def _is_under_way(run: Document) -> bool:
    return run.get("status") in {JobStatus.PENDING, JobStatus.RUNNING}


def _pauses() -> Iterator[float]:
    return chain(_PAUSES, repeat(_LONGEST_PAUSE))
