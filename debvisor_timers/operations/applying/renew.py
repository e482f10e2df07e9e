# SPDX-License-Identifier: Apache-2.0
"""renew: let timers follow their time zone, where its law or the host's zone has changed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from debvisor_timers.errors import RefusedError
from debvisor_timers.operations.applying import steps
from debvisor_timers.operations.applying.applied import applied_definitions, applied_folder
from debvisor_timers.operations.applying.apply import LOCK_WAIT
from debvisor_timers.operations.applying.generations import Deed
from debvisor_timers.operations.applying.plan import EntryChange, JobPlan, Plan, plan_for
from debvisor_timers.operations.applying.recover import generations, recover_locked
from debvisor_timers.operations.applying.source import Source
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.lock import exclusive
from debvisor_timers.operations.owned import owned_by_job
from debvisor_timers.render.unitfile import UnitFile
from debvisor_timers.source import Problem
from debvisor_timers.systemd.ports import Entry, FileEntry

_BY_ZONE = {
    ".timer": (("Timer", "OnCalendar"), ("Unit", "X-ClockChanges")),
    ".service": (("Service", "X-Maintenance"),),
}
"""What of a unit depends on the law of a zone, or on which zone is the host's."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Renewal:
    """The jobs whose units were written anew, and those left alone.

    edited: their units were edited by hand. problems: what cannot be read of what was applied; the
    jobs that it is about are left. plan: what was carried out.
    """

    renewed: tuple[str, ...] = ()
    edited: tuple[str, ...] = ()
    problems: tuple[Problem, ...] = ()
    plan: Plan | None = field(default=None, compare=False)


def renew(
    host: Host, on_step: Callable[[str], None] = lambda _step: None, *, by: str = ""
) -> Renewal:
    """Write anew the units whose calendar lines would be others today, from what was applied.

    From the YAML of the newest generation: what was edited since then waits for its apply. Starts
    no job. Raises the errors of `apply`; then everything is as it was.
    """
    purpose = "debvisor-timers renew"
    with exclusive(host.layout.runtime, purpose=purpose, wait=LOCK_WAIT):
        recover_locked(host)
        plan, left = renewal_plan(host)
        if not plan.is_empty:
            steps.execute(host, replace(plan, deed=Deed(by=by, how="renew")), on_step)
        return replace(left, renewed=plan.updated, plan=plan)


def renewal_plan(host: Host) -> tuple[Plan, Renewal]:
    """Return what is stale, and what of it has to be left; changes nothing.

    Raises RefusedError where there is nothing to make it from: no generation.
    """
    folder = generations(host).folder
    config = applied_folder(host)
    if config is None and owned_by_job(host.units.read()):
        raise RefusedError(
            f"there is no generation in {folder} to renew timers from",
            fix="debvisor-timers apply",
        )
    config = config or folder / "0"
    definitions = applied_definitions(host, config)
    edited: list[str] = []

    def stale(job: JobPlan) -> JobPlan | None:
        entries = tuple(filter(is_of_a_zone, job.entries))
        if any(change.name in job.edited for change in entries):
            edited.append(job.job_id)
            return None
        return replace(job, entries=entries, edited=()) if entries else None

    plan = plan_for(host, definitions, source=Source(config=config), part=stale)
    # Scripts are left to an apply.
    plan = replace(plan, new_scripts={}, old_scripts=())
    problems = tuple(problem for problem in definitions.problems if problem.is_error)
    return plan, Renewal(edited=tuple(edited), problems=problems)


def is_of_a_zone(change: EntryChange) -> bool:
    """Return True where a unit differs by what depends on zones.

    Not where a calendar could not be read: its days must not be lost.
    """
    directives = _BY_ZONE.get(Path(change.name).suffix, ())
    before, after = _values(change.before), _values(change.after)
    return (
        "/" not in change.name
        and before is not None
        and after is not None
        and before.get("Service", "X-Exclude") == after.get("Service", "X-Exclude")
        and any(before.get(*each) != after.get(*each) for each in directives)
    )


def _values(entry: Entry | None) -> UnitFile | None:
    return UnitFile.parse(entry.text) if isinstance(entry, FileEntry) else None
