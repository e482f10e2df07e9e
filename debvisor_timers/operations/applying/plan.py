# SPDX-License-Identifier: Apache-2.0
"""plan: what an apply would change, as a value."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from enum import StrEnum
from pathlib import Path, PurePosixPath

from debvisor_timers.calendar.zones import ZONEINFO
from debvisor_timers.jobs.load import Definitions
from debvisor_timers.jobs.model import Job
from debvisor_timers.operations.applying.applied import applied_definitions
from debvisor_timers.operations.applying.desired import Desired, desired_states, kept_states
from debvisor_timers.operations.applying.edits import FileEdit
from debvisor_timers.operations.applying.generations import Counts, Deed, Generations, Kept
from debvisor_timers.operations.applying.source import Source
from debvisor_timers.operations.applying.verify import verify
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.owned import is_ours, owned_by_job
from debvisor_timers.operations.packages import package_problems
from debvisor_timers.render.names import timer_unit
from debvisor_timers.render.ownership import digest, is_edited
from debvisor_timers.render.timer import schedule_zone
from debvisor_timers.source import Problem, Severity
from debvisor_timers.systemd.ports import Entry, FileEntry, LinkEntry


class Change(StrEnum):
    """What happens to a job."""

    CREATE = "create"
    UPDATE = "update"
    REMOVE = "remove"


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryChange:
    """One file or link below the unit folder, before and after; None: it is not there."""

    name: str
    before: Entry | None
    after: Entry | None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobPlan:
    """What changes for one job.

    edited: files of the job that were edited by hand and would be overwritten.
    next_before, next_after: the timer's next elapse as systemd has it now and will have it; None
    where there is no timer, or nothing more to come. jitter: how much later than next_after it may
    be; none where systemd has said it.
    """

    job_id: str
    change: Change
    entries: tuple[EntryChange, ...]
    edited: tuple[str, ...] = ()
    next_before: datetime | None = None
    next_after: datetime | None = None
    jitter: timedelta = timedelta()


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that an apply would do.

    generation: the number it would get. unchanged: how many jobs stay as they are.
    foreign: names that a job needs and somebody else has. warnings: said, and passed over.
    config: the folder below which the files of the definitions are.
    edits: files of the administrator that change with it. held: path units that stop before.
    files: what decides it besides the configuration: time zones, calendars.
    deed: who wants it, and how; kept in the generation.
    """

    generation: int
    jobs: tuple[JobPlan, ...]
    unchanged: int
    foreign: tuple[str, ...]
    warnings: tuple[Problem, ...]
    new_scripts: Mapping[str, str]
    old_scripts: tuple[str, ...]
    definitions: Definitions
    config: Path
    entries: Mapping[str, Entry]
    files: tuple[Path, ...]
    edits: tuple[FileEdit, ...] = ()
    held: tuple[str, ...] = ()
    deed: Deed = field(default_factory=Deed)

    def about(self, at: datetime) -> Kept:
        """Return what is noted of the generation that it makes at that time."""
        counts = Counts(
            created=len(self.created), updated=len(self.updated), removed=len(self.removed)
        )
        return Kept(number=self.generation, applied=at, deed=self.deed, counts=counts)

    @property
    def is_empty(self) -> bool:
        """Return True when there is nothing to do."""
        return not self.jobs and not self.new_scripts

    @property
    def entries_after(self) -> dict[str, Entry]:
        """Return what the unit folder holds of ours once this plan is carried out."""
        after = dict(self.entries)
        for change in (change for job in self.jobs for change in job.entries):
            if change.after is None:
                after.pop(change.name, None)
            else:
                after[change.name] = change.after
        return after

    @property
    def created(self) -> tuple[str, ...]:
        """Return the ids of the jobs that are new."""
        return self._ids(Change.CREATE)

    @property
    def updated(self) -> tuple[str, ...]:
        """Return the ids of the jobs that change."""
        return self._ids(Change.UPDATE)

    @property
    def removed(self) -> tuple[str, ...]:
        """Return the ids of the jobs that go."""
        return self._ids(Change.REMOVE)

    def _ids(self, change: Change) -> tuple[str, ...]:
        return tuple(job.job_id for job in self.jobs if job.change is change)


