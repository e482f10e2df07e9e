# SPDX-License-Identifier: Apache-2.0
"""The runs of each job as a mapping, as the guide has it: to assign a list forgets the others."""

from __future__ import annotations

from collections.abc import Iterator, MutableMapping, Sequence
from typing import TYPE_CHECKING

from debvisor_timers.scheduler.values import JobExecutionResult

if TYPE_CHECKING:
    from debvisor_timers.scheduler.guide import JobScheduler

ALL = 1_000_000


class ExecutionHistory(MutableMapping[str, Sequence[JobExecutionResult]]):
    """The runs of each job, newest first, by the job's id.

    `history[job_id] = some_of_them` makes the index forget the rest, as `history prune` does; the
    journal is left alone. `del history[job_id]` forgets all.
    """

    def __init__(self, scheduler: JobScheduler) -> None:
        """Look at the history of `scheduler`."""
        self._scheduler = scheduler

    def __getitem__(self, job_id: str) -> Sequence[JobExecutionResult]:
        """Return the runs of a job; none for one that has never run."""
        return self._scheduler.get_execution_history(job_id, limit=ALL)

    def __setitem__(self, job_id: str, kept: Sequence[JobExecutionResult]) -> None:
        """Forget the runs of a job that are not in `kept`."""
        self._scheduler.forget_runs(job_id, keep={run.execution_id for run in kept})

    def __delitem__(self, job_id: str) -> None:
        """Forget the runs of a job."""
        self._scheduler.forget_runs(job_id, keep=())

    def __iter__(self) -> Iterator[str]:
        """Yield the ids of the jobs that have runs, in order."""
        return iter(sorted(self._scheduler.jobs_with_runs()))

    def __len__(self) -> int:
        """Return how many jobs have runs."""
        return len(self._scheduler.jobs_with_runs())
