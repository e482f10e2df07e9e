# SPDX-License-Identifier: Apache-2.0
"""status: what the YAML says against disk, against systemd, against what is enabled."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum

from debvisor_timers.calendar.zones import zone_changes
from debvisor_timers.errors import (
    DebvisorTimersError,
    DefinitionError,
    PermissionRefusedError,
    SystemdError,
)
from debvisor_timers.history.last import read_last
from debvisor_timers.jobs.model import Job
from debvisor_timers.layout import TARGET
from debvisor_timers.operations.applying.plan import JobPlan, Plan, make_plan
from debvisor_timers.operations.applying.recover import record_file
from debvisor_timers.operations.applying.renew import renewal_plan
from debvisor_timers.operations.holding.notes import held_notes
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.owned import owned_by_job
from debvisor_timers.render.names import PATH_PREFIX, is_path_unit, is_timer, job_of
from debvisor_timers.render.path import awaited_paths
from debvisor_timers.render.timer import schedule_zone
from debvisor_timers.render.unitfile import UnitFile
from debvisor_timers.systemd.ports import ActiveState, Entry, FileEntry, UnitState


class FindingKind(StrEnum):
    """What kind of thing needs attention."""

    DEFINITIONS = "definitions"
    INTERRUPTED = "interrupted"
    PENDING = "pending"
    CLOCK = "clock"
    EDITED = "edited"
    FOREIGN = "foreign"
    STALE = "stale"
    BRAKE = "brake"
    STOPPED = "stopped"
    FAILED = "failed"


@dataclass(frozen=True, slots=True, kw_only=True)
class StatusFinding:
    """One thing that needs attention: about what, in words, and the command that mends it."""

    kind: FindingKind
    subject: str
    message: str
    fix: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """How many jobs and running timers there are, all that needs attention, and what is to know.

    notes: sentences; they need no attention.
    """

    jobs: int
    timers: int
    findings: tuple[StatusFinding, ...]
    notes: tuple[str, ...] = ()

    @property
    def is_healthy(self) -> bool:
        """Return True when nothing needs attention."""
        return not self.findings


def status(host: Host) -> Status:
    """Compare rendered, disk, loaded and enabled; changes nothing, needs no root."""
    units = {
        unit.name: unit for unit in host.manager.units("debvisor-job-*", f"{PATH_PREFIX}*", TARGET)
    }
    on_disk = host.units.read()
    findings: list[StatusFinding] = []
    notes: list[str] = []
    findings += _interrupted(host)
    jobs = set(owned_by_job(on_disk))
    try:
        plan = make_plan(host)
        jobs |= plan.definitions.jobs.keys()
        findings += _pending(plan)
        notes += _known_until(plan.definitions.jobs.values(), host)
    except DefinitionError as error:
        findings.append(_definitions(error))
        findings += _stale_as_applied(host)
    notes += held_notes(host)
    findings += _loaded(host, units)
    findings += _triggers(host, on_disk, units)
    findings += _failed(host, jobs)
    active = sum(is_timer(name) and _is_active(unit) for name, unit in units.items())
    return Status(jobs=len(jobs), timers=active, findings=tuple(findings), notes=tuple(notes))


def _finding(kind: FindingKind, subject: str, message: str, command: str) -> StatusFinding:
    return StatusFinding(
        kind=kind, subject=subject, message=message, fix=f"debvisor-timers {command}"
    )


def _interrupted(host: Host) -> Iterator[StatusFinding]:
    try:
        if record_file(host).read() is not None:
            kind = FindingKind.INTERRUPTED
            yield _finding(kind, "apply", "an apply was cut off", "recover")
    except PermissionRefusedError:
        return  # a reader may not look; whoever applies next can
    except SystemdError as error:
        yield StatusFinding(
            kind=FindingKind.INTERRUPTED, subject="apply", message=error.message, fix=error.fix
        )


def _definitions(error: DefinitionError) -> StatusFinding:
    count = sum(problem.is_error for problem in error.problems)
    return _finding(
        FindingKind.DEFINITIONS, "YAML", f"the definitions have errors: {count}", "check"
    )


def _pending(plan: Plan) -> Iterator[StatusFinding]:
    for job in plan.jobs:
        if job.edited:
            names = ", ".join(job.edited)
            message = f"edited by hand: {names}"
            yield _finding(FindingKind.EDITED, job.job_id, message, "apply --overwrite-edits")
        elif law := _passed_law(job):
            message = f"its timer is for the clock changes of {law}, which is no longer so"
            yield _finding(FindingKind.CLOCK, job.job_id, message, "apply")
        else:
            yield _finding(FindingKind.PENDING, job.job_id, _pending_words(job), "apply")
    for name in plan.foreign:
        yield StatusFinding(
            kind=FindingKind.FOREIGN,
            subject=name,
            message="is in the way, not written by debvisor-timers",
            fix="move it away, or give the job another id",
        )


def _stale_as_applied(host: Host) -> Iterator[StatusFinding]:
    """Yield the timers whose zone has changed, also while nobody can tell what is pending."""
    try:
        plan, _left = renewal_plan(host)
    except DebvisorTimersError:
        return  # a reader may not look at generations
    for job in plan.jobs:
        message = "its calendar lines are for other clock changes, or another zone of the host"
        yield _finding(FindingKind.CLOCK, job.job_id, message, "renew")


def _passed_law(job: JobPlan) -> str:
    """Return what the timer says of its zone's clock changes, where that holds no more."""
    for change in job.entries:
        before, after = _law(change.before), _law(change.after)
        if before and after and before != after:
            return before
    return ""


