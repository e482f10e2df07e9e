# SPDX-License-Identifier: Apache-2.0
"""A job file that somebody rewrites in an editor: what is wrong with it, and its apply."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from debvisor_timers.errors import DefinitionError, RefusedError, UsageError
from debvisor_timers.jobs.document import JOBS, Document
from debvisor_timers.jobs.edit import jobs_in, parse_jobs
from debvisor_timers.jobs.faults import quoted
from debvisor_timers.jobs.names import JOB_ID, job_id_fix
from debvisor_timers.jobs.scalar import Plain
from debvisor_timers.operations.editing.edit import EditOptions, EditResult, edit_with
from debvisor_timers.operations.editing.rights import require_rights
from debvisor_timers.operations.editing.stage import Stage, StagedFile
from debvisor_timers.operations.editing.tree import JobTree
from debvisor_timers.operations.host import Host


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewrite:
    """The file of a job as it was found, and as it shall be. line: where the job begins.

    is_new: there is no such file yet, and it is to hold this job alone.
    """

    job_id: str
    path: Path
    before: bytes
    after: bytes
    line: int = 0
    is_new: bool = False


def open_job(host: Host, job_id: str) -> Rewrite:
    """Return the file of a job as it is, to be edited; who may not is told so."""
    require_rights(host.layout)
    return job_file(host, job_id)


def job_file(host: Host, job_id: str) -> Rewrite:
    """Return the file of a job as it is, also one that is wrong as YAML. Raises NotFoundError.

    For who is going to ask somebody else to write it.
    """
    files = JobTree(host.layout.jobs)
    try:
        name = files.require(job_id)
        line = files.document(name).span((JOBS, job_id), on_key=True).line
    except DefinitionError as error:
        place = error.problems[0].span
        name, line = place.file.name, place.line
    data = files.files[name]
    return Rewrite(job_id=job_id, path=files.path(name), before=data, after=data, line=line)


def rewrite_job(host: Host, rewrite: Rewrite, options: EditOptions) -> EditResult:
    """Give the file of a job its new text, and apply that job alone.

    Raises DefinitionError where the text is wrong, or lacks the job; else as `edit_jobs` does.
    """
    name, job_id = rewrite.path.name, rewrite.job_id
    document = parse_jobs(rewrite.path, rewrite.after)
    if job_id not in jobs_in(document):
        span = document.span((JOBS,), on_key=True)
        message = f"the job {job_id!r} is not in the file any more"
        fix = f"put it back; `debvisor-timers job delete {job_id}` removes it"
        raise DefinitionError([document.problem(message, span, fix=fix)])
    has_others = _others(rewrite) != _exact(_without(jobs_in(document), job_id))
    if has_others and options.one_job:
        raise RefusedError(
            f"nothing was changed: other jobs of {rewrite.path} are not as they were",
            fix=f"change {job_id} alone, and the others one by one",
        )
    if rewrite.is_new:
        _check_new(host, rewrite, document)
    staged = StagedFile(
        name=name,
        before=None if rewrite.is_new else rewrite.before,
        after=rewrite.after,
        jobs=frozenset({job_id}),
        has_others=has_others,
    )

    def make(files: JobTree, _applied: JobTree) -> Stage:
        _check_before(files, staged)
        return Stage(files=[staged])

    return edit_with(host, make, options)


def _check_before(files: JobTree, staged: StagedFile) -> None:
    """Raise RefusedError where the file is not as it was found, also if nothing of it changes."""
    if files.files.get(staged.name) != staged.before:
        path = files.path(staged.name)
        raise RefusedError(
            f"nothing was applied: {path} was changed by somebody else meanwhile",
            fix="look at the file, and try again",
        )


def _check_new(host: Host, rewrite: Rewrite, document: Document) -> None:
    """Raise an error where the job is there already, or is not the only one of its file."""
    job_id = rewrite.job_id
    if not JOB_ID.fullmatch(job_id):  # it names the file
        raise UsageError(f"{quoted(job_id)} is not a job id", fix=job_id_fix(job_id))
    files = JobTree(host.layout.jobs)
    if files.has(job_id):
        raise RefusedError(
            f"job {job_id!r} is there already, in {files.path(files.require(job_id))}",
            fix="edit it, or use another id",
        )
    for other in jobs_in(document):
        if other != job_id:
            span = document.span((JOBS, other), on_key=True)
            fix = "create one job after the other"
            raise DefinitionError([document.problem("is a second job", span, fix=fix)])


def _others(rewrite: Rewrite) -> object:
    """Return the other jobs of the file as it was found; None where it was wrong."""
    try:
        document = parse_jobs(rewrite.path, rewrite.before or b"jobs: {}\n")
    except DefinitionError:
        return None
    return _exact(_without(jobs_in(document), rewrite.job_id))


def _exact(value: object) -> object:
    """Return a value that is another one where text has quotes: `true` is no text, "true" is."""
    if isinstance(value, Mapping):
        return {name: _exact(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_exact(one) for one in value]
    return isinstance(value, Plain), value


def _without(jobs: Mapping[str, object], job_id: str) -> dict[str, object]:
    return {name: value for name, value in jobs.items() if name != job_id}
