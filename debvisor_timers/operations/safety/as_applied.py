# SPDX-License-Identifier: Apache-2.0
"""What the last apply left, to be compared: its units, its jobs, and how these look today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.jobs.load import Definitions
from debvisor_timers.jobs.model import Job
from debvisor_timers.operations.applying.applied import applied_definitions, applied_folder
from debvisor_timers.operations.applying.desired import Desired, desired_states
from debvisor_timers.operations.applying.plan import EntryChange, entry_changes
from debvisor_timers.operations.applying.recover import generations
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.owned import owned_by_job
from debvisor_timers.systemd.ports import Entry


@dataclass(frozen=True)
class AsApplied:
    """The newest generation, read when something of it is asked for.

    Who may not look at it, and a host without one, gets nothing: then nobody can tell what changed
    by hand from what changed in the YAML.
    """

    host: Host

    @cached_property
    def units(self) -> Mapping[str, Entry]:
        """Return every unit and link as it was applied."""
        kept = generations(self.host)
        try:
            newest = kept.latest()
            return kept.units(newest) if newest else {}
        except DebvisorTimersError:
            return {}

    @cached_property
    def by_job(self) -> Mapping[str, Mapping[str, Entry]]:
        """Return the same by the ids of the jobs."""
        return owned_by_job(self.units)

    @cached_property
    def definitions(self) -> Definitions | None:
        """Return the YAML that was applied."""
        try:
            folder = applied_folder(self.host)
            return applied_definitions(self.host, folder) if folder else None
        except DebvisorTimersError:
            return None

    def job(self, job_id: str) -> Job | None:
        """Return the job as it was applied."""
        return self.definitions.jobs.get(job_id) if self.definitions else None

    def outdated(self, job_id: str) -> tuple[EntryChange, ...]:
        """Return what of the job's units would be another today, by the very same YAML."""
        if job_id not in self._today:
            return ()
        before = self.by_job.get(job_id, {})
        return tuple(entry_changes(before, self._today[job_id].entries))

    @cached_property
    def _today(self) -> Mapping[str, Desired]:
        if self.definitions is None:
            return {}
        try:
            return desired_states(self.host, self.definitions, generation=0)
        except DebvisorTimersError:
            return {}
