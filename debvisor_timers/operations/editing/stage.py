# SPDX-License-Identifier: Apache-2.0
"""Changes of jobs become edits of files: what each file holds before and after."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from debvisor_timers.errors import RefusedError, UsageError
from debvisor_timers.jobs.edit import Keys, edit_jobs, jobs_in, new_file, parse_jobs
from debvisor_timers.jobs.emit import Writable
from debvisor_timers.jobs.faults import quoted
from debvisor_timers.jobs.names import JOB_ID, job_id_fix
from debvisor_timers.operations.editing.change import Change, ChangeKind, merged
from debvisor_timers.operations.editing.tree import JobTree


@dataclass(frozen=True, slots=True, kw_only=True)
class StagedFile:
    """A job file before and after; None: there is none. jobs: those that are meant.

    has_others: it changes other jobs as well, which are not meant.
    """

    name: str
    before: bytes | None
    after: bytes | None
    jobs: frozenset[str]
    has_others: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Stage:
    """What changes: files of the administrator's, and jobs that are in none of them any more."""

    files: Sequence[StagedFile]
    deleted: frozenset[str] = frozenset()

    @property
    def jobs(self) -> frozenset[str]:
        """Return the ids of all jobs that are meant."""
        return self.deleted.union(*(file.jobs for file in self.files))


def stage(changes: Sequence[Change], files: JobTree, applied: JobTree) -> Stage:
    """Return the edits of the job files `files` that make `changes`.

    applied: those of the newest generation. Raises NotFoundError for a job that is in none,
    RefusedError for one that is there already, UsageError for a new id that is none,
    DefinitionError where a file is wrong as YAML.
    """
    wanted: dict[str, dict[str, Keys | None]] = {}
    for change in changes:
        name = _place(change, wanted)
        if name and change.kind is ChangeKind.CREATE:
            raise RefusedError(f"job {change.job_id!r} is created twice", fix="use another id")
        name = name or _file_of(change, files, applied)
        if name is not None:
            edits = wanted.setdefault(name, {})
            edits[change.job_id] = _keys(change, edits, files, name)
    return Stage(
        files=[_edited(name, edits, files) for name, edits in wanted.items()],
        deleted=frozenset(one.job_id for one in changes if one.kind is ChangeKind.DELETE),
    )


def _place(change: Change, wanted: Mapping[str, Mapping[str, Keys | None]]) -> str | None:
    """Return the file where an earlier change has put the job of this one."""
    return next((name for name, edits in wanted.items() if edits.get(change.job_id)), None)


def _file_of(change: Change, files: JobTree, applied: JobTree) -> str | None:
    job_id = change.job_id
    if change.kind is ChangeKind.UPDATE:
        return files.require(job_id)
    if change.kind is ChangeKind.CREATE:
        if not JOB_ID.fullmatch(job_id):  # it names a file
            raise UsageError(f"{quoted(job_id)} is not a job id", fix=job_id_fix(job_id))
        if files.has(job_id):
            raise RefusedError(
                f"job {job_id!r} is there already, in {files.path(files.require(job_id))}",
                fix=f"change it with `debvisor-timers job update {job_id}`, or use another --id",
            )
        return f"{job_id}.yaml"
    name = files.find(job_id)
    if name is None and not applied.has(job_id):
        raise files.unknown(job_id)
    return name


def _keys(
    change: Change, edits: Mapping[str, Keys | None], files: JobTree, name: str
) -> dict[str, Writable] | None:
    if change.kind is ChangeKind.DELETE:
        return None
    before: Mapping[str, Writable] = {}
    if change.kind is ChangeKind.UPDATE:
        now = edits.get(change.job_id) or jobs_in(files.document(name))[change.job_id]
        before = now if isinstance(now, Mapping) else {}
    return merged(before, change.keys)


def _edited(name: str, edits: Mapping[str, Keys | None], files: JobTree) -> StagedFile:
    before = files.files.get(name)
    if before is None:
        text = new_file({job_id: keys for job_id, keys in edits.items() if keys is not None})
    else:
        text = edit_jobs(files.document(name), edits)
    # Behind a link only the file is emptied: the link would lead nowhere.
    is_link = (files.home / name).is_symlink()
    is_left = is_link or bool(jobs_in(parse_jobs(files.path(name), text)))
    return StagedFile(
        name=name,
        before=before,
        after=text.encode() if is_left else None,
        jobs=frozenset(edits),
    )
