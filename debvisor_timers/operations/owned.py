# SPDX-License-Identifier: Apache-2.0
"""What in the unit folder is ours: by the [X-Debvisor] section, never by the name alone."""

from __future__ import annotations

from collections.abc import Mapping

from debvisor_timers.render.names import job_of
from debvisor_timers.render.ownership import read_ownership
from debvisor_timers.systemd.ports import Entry, FileEntry


def owned_by_job(on_disk: Mapping[str, Entry]) -> dict[str, dict[str, Entry]]:
    """Return our entries by job id: files with our section, and the links that enable them."""
    jobs: dict[str, dict[str, Entry]] = {}
    for name, entry in on_disk.items():
        job_id = job_of(name.rpartition("/")[2])
        if job_id is not None and is_ours(name, entry, on_disk):
            jobs.setdefault(job_id, {})[name] = entry
    return jobs


def is_ours(name: str, entry: Entry, on_disk: Mapping[str, Entry]) -> bool:
    """Return True when the entry `name` was written by us, or by systemctl for a unit of ours.

    A link at the top is a mask or an alias of somebody else's. A link below .wants/ enables a unit:
    it is ours unless that unit is another's file.
    """
    if isinstance(entry, FileEntry):
        return read_ownership(entry.text) is not None
    folder, _, unit = name.rpartition("/")
    enabled = on_disk.get(unit)
    return bool(folder) and (not isinstance(enabled, FileEntry) or is_ours(unit, enabled, on_disk))
