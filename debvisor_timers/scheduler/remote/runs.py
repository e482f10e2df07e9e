# SPDX-License-Identifier: Apache-2.0
"""Runs of a server's jobs: started, awaited, looked at."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from itertools import chain, repeat
from typing import cast

from debvisor_timers.scheduler.executions import ExecutionHistory
from debvisor_timers.scheduler.remote.base import RemoteBase
from debvisor_timers.scheduler.remote.documents import Document, document, run_of
from debvisor_timers.scheduler.values import JobExecutionResult, check_limit, check_texts

log = logging.getLogger("DebVisor.Scheduler")

_PAUSES = (0.05, 0.1, 0.2, 0.4, 0.8)
_LONGEST_PAUSE = 1.5
"""Seconds between two looks at a run that is under way."""


class RemoteRuns(RemoteBase):
    """The calls of the guide that are about runs; see JobScheduler for each."""

    def execute(self, job_id: str) -> JobExecutionResult:
        """Run a job now, and return its run when it has ended; whatever the schedule says."""
        run = self._started(job_id)
        pauses = _pauses()
        while run.get("end_time") is None:
            time.sleep(next(pauses))
            run = self._run_now(run)
        return self._executed(run)

    async def execute_job(self, job_id: str, *, manual: bool = True) -> JobExecutionResult:
        """Do the same without blocking the event loop.

        manual: for the guide's sake. Cancelling the await does not stop the job: `stop` does.
        """
        del manual
        async with self.workers:
            run = await self.in_thread(self._started, job_id)
            pauses = _pauses()
            while run.get("end_time") is None:
                await asyncio.sleep(next(pauses))
                run = await self.in_thread(self._run_now, run)
        return self._executed(run)

    def stop(self, job_id: str) -> bool:
        """End the run of a job that is under way; False when there is none."""
        check_texts(job_id=job_id)
        return bool(document(self._post("jobs", job_id, "stop")).get("was_running"))

    def get_execution_history(self, job_id: str, limit: int = 20) -> Sequence[JobExecutionResult]:
        """Return the newest `limit` runs of a job, newest first; also of one that is deleted."""
        check_limit(limit)
        check_texts(job_id=job_id)
        return [
            self._run(each)
            for each in self._pages(("jobs", job_id, "history"), "executions", limit)
        ]

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
        raise NotImplementedError

    def forget_runs(self, job_id: str, *, keep: Collection[str]) -> int:
        """Let the server forget the runs of a job but those with the ids `keep`; return how many."""
        raise NotImplementedError

    def meant_job(self, text: str, *, whole: bool = False) -> str:
        """Return the id of the job that `text` means."""
        raise NotImplementedError
