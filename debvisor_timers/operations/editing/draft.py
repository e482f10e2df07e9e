# SPDX-License-Identifier: Apache-2.0
"""A job file that somebody is writing: what is wrong with it, and when its job would run."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory

from debvisor_timers.calendar.zones import check_zone
from debvisor_timers.errors import DebvisorTimersError, DefinitionError, ScheduleError
from debvisor_timers.jobs.edit import jobs_in, parse_jobs
from debvisor_timers.jobs.files import list_job_files
from debvisor_timers.jobs.load import Definitions, load_files
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.places import as_edited, problem_at
from debvisor_timers.jobs.relation_checks import relation_findings
from debvisor_timers.jobs.relations import written_edges
from debvisor_timers.jobs.words import schedule_words
from debvisor_timers.operations.access.policy import policy_problems
from debvisor_timers.operations.check import opinion_of_systemd
from debvisor_timers.operations.coming.clock_days import clock_change
from debvisor_timers.operations.coming.elapses import Interval
from debvisor_timers.operations.coming.gaps import gap_problems
from debvisor_timers.operations.coming.timeline import zone_of
from debvisor_timers.operations.coming.translate import translate_schedule
from debvisor_timers.operations.coming.upcoming import Upcoming, upcoming
from debvisor_timers.operations.editing.tree import JobTree
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.packages import package_problems
from debvisor_timers.source import Problem

_RUNS = 5
_FILE = "job.yaml"
_UNNAMED = "draft.yaml"
_LONGEST_NAME = 255


@dataclass(frozen=True, slots=True, kw_only=True)
class Draft:
    """The text of a job file that is not written yet; job_id: the job that is meant.

    is_ruled: the policy for those who are not root holds for who writes it.
    """

    name: str
    text: str
    job_id: str
    is_ruled: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftRun:
    """A run to come; clock_change: what clocks do on its day, empty on usual ones."""

    run: Upcoming
    local: datetime
    clock_change: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DraftCheck:
    """What is to be said of a draft.

    problems: as `check` has them, at the places where they are going to be. schedule: in words,
    empty for a job without one. zone: that of the schedule. runs: at most five.
    """

    problems: tuple[Problem, ...]
    schedule: str = ""
    zone: str = ""
    enabled: bool = True
    runs: tuple[DraftRun, ...] = ()

    @property
    def has_errors(self) -> bool:
        """Return True where it could not be applied."""
        return any(problem.is_error for problem in self.problems)


def check_draft(host: Host, draft: Draft) -> DraftCheck:
    """Return every problem of the job that is meant and of its file, and its next runs.

    Writes nothing that stays. Other jobs of the file are read, not shown to systemd.
    """
    name = _file_name(draft.name)
    shown = host.layout.jobs / name
    with TemporaryDirectory(prefix="debvisor-draft-") as folder:
        path = Path(folder) / _FILE  # a name that somebody has sent may be config.yaml
        path.write_text(draft.text, encoding="utf-8", newline="")
        with as_edited({path: draft.text}):
            definitions = load_files([path], config=host.layout.config)
            problems = [each for each in definitions.problems if each.span.file == path]
            job = definitions.jobs.get(draft.job_id)
            if job is not None:
                problems += _of_other_files(host, definitions, job)
                problems += _further(host, definitions, job, problems)
            if job is not None and draft.is_ruled:
                problems += policy_problems(host, definitions, job)
    found = tuple(sorted((_moved(each, path, shown) for each in problems), key=_place))
    checked = DraftCheck(problems=tuple(dict.fromkeys(found)))
    if job is None:
        return _by_schedule_alone(host, draft, checked)
    return _with_runs(host, definitions, job, checked)


def _file_name(name: str) -> str:
    """Return a name that stays in its folder, whatever somebody has sent as one."""
    is_plain = name.isprintable() and "/" not in name and name not in {"", ".", ".."}
    return name if is_plain and len(name.encode()) <= _LONGEST_NAME else _UNNAMED


def _of_other_files(host: Host, definitions: Definitions, job: Job) -> Iterator[Problem]:
    """Yield where the job names others that are in no file."""
    named = {edge.needs for _, edge in written_edges(job)} - definitions.jobs.keys()
    if not named:
        return
    tree = JobTree(host.layout.jobs)
    if all(map(tree.has, named)) or len(tree.files) < len(list_job_files(host.layout.jobs)[0]):
        return  # of a file that cannot be read nobody knows what is in it
    known = {*tree.ids(), *definitions.jobs}
    for finding in relation_findings({job.id: job}, known):
        yield replace(problem_at(job, finding.complaint), severity=finding.severity)


def _further(
    host: Host, definitions: Definitions, job: Job, problems: list[Problem]
) -> list[Problem]:
    """Return what systemd and this host say of the job; advice where nothing else is wrong."""
    try:
        found = list(opinion_of_systemd(host, definitions, {job.id}))
    except DefinitionError as error:
        found = list(error.problems)
    if any(problem.is_error for problem in (*problems, *found)):
        return found
    lacking = package_problems(host, definitions.task_types, [job])
    return [*found, *gap_problems(host, [job]), *lacking]


def _with_runs(host: Host, definitions: Definitions, job: Job, checked: DraftCheck) -> DraftCheck:
    zone = (job.schedule.timezone if job.schedule else None) or host.clock.zone()
    try:
        runs = upcoming(host, definitions, [job], Interval(count=_RUNS))
    except DebvisorTimersError:
        runs = []  # what is wrong is among the problems
    return replace(
        checked,
        schedule=schedule_words(job),
        zone=zone,
        enabled=job.enabled,
        runs=tuple(_run(run, zone) for run in runs),
    )


def _by_schedule_alone(host: Host, draft: Draft, checked: DraftCheck) -> DraftCheck:
    """Add what a cron expression says, where something else of the job is still wrong."""
    try:
        job = jobs_in(parse_jobs(Path(draft.name), draft.text)).get(draft.job_id)
    except DefinitionError:
        return checked
    schedule = job.get("schedule") if isinstance(job, dict) else None
    written = schedule if isinstance(schedule, dict) else {"cron": schedule}
    cron, named = written.get("cron"), written.get("timezone")
    if not isinstance(cron, str):
        return checked
    try:
        own = check_zone(named) if isinstance(named, str) else None
        found = translate_schedule(host, cron, zone=own, count=_RUNS)
    except ScheduleError:
        return checked
    zone = own or host.clock.zone()
    runs = [
        Upcoming(job_id=draft.job_id, scheduled=at, at=at, latest=at) for at in found.next_starts
    ]
    return replace(
        checked,
        schedule=found.translation.words,
        zone=zone,
        runs=tuple(_run(run, zone) for run in runs),
    )


def _run(run: Upcoming, zone: str) -> DraftRun:
    local = run.at.astimezone(zone_of(zone))
    change = clock_change(local.date(), zone_of(zone))
    return DraftRun(run=run, local=local, clock_change=change.words if change else "")


def _moved(problem: Problem, path: Path, shown: Path) -> Problem:
    if problem.span.file != path:
        return problem
    moved = replace(problem.span, file=shown)
    return replace(
        problem,
        span=moved,
        message=problem.message.replace(str(path), str(shown)),
        fix=problem.fix.replace(str(path), str(shown)),
    )


def _place(problem: Problem) -> tuple[int, int]:
    return problem.span.line, problem.span.column
