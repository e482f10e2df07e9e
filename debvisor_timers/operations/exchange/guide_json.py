# SPDX-License-Identifier: Apache-2.0
"""import guide-json: the JSON files of the original scheduler become job files."""

from __future__ import annotations

import json
import math
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any

from debvisor_timers.errors import DefinitionError
from debvisor_timers.jobs.edit import new_file
from debvisor_timers.jobs.files import LARGEST_FILE
from debvisor_timers.jobs.load import Definitions, load_definitions, load_files
from debvisor_timers.jobs.scalar import NULL
from debvisor_timers.operations.applying.edits import (
    FileEdit,
    check_edits,
    undo_edits,
    write_edits,
)
from debvisor_timers.operations.exchange.original import (
    ZONE,
    Ids,
    Original,
    Translation,
    new_ids,
    translate,
)
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.lock import exclusive
from debvisor_timers.source import Problem, Span

_LOCK_WAIT = timedelta(seconds=30)

_FIELD_OF = {
    "schedule": "cron_expression",
    "schedule.timezone": "timezone",
    "task.config": "task_config",
    "conflicts_with": "dependencies",
}
"""The field that a key is from, where it is not told by the reading of the field."""


class State(StrEnum):
    """What is there of a job already. OTHER: one with its id that is not the same."""

    NEW = "new"
    SAME = "same"
    OTHER = "other"


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedJob:
    """A job as it is to be: the file `path` with `text`; keys: what the file says of it."""

    id: str
    path: Path
    text: str
    keys: Mapping[str, Any]
    state: State


@dataclass(frozen=True, slots=True, kw_only=True)
class Imported:
    """All jobs of an import. notes: what is not as it was. warnings: at files and fields."""

    jobs: Sequence[ImportedJob]
    notes: Sequence[str] = ()
    warnings: Sequence[Problem] = ()

    @property
    def text(self) -> str:
        """Return all jobs as one file."""
        return new_file({job.id: writable(job.keys) for job in self.jobs})

    def edits(self, *, replace_others: bool = False) -> tuple[FileEdit, ...]:
        """Return the files that are to be written; of others only where they are replaced."""
        wanted = {State.NEW, State.OTHER} if replace_others else {State.NEW}
        return tuple(
            FileEdit(path=job.path, before=_content(job.path), after=job.text.encode())
            for job in self.jobs
            if job.state in wanted
        )


def read_originals(paths: Sequence[Path]) -> list[Original]:
    """Return the jobs of files, and of all `*.json` in folders.

    Raises DefinitionError with every problem of every file.
    """
    jobs: list[Original] = []
    problems: list[Problem] = []
    for path in paths:
        files = sorted(path.glob("*.json")) if path.is_dir() else [path]
        if not files:
            fix = "name the folder of the original: /etc/debvisor/scheduler"
            problems.append(_whole(path, "there is no *.json file in this folder", fix))
        for file in files:
            found = _read_file(file)
            problems += [found] if isinstance(found, Problem) else []
            jobs += [] if isinstance(found, Problem) else found
    if problems:
        raise DefinitionError(problems)
    return jobs


def json_of(data: bytes) -> object:
    """Return the JSON document in UTF-8 that a file holds; raises ValueError, RecursionError."""
    return json.loads(data.decode(), parse_float=_finite, parse_constant=_finite)


def _finite(text: str) -> float:
    number = float(text)
    if not math.isfinite(number):
        raise ValueError(text)
    return number


def originals_of(file: Path, document: object) -> list[Original]:
    """Return the jobs of a document: one job, a list of jobs, or a backup that has `jobs`.

    Raises DefinitionError where it is none of these.
    """
    if isinstance(document, dict) and "jobs" not in document:
        if {"job_id", "cron_expression", "task_type"} & document.keys():
            return [Original(file=file, data=document)]
        fix = "name the files of jobs; one of the original has a job_id and a cron_expression"
        raise DefinitionError([_whole(file, "is no job of the original", fix)])
    jobs = document["jobs"] if isinstance(document, dict) else document
    jobs = list(jobs.values()) if isinstance(jobs, dict) else jobs
    if not isinstance(jobs, list) or not all(isinstance(job, dict) for job in jobs):
        fix = "a job is a mapping with a job_id and a cron_expression"
        raise DefinitionError([_whole(file, "is no list of jobs", fix)])
    return [
        Original(file=file, data=job, prefix=f"jobs[{number}].") for number, job in enumerate(jobs)
    ]


def import_originals(host: Host, jobs: Sequence[Original]) -> Imported:
    """Return what jobs of the original become on this host; writes nothing.

    Raises DefinitionError with every problem of every file and field.
    """
    there = load_definitions(host.layout.config)
    mapped = dict(new_ids(jobs))
    ids = Ids(mapped=mapped, known=frozenset(there.jobs))
    done = [(job, translate(job, ids)) for job in jobs]
    problems = [*_about_ids(jobs), *(one for _, each in done for one in each.problems)]
    if not any(problem.is_error for problem in problems):
        problems += _opinion_of_loader(host, done, mapped)
    if any(problem.is_error for problem in problems):
        raise DefinitionError(problems)
    return Imported(
        jobs=[_imported(host, there, job, each, mapped[job.job_id]) for job, each in done],
        notes=tuple(_notes(done, mapped)),
        warnings=tuple(problems),
    )


