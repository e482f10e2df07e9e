# SPDX-License-Identifier: Apache-2.0
"""list: every job with its schedule, its last run, its next start and its state."""

from __future__ import annotations

from collections.abc import Collection, Container, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from debvisor_timers.history.last import LastRun, read_last
from debvisor_timers.history.under_way import UnderWay
from debvisor_timers.jobs.load import Definitions, load_definitions
from debvisor_timers.jobs.model import Job
from debvisor_timers.operations.coming.calendars import calendar_answers, first_elapse
from debvisor_timers.operations.coming.skipped import skipped_starts
from debvisor_timers.operations.holding.marks import Held, Mark, SkipNext
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.owned import owned_by_job
from debvisor_timers.operations.runs.progress import Progress, progress_of
from debvisor_timers.operations.runs.running import running_job
from debvisor_timers.operations.runs.under_way import is_between_attempts
from debvisor_timers.operations.runs.under_way import under_way as run_under_way
from debvisor_timers.render.names import PATH_PREFIX, path_unit, timer_unit, units_of
from debvisor_timers.source import Problem
from debvisor_timers.systemd.ports import ActiveState, Entry, UnitState


class JobState(StrEnum):
    """What a job is doing now, in a word or two.

    WAITING: its run has begun and waits. RETRYING: its run is between two attempts.
    WATCHING: it has no schedule, but path triggers. LINKED: other jobs start it, by their ends.
    STOPPED: enabled, but its timer does not run (stopped by hand, or the emergency brake is on).
    ORPHANED: its units stand on disk, the YAML no longer has it; the next apply removes it.
    UNREADABLE: its units stand on disk, and some file of the YAML cannot be read or is wrong.
    """

    RUNNING = "running"
    WAITING = "waiting"
    RETRYING = "retrying"
    SCHEDULED = "scheduled"
    WATCHING = "watching"
    AT_BOOT = "at boot"
    LINKED = "after others"
    ON_DEMAND = "on demand"
    DISABLED = "disabled"
    STOPPED = "stopped"
    NOT_APPLIED = "not applied"
    ORPHANED = "orphaned"
    UNREADABLE = "unreadable"


_BUSY = {JobState.RUNNING, JobState.WAITING, JobState.RETRYING}


