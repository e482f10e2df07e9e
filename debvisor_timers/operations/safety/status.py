# SPDX-License-Identifier: Apache-2.0
"""status: what the YAML says against disk, against systemd, against what is enabled."""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path

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
from debvisor_timers.operations.applying.applied import applied_folder
from debvisor_timers.operations.applying.plan import Plan, make_plan
from debvisor_timers.operations.applying.recover import record_file
from debvisor_timers.operations.applying.renew import renewal_plan
from debvisor_timers.operations.applying.settings import pending_settings
from debvisor_timers.operations.applying.surroundings import Surroundings, noted
from debvisor_timers.operations.holding.notes import held_notes
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.notifying import queue
from debvisor_timers.operations.owned import owned_by_job
from debvisor_timers.operations.safety.as_applied import AsApplied
from debvisor_timers.operations.safety.drift import Drift, by_clock, without_yaml
from debvisor_timers.operations.safety.finding import (
    FindingKind,
    Status,
    StatusFinding,
    finding,
)
from debvisor_timers.operations.safety.trial import has_guard, is_applied, read_trial
from debvisor_timers.render.names import (
    PATH_PREFIX,
    is_path_unit,
    is_timer,
    is_trigger_unit,
    job_of,
)
from debvisor_timers.render.path import awaited_paths
from debvisor_timers.render.timer import schedule_zone
from debvisor_timers.systemd.ports import ActiveState, Entry, FileEntry, UnitState

_AT_ODDS = frozenset((FindingKind.DELETED, FindingKind.MASKED, FindingKind.FOREIGN))
"""Of such a unit it makes no sense to say that it does not run, or is loaded otherwise."""

_BEFORE_OURS = (
    "/etc/systemd/system.control",
    "/run/systemd/system.control",
    "/run/systemd/transient",
)
"""Where systemd looks for a unit before /etc/systemd/system; source: systemd.unit(5)."""


def status(host: Host) -> Status:
    """Compare rendered, disk, loaded and enabled; changes nothing, needs no root."""
    units = {
        unit.name: unit for unit in host.manager.units("debvisor-job-*", f"{PATH_PREFIX}*", TARGET)
    }
    on_disk = host.units.read()
    findings: list[StatusFinding] = [*_interrupted(host)]
    notes: list[str] = []
    for said in _tried(host):
        notes += [said] if isinstance(said, str) else []
        findings += [] if isinstance(said, str) else [said]
    jobs = set(owned_by_job(on_disk))
    try:
        plan = make_plan(host)
        jobs |= plan.definitions.jobs.keys()
        findings += _pending(host, plan)
        notes += _known_until(plan.definitions.jobs.values(), host)
    except DefinitionError as error:
        findings.append(_definitions(error))
        findings += without_yaml(AsApplied(host), on_disk, host.layout.units)
        findings += _stale_as_applied(host)
    findings += _surroundings(host)
    findings += _masked_elsewhere(host, units, {each.subject for each in findings})
    notes += held_notes(host)
    notes += _masked_in_vain(host, on_disk)
    at_odds = {each.subject for each in findings if each.kind in _AT_ODDS}
    findings += _loaded(host, units, at_odds)
    findings += _triggers(host, on_disk, units, at_odds)
    findings += _failed(host, jobs)
    findings += _untold(host)
    active = sum(is_timer(name) and _is_active(unit) for name, unit in units.items())
    return Status(jobs=len(jobs), timers=active, findings=tuple(findings), notes=tuple(notes))


def _interrupted(host: Host) -> Iterator[StatusFinding]:
    try:
        if record_file(host).read() is not None:
            kind = FindingKind.INTERRUPTED
            yield finding(kind, "apply", "an apply was cut off", "recover")
    except PermissionRefusedError:
        return  # a reader may not look; whoever applies next can
    except SystemdError as error:
        yield StatusFinding(
            kind=FindingKind.INTERRUPTED, subject="apply", message=error.message, fix=error.fix
        )


def _tried(host: Host) -> Iterator[StatusFinding | str]:
    """Yield what waits for being confirmed; a finding where nothing takes it back any more."""
    path = host.layout.trial
    if not os.access(path, os.R_OK):
        return  # there is none, or a reader may not look
    try:
        trial = read_trial(host)
        if trial is None or not is_applied(host, trial):
            return
    except SystemdError as error:
        yield StatusFinding(
            kind=FindingKind.INTERRUPTED, subject="try", message=error.message, fix=error.fix
        )
        return
    if has_guard(host):
        yield (
            f"what {trial.by or 'somebody'} is trying is taken back at"
            f" {trial.deadline:%H:%M:%S} UTC; to keep it: debvisor-timers confirm"
        )
        return
    message = (
        "what is being tried is not confirmed, and no timer takes it back any more; to keep it:"
        " debvisor-timers confirm"
    )
    yield finding(FindingKind.INTERRUPTED, "try", message, "rollback")


def _definitions(error: DefinitionError) -> StatusFinding:
    count = sum(problem.is_error for problem in error.problems)
    return finding(
        FindingKind.DEFINITIONS, "YAML", f"the definitions have errors: {count}", "check"
    )


def _pending(host: Host, plan: Plan) -> Iterator[StatusFinding]:
    drift = Drift(
        plan=plan,
        applied=AsApplied(host),
        surroundings=noted(host) if plan.jobs else None,
        folder=host.layout.units,
    )
    yield from drift.of_jobs()
    if plan.is_empty and _has_other_files(host, plan):
        yield from _settings(host, plan)


