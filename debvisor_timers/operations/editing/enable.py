# SPDX-License-Identifier: Apache-2.0
"""Whether the schedule and the triggers of a job count: the edit that lets them, or not."""

from __future__ import annotations

from debvisor_timers.jobs.config import CONFIG_NAME, load_config
from debvisor_timers.jobs.edit import jobs_in
from debvisor_timers.jobs.emit import Writable
from debvisor_timers.operations.editing.change import Change, ChangeKind, KeyPath
from debvisor_timers.operations.editing.tree import JobTree
from debvisor_timers.operations.host import Host

_KEY = "enabled"


def enable_change(host: Host, job_id: str, *, enabled: bool) -> Change:
    """Return the change that enables or disables a job. Raises NotFoundError.

    What is so already is not written again: a job without the key is enabled.
    """
    files = JobTree(host.layout.jobs)
    job = jobs_in(files.document(files.require(job_id)))[job_id]
    defaults = load_config(host.layout.config / CONFIG_NAME).defaults
    is_written = isinstance(job, dict) and _KEY in job
    is_so = enabled and not is_written and defaults.get(_KEY) != "false"
    keys: dict[KeyPath, Writable | None] = {} if is_so else {(_KEY,): enabled}
    return Change(job_id=job_id, kind=ChangeKind.UPDATE, keys=keys)