def make_plan(host: Host, source: Source | None = None) -> Plan:
    """Return what an apply of `source`, the files on disk, would change; changes nothing.

    Every changed unit was seen by systemd-analyze. Raises DefinitionError with all problems of all
    files, RefusedError when systemd is too old for a job.
    """
    source = source or Source(config=host.layout.config)
    definitions = applied_definitions(host, source.config)
    if source.units is None:
        definitions.require()
    return plan_for(host, definitions, source=source)


def plan_for(
    host: Host,
    definitions: Definitions,
    *,
    source: Source,
    part: Callable[[JobPlan], JobPlan | None] | None = None,
) -> Plan:
    """Return what an apply of `definitions`, which `source` holds, would change.

    part: what is to be done of a change, if anything; then systemd is shown these units alone, and
    nothing is asked about the jobs, which were applied before.
    """
    generation = Generations(host.layout.state / "generations").latest() + 1
    desired = _desired(host, definitions, source, generation)
    on_disk = host.units.read()
    changes = _changes(host, source, on_disk, desired)
    if part is not None:
        changes = tuple(some for change in changes if (some := part(change)) is not None)
    asked = () if part else tuple(job.job_id for job in changes)
    jobs = [definitions.jobs[job_id] for job_id in asked if job_id in definitions.jobs]
    is_kept = source.units is not None
    problems, next_elapses = _seen(host, definitions, jobs, changes, is_kept=is_kept)
    scripts, present = _scripts(desired), host.scripts.read()
    return Plan(
        generation=generation,
        jobs=_with_next(host, changes, next_elapses, jobs),
        unchanged=len(desired) - sum(job.job_id in desired for job in changes),
        foreign=tuple(_foreign(on_disk, desired)),
        warnings=problems,
        new_scripts={n: text for n, text in scripts.items() if present.get(n) != FileEntry(text)},
        old_scripts=tuple(sorted(present.keys() - scripts.keys())),
        definitions=definitions,
        config=source.config,
        entries=on_disk,
        files=_files(definitions, host.clock.zone()),
        edits=source.edits,
        held=source.held,
        deed=Deed(restores=source.restores),
    )


def _changes(
    host: Host, source: Source, on_disk: Mapping[str, Entry], desired: Mapping[str, Desired]
) -> tuple[JobPlan, ...]:
    left = _left(host, source, on_disk)
    changes = tuple(job for job in _job_plans(on_disk, desired) if job.job_id not in left)
    return _needed(host, source, desired, changes)


def _scripts(desired: Mapping[str, Desired]) -> dict[str, str]:
    return {name: text for state in desired.values() for name, text in state.scripts.items()}


def _seen(
    host: Host,
    definitions: Definitions,
    jobs: Sequence[Job],
    changes: tuple[JobPlan, ...],
    *,
    is_kept: bool,
) -> tuple[tuple[Problem, ...], Mapping[str, datetime]]:
    """Return what is said of the changes, and when each job is due next.

    is_kept: the units were applied once; what is wrong with them today is a warning. Raises
    DefinitionError for errors of others.
    """
    verdict = verify(host, definitions, jobs, _changed_units(changes, definitions))
    lacking = package_problems(host, definitions.task_types, jobs)
    problems = (*definitions.problems, *verdict.problems, *lacking)
    if is_kept:
        problems = tuple(replace(each, severity=Severity.WARNING) for each in problems)
    else:
        verdict.require(definitions)
    return problems, verdict.next_elapses


def _desired(
    host: Host, definitions: Definitions, source: Source, generation: int
) -> dict[str, Desired]:
    if source.units is not None:
        return kept_states(host, definitions, source.units)
    return desired_states(host, definitions, generation=generation, templates=source.templates)


def _left(host: Host, source: Source, on_disk: Mapping[str, Entry]) -> set[str]:
    """Return the jobs that are not meant, and not on disk as they were applied last."""
    if source.jobs is None:
        return set()
    kept = Generations(host.layout.state / "generations")
    newest = kept.latest()
    before = owned_by_job(kept.units(newest)) if newest else {}
    now = owned_by_job(on_disk)
    return {
        job_id
        for job_id in (before.keys() | now.keys()) - source.jobs
        if any(entry_changes(before.get(job_id, {}), now.get(job_id, {})))
    }


