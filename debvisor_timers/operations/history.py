# SPDX-License-Identifier: Apache-2.0
"""history: the runs of a job, from the journal."""

from __future__ import annotations

from debvisor_timers.history.runs import Run
from debvisor_timers.jobs.load import load_definitions
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.jobs import unknown_job
from debvisor_timers.operations.newest import newest_runs


def history(host: Host, job_id: str, *, limit: int) -> list[Run]:
    """Return the last `limit` runs of the job, newest first.

    A job that was removed keeps its history as long as the journal does. Raises NotFoundError when
    neither the YAML nor the journal knows the job, SystemdError when the journal is not readable.
    """
    runs = newest_runs(host, job_id, limit)
    if not runs:
        known = load_definitions(host.layout.config).jobs
        if job_id not in known:
            raise unknown_job(job_id, known)
    return runs