def write_import(host: Host, imported: Imported) -> tuple[FileEdit, ...]:
    """Write the files of jobs that are not there yet, all or none; return them."""
    edits = imported.edits()
    if not edits:
        return ()
    with exclusive(host.layout.runtime, purpose="debvisor-timers import", wait=_LOCK_WAIT):
        check_edits(edits)
        try:
            write_edits(edits)
        except BaseException:
            undo_edits(edits)
            raise
    return edits


def _read_file(file: Path) -> list[Original] | Problem:
    try:
        if file.stat().st_size > LARGEST_FILE:
            return _whole(file, "is larger than 8 MiB", "name a file of the original")
        return originals_of(file, json_of(file.read_bytes()))
    except DefinitionError as error:
        return error.problems[0]
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        return _whole(file, f"cannot be read: {reason}", "check the name, and who may read it")
    except (ValueError, RecursionError) as error:
        return _no_json(file, error)


def _no_json(file: Path, error: Exception) -> Problem:
    if isinstance(error, json.JSONDecodeError):
        place = Span(file=file, line=error.lineno, column=error.colno)
        return Problem(span=place, message=f"is no JSON: {error.msg}", fix="correct it")
    said = "is not UTF-8" if isinstance(error, UnicodeError) else "is no JSON that can be read"
    return _whole(file, said, "name a JSON file of the original")


def _about_ids(jobs: Sequence[Original]) -> Iterator[Problem]:
    first: dict[str, Original] = {}
    for job in jobs:
        if not job.job_id:
            yield job.problem("job_id", "is missing, or is not text", fix="write the id of the job")
        elif (other := first.setdefault(job.job_id, job)) is not job:
            fix = f"remove one of them; the first is in {other.file}"
            yield job.problem("job_id", f"the id {job.job_id!r} is there twice", fix=fix)


def _opinion_of_loader(
    host: Host, done: Sequence[tuple[Original, Translation]], mapped: Mapping[str, str]
) -> list[Problem]:
    """Return what is wrong with the jobs as job files, at the fields that they are from."""
    by_name = {f"{mapped[job.job_id]}.yaml": (job, each) for job, each in done}
    with tempfile.TemporaryDirectory(prefix="debvisor-import-") as name:
        for file, (_, each) in by_name.items():
            text = new_file({file.removesuffix(".yaml"): writable(each.keys)})
            Path(name, file).write_text(text, encoding="utf-8")
        files = [Path(name, file) for file in by_name]
        found = load_files(files, config=host.layout.config).problems
    return [
        _at_field(problem, *by_name[problem.span.file.name])
        for problem in found
        if problem.span.file.name in by_name
    ]


def _at_field(problem: Problem, job: Original, done: Translation) -> Problem:
    key, _, rest = problem.key.partition(".")
    name = _FIELD_OF.get(problem.key) or done.places.get(key) or _FIELD_OF.get(key, key)
    is_within = name == key and rest
    place = f"{job.prefix}{name}.{rest}" if is_within else f"{job.prefix}{name}"
    return replace(problem, span=Span(file=job.file), key=place, source_line="")


def _imported(
    host: Host, there: Definitions, job: Original, done: Translation, job_id: str
) -> ImportedJob:
    path = host.layout.jobs / f"{job_id}.yaml"
    about = f"# Imported from {job.file.name}.\n".replace("\0", "")
    text = about + new_file({job_id: writable(done.keys)})
    before = _content(path)
    is_elsewhere = job_id in there.jobs and there.jobs[job_id].source.file != path
    state = State.OTHER if before is not None or is_elsewhere else State.NEW
    if before == text.encode():
        state = State.SAME
    return ImportedJob(id=job_id, path=path, text=text, keys=done.keys, state=state)


def _notes(
    done: Sequence[tuple[Original, Translation]], mapped: Mapping[str, str]
) -> Iterator[str]:
    in_utc = [mapped[job.job_id] for job, _ in done if "timezone" not in job.data]
    if in_utc:
        yield f"times without a zone were {ZONE}, and stay so: {_some(in_utc)}"
    for job, _ in done:
        if mapped[job.job_id] != job.job_id:
            yield f"the id {job.job_id!r} cannot be one here: the job is {mapped[job.job_id]}"
    counted = [mapped[job.job_id] for job, each in done if each.left]
    if counted:
        fields = sorted({name for _, each in done for name in each.left})
        yield (f"counters are no history, and are left out ({', '.join(fields)}): {_some(counted)}")
    if retried := [mapped[job.job_id] for job, each in done if _is_retried(each)]:
        yield f"between attempts there are our delays (60s, doubled): {_some(retried)}"


def _is_retried(done: Translation) -> bool:
    return bool(done.keys.get("retries", {}).get("max"))


def _some(names: Sequence[str]) -> str:
    more = f" and {len(names) - 5} more" if len(names) > 5 else ""
    return ", ".join(names[:5]) + more


def writable(value: Any) -> Any:
    """Return a value of JSON as one that can be written as YAML."""
    if isinstance(value, Mapping):
        return {str(name): writable(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [writable(each) for each in value]
    return NULL if value is None else value


def _content(path: Path) -> bytes | None:
    try:
        return path.read_bytes()
    except OSError:
        return None


def _whole(path: Path, message: str, fix: str) -> Problem:
    return Problem(span=Span(file=path), message=message, fix=fix)
