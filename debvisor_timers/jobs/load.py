# SPDX-License-Identifier: Apache-2.0
"""All job files as jobs, with every problem of every file at once."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from debvisor_timers.errors import DefinitionError
from debvisor_timers.jobs import checks
from debvisor_timers.jobs.calendars import exclusion_complaints
from debvisor_timers.jobs.compose import without_collector
from debvisor_timers.jobs.config import (
    CONFIG_NAME,
    Config,
    LoadedConfig,
    load_config,
    unknown_jobs,
)
from debvisor_timers.jobs.defaults import merge_defaults
from debvisor_timers.jobs.document import JOBS, Document, Value
from debvisor_timers.jobs.faults import kind_of, nearest, quoted
from debvisor_timers.jobs.files import check_owners, list_job_files, read_source
from debvisor_timers.jobs.kept import KEPT
from debvisor_timers.jobs.locate import locate
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.pings import ping_for
from debvisor_timers.jobs.places import problem_at
from debvisor_timers.jobs.relation_checks import relation_findings, sharing_findings
from debvisor_timers.jobs.relations import followers
from debvisor_timers.jobs.scalar import NULL
from debvisor_timers.jobs.task_files import (
    TASKS_FOLDER,
    TaskTypes,
    installed_handlers,
    load_task_types,
    no_handler,
    several_handlers,
)
from debvisor_timers.jobs.translate import (
    Complaint,
    complaint_of,
    complaints_of,
    keys_at,
    unknown_key,
)
from debvisor_timers.source import Problem, Severity, Span

_NOT_KEYS = frozenset(Job.model_fields) - frozenset(
    name for name, field in Job.model_fields.items() if field.description
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Definitions:
    """What the files say.

    jobs: by id, in the order of the files; a job with a problem is missing.
    problems: of all files, in their order; warnings among them.
    sources: every file of ours that was read, with the digest of its bytes (sha256, hex).
    calendars: the days of each calendar of config.yaml, as sorted texts.
    calendar_files: the iCalendar files that config.yaml names.
    task_types: those of tasks.d, over those that come with the program.
    """

    jobs: Mapping[str, Job]
    config: Config
    problems: tuple[Problem, ...]
    sources: Mapping[Path, str]
    calendars: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    calendar_files: tuple[Path, ...] = ()
    task_types: TaskTypes = field(default_factory=TaskTypes)

    def require(self) -> Definitions:
        """Return these definitions; raise DefinitionError when any problem is an error."""
        if any(problem.is_error for problem in self.problems):
            raise DefinitionError(self.problems)
        return self


def load_definitions(config: Path, *, home: Path | None = None) -> Definitions:
    """Return what config.yaml and jobs.d/*.yaml below the folder `config` say.

    home: the folder that `config` is to be; calendars that are named there are read here.
    Never raises for what is in the files: see `Definitions.problems`.
    """
    kept = KEPT.get()
    if kept is None or home is not None:
        return _load(config, home)
    return kept.of(config, lambda: _load(config, None))


def _load(config: Path, home: Path | None) -> Definitions:
    with without_collector():
        # Where the folder may not be searched, jobs.d tells of it.
        may_look = os.access(config, os.X_OK, effective_ids=True)
        types = load_task_types(config / TASKS_FOLDER) if may_look else None
        loader = _Loader(load_config(config / CONFIG_NAME, home=home), types)
        files, problems = list_job_files(config / "jobs.d")
        loader.problems += problems
        loader.problems += check_owners((config / CONFIG_NAME, config / "jobs.d", *files))
        loader.load(files)
        loader.look_for_unknown_jobs()
        loader.look_at_relations(all_jobs=True, has_config=True)
        return loader.definitions()


def load_files(paths: Sequence[Path], *, config: Path | None = None) -> Definitions:
    """Return what the files `paths` say, under the defaults of config.yaml in the folder `config`.

    A file named config.yaml is read as such. Jobs of other files are not looked at, so nothing is
    said of a job that is in none of `paths`; nor of pools and channels where there is no config.
    """
    with without_collector():
        configs = [path for path in paths if path.name == CONFIG_NAME]
        chosen = configs[0] if configs else config / CONFIG_NAME if config else None
        types = load_task_types(config / TASKS_FOLDER) if config else None
        loader = _Loader(load_config(chosen), types)
        loader.load(path for path in paths if path.name != CONFIG_NAME)
        loader.look_at_relations(all_jobs=False, has_config=chosen is not None)
        return loader.definitions()


class _Loader:
    """Collects jobs and problems, file by file."""

    def __init__(self, config: LoadedConfig, types: TaskTypes | None) -> None:
        """types: None where tasks.d is not known, so that a type may well be declared there."""
        self.jobs: dict[str, Job] = {}
        self._knows_types = types is not None
        self._types = types or TaskTypes()
        self.problems: list[Problem] = [*config.problems, *self._types.own.problems]
        self.sources: dict[Path, str] = {**config.sources, **self._types.own.sources}
        self._places: dict[str, Span] = {}
        self._config = config

    def definitions(self) -> Definitions:
        problems = tuple(sorted(self.problems, key=_place))
        return Definitions(
            jobs=self.jobs,
            config=self._config.config,
            problems=problems,
            sources=self.sources,
            calendars=self._config.calendars.days,
            calendar_files=self._config.calendars.files,
            task_types=self._types,
        )

    def look_for_unknown_jobs(self) -> None:
        self.problems += unknown_jobs(self._config, self._places)

    def look_at_relations(self, *, all_jobs: bool, has_config: bool) -> None:
        """Find what is wrong between jobs, and leave out those where an error stands."""
        config = self._config.config if has_config else None
        known = self._places if all_jobs else None
        found = [*relation_findings(self.jobs, known), *sharing_findings(self.jobs, config)]
        for finding in found:
            job = self.jobs[finding.job_id]
            problem = problem_at(job, finding.complaint)
            self.problems.append(replace(problem, severity=finding.severity))
        self.problems += self._without_handlers()
        for job_id in {finding.job_id for finding in found if finding.is_error}:
            del self.jobs[job_id]
        self.jobs.update(_without_jitter(self.jobs))

    def _without_handlers(self) -> Iterator[Problem]:
        """Yield a warning for each task that nothing does: its runs will fail."""
        for job in self.jobs.values():
            if job.task and self._knows_types and self._types.place(job.task.type) is None:
                handlers = installed_handlers(job.task.type).get(job.task.type, ())
                if len(handlers) == 1:
                    continue
                complaint = (
                    several_handlers(job.task.type, handlers)
                    if handlers
                    else no_handler(job.task.type, self._types.everything)
                )
                yield replace(problem_at(job, complaint), severity=Severity.WARNING)

    def load(self, files: Iterable[Path]) -> None:
        for path in files:
            source = read_source(path)
            if isinstance(source, Problem):
                self.problems.append(source)
                continue
            document = Document(source)
            self.sources[path] = document.digest
            self._load_document(document)

    def _load_document(self, document: Document) -> None:
        self.problems += document.problems
        if document.problems and not document.value:
            return
        if document.is_empty:
            self.problems.append(_empty(document))
            return
        for name in document.value:
            if name != JOBS:
                self._complain(document, (), _unknown_in_file(name))
        jobs = document.value.get(JOBS, NULL)
        if isinstance(jobs, dict):
            for job_id, body in jobs.items():
                self._load_job(document, job_id, body)
        elif jobs is not NULL:
            fix = f"write each job under its id: {JOBS}: {{my-job: {{...}}}}"
            message = f"{kind_of(jobs)} is not a mapping of jobs"
            self._complain(document, (), Complaint(path=(JOBS,), message=message, fix=fix))
        if jobs is NULL or not jobs:
            self._warn_of_no_jobs(document)

    def _warn_of_no_jobs(self, document: Document) -> None:
        if any(name != JOBS for name in document.value):
            return
        span = document.span((JOBS,), on_key=True) if document.value else Span(file=document.path)
        fix = "remove the file, or add a job"
        problem = document.problem("there is no job in this file", span, fix=fix)
        self.problems.append(replace(problem, severity=Severity.WARNING))

    def _load_job(self, document: Document, job_id: str, body: Value) -> None:
        place = document.span((JOBS, job_id), on_key=True)
        self._check_first(document, job_id, place)
        here = (JOBS, job_id)
        if not isinstance(body, dict):
            message = "has no keys" if body is NULL else f"{kind_of(body)} is not a mapping"
            fix = "a job has at least a command or a script"
            complaint = Complaint(path=(), message=message, fix=fix, on_key=body is NULL)
            self._complain(document, here, complaint)
            return
        for name in _NOT_KEYS & body.keys():
            self._complain(document, here, unknown_key((name,), keys_at(Job, ())))
        values = merge_defaults(self._with_type(body), self._config.defaults)
        try:
            job = Job.model_validate({**values, "id": job_id, "source": place})
        except ValidationError as error:
            for complaint in _all_complaints(error, body):
                self._complain(document, here, complaint)
            return
        if job.ping is None and (found := ping_for(job_id, self._config.config.pings)):
            job = job.model_copy(update={"ping": found})
        wrong = [*self._exclusions(job), *self._wrong_task(job)]
        for complaint in wrong:
            self._complain(document, here, complaint)
        if not wrong and self._places[job_id] is place and not _NOT_KEYS & body.keys():
            self.jobs[job_id] = job

    def _with_type(self, body: dict[str, Value]) -> dict[str, Value]:
        """Return the keys of a job over those that the type of its task sets."""
        task = body.get("task")
        name = task.get("type") if isinstance(task, dict) else None
        return merge_defaults(body, self._types.defaults(name)) if isinstance(name, str) else body

    def _wrong_task(self, job: Job) -> Iterator[Complaint]:
        """Yield what the type of the job's task finds wrong with its configuration."""
        known = self._types.get(job.task.type) if job.task else None
        if job.task and known:
            for complaint in known.wrong_in(job.task.config):
                yield replace(complaint, path=("task", "config", *complaint.path))

    def _exclusions(self, job: Job) -> Iterable[Complaint]:
        """Return what is wrong with the exclusions of a job, known once config.yaml is."""
        if job.schedule is None:
            return ()
        known = self._config.calendar_names
        return exclusion_complaints(job.schedule.exclude, known, ("schedule", "exclude"))

    def _check_first(self, document: Document, job_id: str, place: Span) -> None:
        first = self._places.setdefault(job_id, place)
        if first is not place:
            message = f"the job {quoted(job_id)} is defined a second time"
            fix = f"rename or remove one of them; the first is at {first}"
            self.problems.append(document.problem(message, place, fix=fix))

    def _complain(self, document: Document, base: tuple[str, ...], complaint: Complaint) -> None:
        self.problems.append(locate(document, base, complaint))


def _without_jitter(jobs: Mapping[str, Job]) -> Iterator[tuple[str, Job]]:
    """Yield the jobs that share the delay of another one, without one of their own."""
    for job_id in followers(jobs):
        job = jobs[job_id]
        if job.schedule is not None and job.schedule.jitter:
            schedule = job.schedule.model_copy(update={"jitter": timedelta()})
            yield job_id, job.model_copy(update={"schedule": schedule})


def _all_complaints(error: ValidationError, body: Mapping[str, Value]) -> list[Complaint]:
    complaints = complaints_of(error, Job)
    meant = {nearest(name, keys_at(Job, ())) for name in body.keys() - Job.model_fields.keys()}

    def has(key: str) -> bool:
        return key in body or key in meant - body.keys()

    if all(complaint.path for complaint in complaints):
        # pydantic checks a job as a whole only when each key is right.
        try:
            checks.check_one_program(**{name: has(name) for name in ("command", "script", "task")})
        except PydanticCustomError as fault:
            complaints.append(complaint_of(fault))
    return complaints


def _empty(document: Document) -> Problem:
    """Return the problem of a file that may have been cut off: its jobs would be removed."""
    message = "the file is empty" if document.is_blank else "the file is empty but for comments"
    fix = f"write {JOBS}: {{}} if it is to hold none, or remove the file"
    return Problem(span=Span(file=document.path), message=message, fix=fix)


def _unknown_in_file(name: str) -> Complaint:
    complaint = unknown_key((name,), (JOBS,))
    if name in Job.model_fields:
        return replace(complaint, fix=f"put it into a job: {JOBS}: {{my-job: {{{name}: ...}}}}")
    return complaint


def _place(problem: Problem) -> tuple[str, int, int]:
    return (str(problem.span.file), problem.span.line, problem.span.column)
