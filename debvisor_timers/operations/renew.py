# SPDX-License-Identifier: Apache-2.0
"""renew: let timers follow their time zone, where its law or the host's zone has changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from debvisor_timers.jobs.load import Definitions, load_definitions
from debvisor_timers.jobs.model import Job
from debvisor_timers.operations import steps
from debvisor_timers.operations.apply import LOCK_WAIT
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.lock import exclusive
from debvisor_timers.operations.plan import EntryChange, plan_for
from debvisor_timers.operations.recover import generations, recover_locked
from debvisor_timers.render.unitfile import UnitFile
from debvisor_timers.systemd.ports import Entry, FileEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """The jobs whose timers have new calendar lines, and those left alone: edited by hand."""

    renewed: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()


def renew(host: Host, on_step: Callable[[str], None] = lambda _step: None) -> Renewal:
    """Write anew the timers whose calendar lines would be others today, from what was applied.

    From the YAML of the newest generation: what was edited since then waits for its apply. Starts
    no job. Raises the errors of `apply`; then everything is as it was.
    """
    purpose = "debvisor-timers renew"
    with exclusive(host.layout.runtime, purpose=purpose, wait=LOCK_WAIT):
        recover_locked(host)
        newest = generations(host).latest()
        if not newest:
            return Renewal()
        config = generations(host).folder / str(newest)
        plan = plan_for(host, _as_applied(host, config), config=config)
        stale = {job: change for job in plan.jobs for change in job.entries if _is_stale(change)}
        edited = {job for job, change in stale.items() if change.name in job.edited}
        # Scripts, and all else that an apply would do, are left to it.
        plan = replace(
            plan,
            jobs=tuple(
                replace(job, entries=(change,), edited=())
                for job, change in stale.items()
                if job not in edited
            ),
            new_scripts={},
            old_scripts=(),
        )
        if not plan.is_empty:
            steps.execute(host, plan, on_step)
        return Renewal(renewed=plan.updated, edited=tuple(sorted(job.job_id for job in edited)))


def _as_applied(host: Host, config: Path) -> Definitions:
    """Return the definitions of a generation, their jobs at the places where they were written."""
    definitions = load_definitions(config)
    jobs = {job.id: _moved(job, config, host.layout.config) for job in definitions.jobs.values()}
    return replace(definitions, jobs=jobs)


def _moved(job: Job, copies: Path, config: Path) -> Job:
    file = config / job.source.file.relative_to(copies)
    return job.model_copy(update={"source": replace(job.source, file=file)})


def _is_stale(change: EntryChange) -> bool:
    return (
        change.name.startswith("debvisor-job-")
        and change.name.endswith(".timer")
        and bool(change.before and change.after)
        and _calendar(change.before) != _calendar(change.after)
    )


def _calendar(entry: Entry | None) -> tuple[str, ...]:
    text = entry.text if isinstance(entry, FileEntry) else ""
    return UnitFile.parse(text).get("Timer", "OnCalendar")