def _has_other_files(host: Host, plan: Plan) -> bool:
    """Return whether the YAML is not, byte for byte, that of the newest generation."""
    try:
        folder = applied_folder(host)
    except DebvisorTimersError:
        return False  # a reader may not look
    return folder is not None and any(
        _text(source) != _text(folder / source.relative_to(plan.config))
        for source in plan.definitions.sources
    )


def _text(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _settings(host: Host, plan: Plan) -> Iterator[StatusFinding]:
    """Yield what an apply would keep though no unit changes: owners, tags, channels."""
    try:
        diff = pending_settings(host, plan.definitions) or ()
    except DebvisorTimersError:
        return
    lines = [line[1:] for line in diff if line[:1] in "+-" and line[:3] not in {"+++", "---"}]
    names = sorted({line.partition("=")[0] for line in lines})
    if names:
        message = f"apply would keep other settings: {', '.join(names)}"
        yield finding(FindingKind.PENDING, "settings", message, "apply")


def _stale_as_applied(host: Host) -> Iterator[StatusFinding]:
    """Yield the timers whose zone has changed, also while nobody can tell what is pending."""
    try:
        plan, _left = renewal_plan(host)
    except DebvisorTimersError:
        return  # a reader may not look at generations
    yield from (by_clock(job.job_id, job.entries) for job in plan.jobs)


def _surroundings(host: Host) -> Iterator[StatusFinding]:
    """Yield what the last apply has not seen: another systemd, drop-ins."""
    before = noted(host)
    if before is None:
        return
    now = Surroundings.now(host)
    if now.systemd != before.systemd:
        message = f"is {now.systemd} now; the units were made and checked for {before.systemd}"
        yield finding(FindingKind.UPGRADED, "systemd", message, "apply")
    for path, digest in now.drop_ins.items():
        if before.drop_ins.get(path) != digest:
            unit = Path(path).parent.name.removesuffix(".d")
            verb = "changed" if path in before.drop_ins else "added"
            see, undo = f"systemctl cat {unit}", f"systemctl revert {unit}"
            if unit.rpartition(".")[0].endswith("-"):  # of many units, and the name of none
                see, undo = f"cat {path}", f"rm {path} && systemctl daemon-reload"
            message = (
                f"a drop-in was {verb} since the last apply: {path} (to see it: {see}; to take it"
                f" away: {undo}); to keep it, apply"
            )
            yield finding(FindingKind.DROP_IN, unit, message, "apply")


def _known_until(jobs: Iterable[Job], host: Host) -> Iterator[str]:
    """Yield until when clock changes are known, for zones whose future has no rule."""
    host_zone = host.clock.zone()
    zones = {schedule_zone(job, host_zone) for job in jobs if job.schedule and job.schedule.cron}
    for zone in sorted(zones):
        last = zone_changes(zone).known_until
        if last is not None and last >= host.clock.now().date():
            yield f"the clock changes of {zone} follow no rule: they are known until {last}"


def _masked_elsewhere(
    host: Host, units: Mapping[str, UnitState], told: Collection[str]
) -> Iterator[StatusFinding]:
    """Yield the units that are masked where systemd looks before it looks at ours.

    Neither `systemctl unmask` nor `revert` takes such a link away (systemd 257).
    """
    for name, unit in units.items():
        subject = job_of(name) or name
        if unit.load_state != "masked" or subject in told:
            continue
        paths = [f"{folder}/{name}" for folder in _BEFORE_OURS]
        links = [path for path in paths if host.manager.exists(path)]
        start = f" && systemctl start {name}" if is_trigger_unit(name) else ""
        yield StatusFinding(
            kind=FindingKind.MASKED,
            subject=subject,
            message=f"masked by hand: {', '.join(links) or name}",
            fix=f"rm {' '.join(links or paths)} && systemctl daemon-reload{start}",
        )


def _masked_in_vain(host: Host, on_disk: Mapping[str, Entry]) -> Iterator[str]:
    """Yield what somebody believes to be masked."""
    for name in sorted(on_disk):
        path = f"/run/systemd/system/{name}"
        if "/" not in name and host.manager.exists(path):
            yield (
                f"{path} (systemctl mask --runtime) has no effect:"
                f" systemd reads {host.layout.units} first"
            )


def _loaded(
    host: Host, units: Mapping[str, UnitState], at_odds: Collection[str]
) -> Iterator[StatusFinding]:
    names = [name for name in sorted(units) if not {name, job_of(name)} & set(at_odds)]
    for name in host.manager.stale(names):
        yield StatusFinding(
            kind=FindingKind.STALE,
            subject=name,
            message="changed on disk since systemd loaded it",
            fix="systemctl daemon-reload",
        )


def _triggers(
    host: Host,
    on_disk: Mapping[str, Entry],
    units: Mapping[str, UnitState],
    at_odds: Collection[str],
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
        if {unit, job_of(unit)} & set(at_odds):
            continue
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
            yield finding(
                FindingKind.FAILED,
                job_id,
                f"its last run {last.outcome_words}",
                f"logs {job_id}",
            )


def _untold(host: Host) -> Iterator[StatusFinding]:
    """Yield that somebody was not told, though nobody tries any more."""
    if count := len(queue.given_up_names(host.layout)):
        message = "1 message was" if count == 1 else f"{count} messages were"
        yield finding(FindingKind.UNTOLD, "channels", f"{message} given up", "notify queue")


def _is_active(unit: UnitState | None) -> bool:
    return unit is not None and unit.active_state is ActiveState.ACTIVE