@dataclass(frozen=True, slots=True, kw_only=True)
class JobRow:
    """One job as `list` shows it; job is None when orphaned; next_start is aware, UTC.

    skipped: why the run that starts then is not going to take place; empty when it is.
    under_way: the run that is, where `begin` has noted it; progress: how far it has come, where it
    tells. pause, skip_next: how somebody holds the job back.
    """

    job_id: str
    job: Job | None
    state: JobState
    last: LastRun | None
    next_start: datetime | None
    skipped: str = ""
    under_way: UnderWay | None = None
    progress: Progress | None = None
    pause: Mark | None = None
    skip_next: SkipNext | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class JobList:
    """All jobs by id, and the files they come from, with what is wrong with these.

    maintenance: the one that the host is in, None while it is in none.
    """

    rows: tuple[JobRow, ...]
    definitions: Definitions
    maintenance: Mark | None = None

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Return what is wrong with the files."""
        return self.definitions.problems


def list_jobs(host: Host, only: Collection[str] | None = None) -> JobList:
    """Return every job of the YAML, every job on disk and every run, in order of the jobs' ids.

    Files that are wrong hide only their own jobs. Needs no root. only: the rows of these alone,
    which takes far less.
    """
    definitions = load_definitions(host.layout.config)
    on_disk = owned_by_job(_entries(host, only)).keys()
    units = host.manager.units(*_patterns(only)) if only is None or only else ()
    running = {job_id: unit for unit in units if (job_id := running_job(unit)) is not None}
    under_way = {job_id: noted for job_id in running if (noted := run_under_way(host, job_id))}
    wanted = definitions if only is None else _these(definitions, only)
    states = _states(wanted, on_disk, running, under_way, units)
    next_starts = _next_starts(host, definitions.jobs, states)
    skipped = skipped_starts(host, definitions, next_starts)
    held = Held.read(host.layout, host.clock.now())
    progress = _progress(host, definitions, under_way)
    return JobList(
        rows=tuple(
            JobRow(
                job_id=job_id,
                job=definitions.jobs.get(job_id),
                state=state,
                last=read_last(host.layout.last, job_id),
                next_start=next_starts.get(job_id),
                skipped=skipped.get(job_id, ""),
                under_way=under_way.get(job_id),
                progress=progress.get(job_id),
                pause=held.pauses.get(job_id),
                skip_next=held.skips.get(job_id),
            )
            for job_id, state in states.items()
        ),
        definitions=definitions,
        maintenance=held.maintenance,
    )


def _entries(host: Host, only: Collection[str] | None) -> Mapping[str, Entry]:
    if only is None:
        return host.units.read()
    names = (name for job_id in only for name in units_of(job_id))
    return {name: entry for name in names if (entry := host.units.entry(name)) is not None}


def _patterns(only: Collection[str] | None) -> Sequence[str]:
    if only is None:
        return "debvisor-job-*", f"{PATH_PREFIX}*"
    return [name for job_id in only for name in units_of(job_id)]


def _these(definitions: Definitions, only: Collection[str]) -> Definitions:
    jobs = {job_id: job for job_id, job in definitions.jobs.items() if job_id in only}
    return replace(definitions, jobs=jobs)


def _states(
    definitions: Definitions,
    on_disk: Collection[str],
    running: Mapping[str, UnitState],
    under_way: Mapping[str, UnderWay],
    units: Sequence[UnitState],
) -> dict[str, JobState]:
    waiting = {unit.name for unit in units if unit.active_state is ActiveState.ACTIVE}
    is_wrong = any(problem.is_error for problem in definitions.problems)
    lacking = JobState.UNREADABLE if is_wrong else JobState.ORPHANED
    return {
        job_id: _busy(under_way.get(job_id), running[job_id])
        if job_id in running
        else _resting(definitions.jobs.get(job_id), waiting, on_disk) or lacking
        for job_id in sorted({*definitions.jobs, *on_disk, *running})
    }


def _progress(
    host: Host, definitions: Definitions, under_way: Mapping[str, UnderWay]
) -> dict[str, Progress]:
    """Return how far the tasks that run have come; nothing else can tell."""
    jobs = definitions.jobs
    return progress_of(
        host,
        {
            job_id: run.invocation_id
            for job_id, run in under_way.items()
            if job_id in jobs and jobs[job_id].task and not run.waiting
        },
    )


def _busy(noted: UnderWay | None, unit: UnitState) -> JobState:
    if is_between_attempts(unit) or (noted and noted.retry_at):
        return JobState.RETRYING
    return JobState.WAITING if noted and noted.waiting else JobState.RUNNING


def _resting(job: Job | None, waiting: Container[str], on_disk: Container[str]) -> JobState | None:
    """Return the state of a job that does not run; None when the YAML does not tell of it."""
    if job is None:
        return None
    if job.id not in on_disk:
        return JobState.NOT_APPLIED
    if not job.enabled:
        return JobState.DISABLED
    if job.schedule is None and job.watches_paths:
        return JobState.WATCHING if path_unit(job.id) in waiting else JobState.STOPPED
    if job.schedule is None:
        return _unscheduled(job)
    return JobState.SCHEDULED if timer_unit(job.id) in waiting else JobState.STOPPED


def _unscheduled(job: Job) -> JobState:
    """Return what starts a job without a schedule and without path triggers."""
    if job.boot_delays:
        return JobState.AT_BOOT
    return JobState.LINKED if job.triggers else JobState.ON_DEMAND


def _next_starts(
    host: Host, jobs: Mapping[str, Job], states: Mapping[str, JobState]
) -> dict[str, datetime]:
    """Return what systemd has armed; for running jobs, of whose timers it says nothing, compute."""
    armed = {timer_unit(id_): id_ for id_, state in states.items() if state is JobState.SCHEDULED}
    elapses = host.manager.next_elapses(armed)
    found = {armed[name]: moment for name, moment in elapses.items()}
    running = [
        jobs[job_id]
        for job_id, state in states.items()
        if state in _BUSY and job_id in jobs and jobs[job_id].enabled
    ]
    for job_id, answers in calendar_answers(host, running, after=host.clock.now()).items():
        elapse = first_elapse(answers)
        if elapse is not None:
            found[job_id] = elapse
    return found
