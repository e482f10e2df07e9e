# SPDX-License-Identifier: Apache-2.0
"""The runs of each job as a mapping, as the guide has it: to assign a list forgets the others."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, MutableMapping, Sequence
from typing import Protocol

from debvisor_timers.errors import NotFoundError, UsageError
from debvisor_timers.scheduler.values import JobExecutionResult

ALL = 1_000_000


class KeptRuns(Protocol):
    """Who knows the runs of jobs: the scheduler of this host, or of a server."""

    def get_execution_history(self, job_id: str, limit: int = 20) -> Sequence[JobExecutionResult]:
        """Return the newest runs of a job."""

    def meant_job(self, text: str, *, whole: bool = False) -> str:
        """Return the id of the job that `text` means."""

    def jobs_with_runs(self) -> Sequence[str]:
        """Return the ids of the jobs that have runs."""

    def forget_runs(self, job_id: str, *, keep: Collection[str]) -> int:
        """Forget the runs of a job but those with the ids `keep`."""


class NoSuchJobError(NotFoundError, KeyError):
    """A NotFoundError that mappings know: `get` of a job that nobody knows has its default."""

    __str__ = NotFoundError.__str__


class ExecutionHistory(MutableMapping[str, Sequence[JobExecutionResult]]):
    """The runs of each job, newest first, by the job's id.

    `history[job_id] = some_of_them` makes the index forget the rest, as `history prune` does; the
    journal is left alone. `del history[job_id]` forgets all.
    """

    def __init__(self, scheduler: KeptRuns) -> None:
        """Look at the history of `scheduler`."""
        self._scheduler = scheduler

    def __getitem__(self, job_id: str) -> Sequence[JobExecutionResult]:
        """Return the runs of a job; none for one that has never run.

        Raises NoSuchJobError for a job that nobody knows.
        """
        try:
            return self._scheduler.get_execution_history(job_id, limit=ALL)
        except NotFoundError as error:
            raise NoSuchJobError(error.message, fix=error.fix) from error

    def __contains__(self, job_id: object) -> bool:
        """Return True for a job that has runs, by its very id."""
        return job_id in self._scheduler.jobs_with_runs()

    def __setitem__(self, job_id: str, kept: Sequence[JobExecutionResult]) -> None:
        """Forget the runs of a job that are not in `kept`. Raises UsageError where one is none."""
        runs: list[object] = list(kept) if isinstance(kept, Iterable) else [kept]
        ids = {run.execution_id for run in runs if isinstance(run, JobExecutionResult)}
        if wrong := [run for run in runs if not isinstance(run, JobExecutionResult)]:
            raise UsageError(f"{wrong[0]!r} is no run", fix="assign a list of runs of the job")
        self._scheduler.forget_runs(self._scheduler.meant_job(job_id), keep=ids)

    def __delitem__(self, job_id: str) -> None:
        """Forget the runs of a job."""
        self._scheduler.forget_runs(self._scheduler.meant_job(job_id), keep=())

    def __iter__(self) -> Iterator[str]:
        """Yield the ids of the jobs that have runs, in order."""
        return iter(sorted(self._scheduler.jobs_with_runs()))

    def __len__(self) -> int:
        """Return how many jobs have runs."""
        return len(self._scheduler.jobs_with_runs())
