# SPDX-License-Identifier: Apache-2.0
"""Finding the run that a user means: by its id, the newest one, or the newest that failed."""

from __future__ import annotations

from dataclasses import dataclass

from debvisor_timers.errors import NotFoundError
from debvisor_timers.history.runs import Run, RunOutcome
from debvisor_timers.operations.history import history
from debvisor_timers.operations.host import Host

_ALL = 1_000_000
_SHOWN = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class Choice:
    """Which run is meant.

    id: of the run, or how its id begins; empty: the newest one. failed: the newest that failed.
    """

    id: str = ""
    failed: bool = False


def find_run(host: Host, job_id: str, choice: Choice) -> Run:
    """Return the run of the job that is meant.

    The newest run is one that was not skipped, unless all were. Raises NotFoundError for a job or
    a run that nobody knows, and where several runs could be meant.
    """
    runs = [run for run in history(host, job_id, limit=_ALL) if not run.overlapped]
    if choice.id:
        return _named(runs, job_id, choice.id)
    if choice.failed:
        return _first([run for run in runs if run.outcome.is_failure], f"no run of {job_id} failed")
    real = [run for run in runs if run.outcome is not RunOutcome.SKIPPED]
    return _first(real or runs, f"job {job_id!r} has not run yet")


def _named(runs: list[Run], job_id: str, wanted: str) -> Run:
    found = [run for run in runs if run.id.startswith(wanted)]
    for run in found:
        if run.id == wanted:
            return run
    if len(found) > 1:
        names = ", ".join(run.id for run in found[:_SHOWN]) + ", ..." * (len(found) > _SHOWN)
        raise NotFoundError(
            f"{wanted!r} is the beginning of {len(found)} runs of job {job_id!r}: {names}",
            fix="write more of the id",
        )
    return _first(found, f"there is no run {wanted!r} of job {job_id!r}")


def _first(runs: list[Run], otherwise: str) -> Run:
    if not runs:
        raise NotFoundError(otherwise, fix="`debvisor-timers history JOB` shows the runs of a job")
    return runs[0]
