# SPDX-License-Identifier: Apache-2.0
"""The newest runs of a job, from as little of the journal as tells of them."""

from __future__ import annotations

from itertools import islice

from debvisor_timers.history.runs import Run, assemble, matches
from debvisor_timers.operations.host import Host

_RECORDS_PER_RUN = 12


def newest_runs(host: Host, job_id: str, limit: int) -> list[Run]:
    """Return the last `limit` runs that the journal has of the job, newest first.

    Reads backwards, and further while the records that were read do not fill `limit` runs.
    """
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
