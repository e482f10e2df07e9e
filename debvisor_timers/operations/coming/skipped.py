# SPDX-License-Identifier: Apache-2.0
"""Which jobs are going to skip their next run."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from debvisor_timers.jobs.load import Definitions
from debvisor_timers.jobs.model import Job
from debvisor_timers.operations.coming.delays import jitter_of, known_delays
from debvisor_timers.operations.coming.skips import Skips
from debvisor_timers.operations.holding.marks import Held
from debvisor_timers.operations.host import Host

_INSTANT = timedelta(microseconds=1)


def skipped_starts(
    host: Host, definitions: Definitions, starts: Mapping[str, datetime]
) -> dict[str, str]:
    """Return why a job is going to skip the run that starts at `starts`, by its id.

    starts: what systemd has armed, its delay included. A job that has neither excluded days nor a
    maintenance window, and that nobody holds back, costs nothing.
    """
    held = Held.read(host.layout, host.clock.now())
    concerned = [
        job
        for job in definitions.jobs.values()
        if job.id in starts and (held.concerns(job.id) or _may_skip(job, definitions))
    ]
    if not concerned:
        return {}
    moments = [starts[job.id] for job in concerned]
    until = max(moments) + _INSTANT
    skips = Skips.between(host, definitions, after=min(moments), until=until)
    delays = known_delays(host, [job for job in concerned if jitter_of(job)])
    found = {}
    for job in concerned:
        at = starts[job.id]
        scheduled = at - delays.get(job.id, timedelta())
        skip = skips.of(job, scheduled=scheduled, start=at, latest=at)
        if skip is not None and skip.is_certain:
            found[job.id] = skip.reason
    return found


def _may_skip(job: Job, definitions: Definitions) -> bool:
    windows = definitions.config.maintenance_windows
    excludes = job.schedule is not None and bool(job.schedule.exclude)
    return excludes or any(window.concerns(job.id) for window in windows)