def _needed(
    host: Host, source: Source, desired: Mapping[str, Desired], changes: tuple[JobPlan, ...]
) -> tuple[JobPlan, ...]:
    """Return the changes without those of other jobs that come from elsewhere than the edit.

    A template or a calendar file that is edited, or a new version, waits for its own apply.
    """
    if source.jobs is None or {job.job_id for job in changes} <= source.jobs:
        return changes
    kept = Generations(host.layout.state / "generations")
    if not (newest := kept.latest()):
        return changes
    before = applied_definitions(host, kept.folder / str(newest))
    if any(problem.is_error for problem in before.problems):
        return changes
    same = {
        job_id
        for job_id, state in _desired(host, before, source, newest + 1).items()
        if job_id in desired and not any(entry_changes(state.entries, desired[job_id].entries))
    }
    return tuple(job for job in changes if job.job_id in source.jobs or job.job_id not in same)


def _files(definitions: Definitions, host_zone: str) -> tuple[Path, ...]:
    zones = {schedule_zone(job, host_zone) for job in definitions.jobs.values() if job.schedule}
    zones |= {window.timezone or host_zone for window in definitions.config.maintenance_windows}
    return (*(ZONEINFO / zone for zone in sorted(zones)), *definitions.calendar_files)


def _job_plans(on_disk: Mapping[str, Entry], desired: Mapping[str, Desired]) -> Iterator[JobPlan]:
    ours = owned_by_job(on_disk)
    for job_id in sorted(desired.keys() | ours.keys()):
        before = ours.get(job_id, {})
        after = desired[job_id].entries if job_id in desired else {}
        entries = tuple(entry_changes(before, after))
        if entries:
            yield JobPlan(
                job_id=job_id,
                change=_kind(before, job_id in desired),
                entries=entries,
                edited=tuple(_edited(entries)),
            )


def _kind(before: Mapping[str, Entry], is_wanted: bool) -> Change:  # noqa: FBT001
    if not is_wanted:
        return Change.REMOVE
    return Change.UPDATE if before else Change.CREATE


def entry_changes(before: Mapping[str, Entry], after: Mapping[str, Entry]) -> Iterator[EntryChange]:
    """Yield what changes in a unit folder; that a file is signed anew is no change."""
    for name in sorted(before.keys() | after.keys()):
        old, new = before.get(name), after.get(name)
        if not _same(old, new):
            yield EntryChange(name=name, before=old, after=new)


def _same(old: Entry | None, new: Entry | None) -> bool:
    if isinstance(old, FileEntry) and isinstance(new, FileEntry):
        return old == new or digest(old.text) == digest(new.text)
    if isinstance(old, LinkEntry) and isinstance(new, LinkEntry):
        # `systemctl enable` writes whole paths; systemd goes by the name of the unit alone.
        return PurePosixPath(old.target).name == PurePosixPath(new.target).name
    return old == new


def _edited(entries: tuple[EntryChange, ...]) -> Iterator[str]:
    for change in entries:
        if isinstance(change.before, FileEntry) and is_edited(change.before.text):
            yield change.name


def _foreign(on_disk: Mapping[str, Entry], desired: Mapping[str, Desired]) -> Iterator[str]:
    for state in desired.values():
        for name in state.entries:
            entry = on_disk.get(name)
            if entry is not None and not is_ours(name, entry, on_disk):
                yield name


def _changed_units(changes: tuple[JobPlan, ...], definitions: Definitions) -> dict[str, str]:
    """Return the text of every unit file that is new or changed, by name.

    Not of a job whose definition, in an older generation, can be read no more.
    """
    return {
        change.name: change.after.text
        for job in changes
        for change in job.entries
        if isinstance(change.after, FileEntry) and job.job_id in definitions.jobs
    }


def _with_next(
    host: Host,
    changes: tuple[JobPlan, ...],
    next_after: Mapping[str, datetime],
    jobs: Sequence[Job],
) -> tuple[JobPlan, ...]:
    jitters = {job.id: job.schedule.jitter for job in jobs if job.schedule}
    names = {job.job_id: timer_unit(job.job_id) for job in changes}
    loaded = (
        {unit.name for unit in host.manager.units("debvisor-job-*.timer")} if changes else set()
    )
    timers = host.manager.timers([name for name in names.values() if name in loaded])

    def with_next(job: JobPlan) -> JobPlan:
        timer = names[job.job_id]
        before = timers[timer].next_elapse if timer in timers else None
        if before and not any(change.name.endswith(timer) for change in job.entries):
            return replace(job, next_before=before, next_after=before)
        after = next_after.get(job.job_id)
        jitter = jitters.get(job.job_id, timedelta()) if after else timedelta()
        return replace(job, next_before=before, next_after=after, jitter=jitter)

    return tuple(map(with_next, changes))
