# SPDX-License-Identifier: Apache-2.0
"""Finding the job that a user means."""

from __future__ import annotations

from debvisor_timers.errors import RefusedError
from debvisor_timers.jobs.load import Definitions, load_definitions
from debvisor_timers.jobs.model import Job
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.unknown import unknown_job
from debvisor_timers.render.names import service_unit
from debvisor_timers.systemd.ports import FileEntry


def find_job(definitions: Definitions, job_id: str) -> Job:
    """Return the job with this id. Raises NotFoundError naming the nearest one."""
    if job_id in definitions.jobs:
        return definitions.jobs[job_id]
    raise unknown_job(job_id, definitions.jobs)


def applied_service(host: Host, job_id: str) -> str:
    """Return the text of the job's service unit as it stands on disk.

    Raises NotFoundError for a job that nobody knows, RefusedError for one that is not applied.
    """
    entry = host.units.read().get(service_unit(job_id))
    if isinstance(entry, FileEntry):
        return entry.text
    find_job(load_definitions(host.layout.config), job_id)
    raise RefusedError(
        f"job {job_id!r} is not applied yet", fix="run `debvisor-timers apply` first"
    )
