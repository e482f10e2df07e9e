# SPDX-License-Identifier: Apache-2.0
"""A run that is under way keeps its definition: what an apply changes counts from the next run."""

from __future__ import annotations

from debvisor_timers.operations.applying.record import ApplyRecord
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.runs.running import running_jobs
from debvisor_timers.render.names import job_of
from debvisor_timers.systemd.ports import Entry, FileEntry

_REMOVED = "\n[Unit]\nCollectMode=inactive-or-failed\n"
"""For a job that is gone: when its last run has failed, no failed unit is left behind."""


def shadow_running(host: Host, record: ApplyRecord) -> None:
    """Put a copy of the old service of each job that runs where systemd reads it first.

    A reload gives the new TimeoutStartSec= and limits to the run that is under way, and the
    default time-out of 90 s, without ExecStopPost=, to one whose file is gone (systemd 257). `end`
    removes the copy when the run has ended, and a reboot does; a copy without a run is swept here.
    """
    running = running_jobs(host.manager.units("debvisor-job-*.service"))
    present = host.shadows.read()
    changes: dict[str, Entry | None] = {
        name: None for name in present if job_of(name) not in running
    }
    for name, before in record.before.items():
        if job_of(name) in running and name.endswith(".service") and isinstance(before, FileEntry):
            kept = present.get(name, before)  # edited twice: the definition that the run began with
            if isinstance(kept, FileEntry):
                changes[name] = _kept(kept, is_removed=record.after[name] is None)
    if changes:
        host.shadows.write(changes)


def scripts_in_use(host: Host, scripts: tuple[str, ...]) -> set[str]:
    """Return those of `scripts` that a run under way, with its old definition, still needs."""
    texts = [entry.text for entry in host.shadows.read().values() if isinstance(entry, FileEntry)]
    return {name for name in scripts if any(name in text for text in texts)}


def _kept(entry: FileEntry, *, is_removed: bool) -> FileEntry:
    if not is_removed or entry.text.endswith(_REMOVED):
        return entry
    return FileEntry(entry.text + _REMOVED)
