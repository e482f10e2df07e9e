# SPDX-License-Identifier: Apache-2.0
"""history: the runs of a job, from the journal."""

from __future__ import annotations

from itertools import islice

from debvisor_timers.history.runs import Run, assemble, matches
from debvisor_timers.jobs.load import load_definitions
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.jobs import unknown_job

_RECORDS_PER_RUN = 12


def history(host: Host, job_id: str, *, limit: int) -> list[Run]:
    """Return the last `limit` runs of the job, newest first.

    A job that was removed keeps its history as long as the journal does. Raises NotFoundError when
    neither the YAML nor the journal knows the job, SystemdError when the journal is not readable.
    """
    runs = _newest(host, job_id, limit)
    if not runs:
        known = load_definitions(host.layout.config).jobs
        if job_id not in known:
            raise unknown_job(job_id, known)
    return runs


def _newest(host: Host, job_id: str, limit: int) -> list[Run]:
    """Read backwards, and further while the records that were read do not fill `limit` runs."""
    wanted = (limit + 1) * _RECORDS_PER_RUN
    boot = host.journal.boot_id()
    while True:
        found = host.journal.records(matches(job_id), newest_first=True)
        records = list(islice(found, wanted))
        runs = assemble(reversed(records), current_boot=boot)
        if len(records) < wanted:
            return runs[:limit]
        if len(runs) > limit:  # the oldest may have lost its beginning
            return runs[:limit]
        wanted *= 2
