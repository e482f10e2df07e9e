# SPDX-License-Identifier: Apache-2.0
"""history: the runs of a job, from the journal."""

from __future__ import annotations

from dataclasses import replace

from debvisor_timers.history.runs import Run, RunOutcome
from debvisor_timers.jobs.load import load_definitions
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.jobs import unknown_job
from debvisor_timers.operations.newest import newest_runs
from debvisor_timers.operations.swallowed import swallowed
from debvisor_timers.operations.under_way import under_way


def history(host: Host, job_id: str, *, limit: int) -> list[Run]:
    """Return the last `limit` runs of the job, newest first.

    A job that was removed keeps its history as long as the journal does. Raises NotFoundError when
    neither the YAML nor the journal knows the job, SystemdError when the journal is not readable.
    """
    runs = newest_runs(host, job_id, limit)
    if runs:
        runs[0] = as_noted(host, runs[0])
        skip = swallowed(host, runs[0])
        runs = [*([skip] if skip else []), *runs][:limit]
    if not runs:
        known = load_definitions(host.layout.config).jobs
        if job_id not in known:
            raise unknown_job(job_id, known)
    return runs


_UNDER_WAY = {RunOutcome.RUNNING, RunOutcome.WAITING}


def as_noted(host: Host, run: Run) -> Run:
    """Return a run that is under way with what `begin` noted of it; its record may be to come.

    Any other run comes back as it is.
    """
    if run.outcome not in _UNDER_WAY:
        return run
    noted = under_way(host, run.job)
    if noted is None or noted.invocation_id not in run.invocation_ids:
        return run
    return replace(
        run,
        id=noted.id,
        generation=noted.generation,
        trigger=noted.trigger,
        trigger_runs=noted.trigger_runs,
        retry_of=noted.retry_of,
        by=noted.by,
        scheduled_for=noted.scheduled_for,
        start=noted.start,
        max_attempts=noted.max_attempts,
        ending=noted.ending,
    )
