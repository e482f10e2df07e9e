# SPDX-License-Identifier: Apache-2.0
"""logs: how to ask journalctl for what a job said, and what systemd said of it."""

from __future__ import annotations

from debvisor_timers.history.runs import matches
from debvisor_timers.jobs.load import load_definitions
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.jobs import unknown_job
from debvisor_timers.render.names import service_unit


def journalctl_command(
    host: Host, job_id: str, *, follow: bool, lines: int, as_json: bool
) -> list[str]:
    """Return the argv of journalctl that shows the last `lines` records of the job.

    A job that was removed keeps its log as long as the journal does. Raises NotFoundError when
    neither the units, nor the journal, nor the YAML knows the job.
    """
    if service_unit(job_id) not in host.units.read() and not _has_run(host, job_id):
        known = load_definitions(host.layout.config).jobs
        if job_id not in known:
            raise unknown_job(job_id, known)
    return [
        "journalctl",
        f"--unit={service_unit(job_id)}",
        f"--lines={lines}",
        f"--output={'json' if as_json else 'short-iso'}",
        *(["--follow"] if follow else []),
    ]


def _has_run(host: Host, job_id: str) -> bool:
    return next(iter(host.journal.records(matches(job_id))), None) is not None
