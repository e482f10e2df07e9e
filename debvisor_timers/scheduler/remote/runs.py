# SPDX-License-Identifier: Apache-2.0
"""Runs of a server's jobs: started, awaited, looked at."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Collection, Iterator, Sequence
from itertools import chain, repeat

from debvisor_timers.scheduler.executions import ExecutionHistory
from debvisor_timers.scheduler.remote.base import RemoteBase
from debvisor_timers.scheduler.remote.documents import Document, document, run_of
from debvisor_timers.scheduler.values import JobExecutionResult, check_limit, check_texts

log = logging.getLogger("DebVisor.Scheduler")

_PAUSES = (0.1, 0.2, 0.4, 0.8)
_LONGEST_PAUSE = 1.5
"""Seconds between two looks at a run that is under way."""


class RemoteRuns(RemoteBase):
    """The calls of the guide that are about runs; see JobScheduler for each."""

    def execute(self, job_id: str) -> JobExecutionResult:
        """Run a job now, and return its run when it has ended; whatever the schedule says."""
        job_id, run_id = self._start(job_id)
        for pause in _pauses():
            said = self._run(job_id, run_id)
            if said.get("end_time") is not None:
                return self._executed(said)
            time.sleep(pause)
        raise AssertionError  # the pauses have no end

    async def execute_job(self, job_id: str, *, manual: bool = True) -> JobExecutionResult:
        """Do the same without blocking the event loop.

        manual: for the guide's sake. Cancelling the await does not stop the job: `stop` does.
        """
        del manual
        async with self.workers:
            job_id, run_id = await self.in_thread(self._start, job_id)
            for pause in _pauses():
                said = await self.in_thread(self._run, job_id, run_id)
                if said.get("end_time") is not None:
                    return self._executed(said)
                await asyncio.sleep(pause)
        raise AssertionError  # the pauses have no end

    def stop(self, job_id: str) -> bool:
        """End the run of a job that is under way; False when there is none."""
        check_texts(job_id=job_id)
        return bool(document(self._post("jobs", job_id, "stop")).get("was_running"))