def _law(entry: Entry | None) -> str:
    text = entry.text if isinstance(entry, FileEntry) else ""
    return "".join(UnitFile.parse(text).get("Unit", "X-ClockChanges")).replace("%%", "%")


def _known_until(jobs: Iterable[Job], host: Host) -> Iterator[str]:
    """Yield until when clock changes are known, for zones whose future has no rule."""
    host_zone = host.clock.zone()
    zones = {schedule_zone(job, host_zone) for job in jobs if job.schedule and job.schedule.cron}
    for zone in sorted(zones):
        last = zone_changes(zone).known_until
        if last is not None and last >= host.clock.now().date():
            yield f"the clock changes of {zone} follow no rule: they are known until {last}"


def _pending_words(job: JobPlan) -> str:
    names = ", ".join(change.name for change in job.entries)
    return f"apply would {job.change} it ({names})"


def _loaded(host: Host, units: Mapping[str, UnitState]) -> Iterator[StatusFinding]:
    for name in host.manager.stale(sorted(units)):
        yield StatusFinding(
            kind=FindingKind.STALE,
            subject=name,
            message="changed on disk since systemd loaded it",
            fix="systemctl daemon-reload",
        )


def _triggers(
    host: Host, on_disk: Mapping[str, Entry], units: Mapping[str, UnitState]
) -> Iterator[StatusFinding]:
    target = units.get(TARGET)
    if target is None or not _is_active(target):
        yield StatusFinding(
            kind=FindingKind.BRAKE,
            subject=TARGET,
            message="is stopped: no job is started by its timer or by a path",
            fix=f"systemctl start {TARGET}",
        )
        return
    for name in sorted(on_disk):
        folder, _, unit = name.rpartition("/")
        if folder == f"{TARGET}.wants" and not _is_active(units.get(unit)):
            about_path = is_path_unit(unit)
            yield StatusFinding(
                kind=FindingKind.STOPPED,
                subject=job_of(unit) or unit,
                message=_why_not_watched(host, units.get(unit), on_disk.get(unit))
                if about_path
                else "is enabled, but its timer does not run",
                fix=f"systemctl start {unit}",
            )


def _why_not_watched(host: Host, unit: UnitState | None, entry: Entry | None) -> str:
    if unit is not None and unit.active_state is ActiveState.FAILED:
        return (
            f"its path trigger has failed (systemctl status {unit.name}): most often, it started"
            " the job too often because a path was not removed"
        )
    awaited = awaited_paths(entry.text) if isinstance(entry, FileEntry) else ()
    there = [path for path in awaited if host.manager.exists(path)]
    if there:
        return (
            f"is enabled, but its path trigger does not run: {there[0]} is there,"
            " and to start the trigger starts the job at once"
        )
    return "is enabled, but its path trigger does not run"


def _failed(host: Host, jobs: set[str]) -> Iterator[StatusFinding]:
    for job_id in sorted(jobs):
        last = read_last(host.layout.last, job_id)
        if last is not None and last.outcome.is_failure:
            yield _finding(
                FindingKind.FAILED,
                job_id,
                f"its last run {last.outcome_words}",
                f"logs {job_id}",
            )


def _is_active(unit: UnitState | None) -> bool:
    return unit is not None and unit.active_state is ActiveState.ACTIVE
