# SPDX-License-Identifier: Apache-2.0
"""Edit jobs in their files, and apply these jobs alone: all of it or nothing."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path

from debvisor_timers.errors import DefinitionError, RefusedError
from debvisor_timers.jobs.config import CONFIG_NAME
from debvisor_timers.jobs.files import check_owners
from debvisor_timers.jobs.load import load_files
from debvisor_timers.jobs.places import as_edited
from debvisor_timers.operations.applying.apply import (
    LOCK_WAIT,
    ApplyOptions,
    ApplyResult,
    apply_source,
)
from debvisor_timers.operations.applying.edits import FileEdit, check_edits, undo_edits, write_edits
from debvisor_timers.operations.applying.plan import Plan, make_plan
from debvisor_timers.operations.applying.recover import generations, record_file, recover
from debvisor_timers.operations.applying.source import Source
from debvisor_timers.operations.editing.applied import JOBS_FOLDER, laid_out, put_into
from debvisor_timers.operations.editing.change import Change
from debvisor_timers.operations.editing.pending import Pending, pending_edits
from debvisor_timers.operations.editing.rights import require_rights
from debvisor_timers.operations.editing.stage import Stage, stage
from debvisor_timers.operations.editing.tree import JobTree
from debvisor_timers.operations.editing.version import require_versions
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.lock import exclusive
from debvisor_timers.source import Problem, Severity, Span

_MUCH = 65_536
"""Bytes; so many are checked before the lock is taken, too."""


@dataclass(frozen=True, slots=True, kw_only=True)
class EditOptions:
    """How an edit is made.

    apply: False writes the files alone. dry_run: writes nothing. on_step, lock_wait, by, how: see
    ApplyOptions; so are is_trial, owner. overwrite_edits: may overwrite units of these jobs that
    were edited by hand. before: see ApplyOptions; asked for a dry run, too. one_job: a rewritten
    file may change no other job. versions: of jobs, as the caller has seen them
    (`editing.version`); the edit is refused where the file of one is another by now.
    """

    apply: bool = True
    dry_run: bool = False
    overwrite_edits: bool = False
    lock_wait: timedelta = LOCK_WAIT
    on_step: Callable[[str], None] = field(default=lambda _step: None)
    by: Callable[[], str] = field(default=lambda: "")
    how: str = "update"
    before: Callable[[Plan], None] = field(default=lambda _plan: None)
    one_job: bool = False
    is_trial: bool = False
    owner: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class EditResult:
    """What an edit did, or would do.

    jobs: those that were meant. files: as they were and as they are. pending: what else is
    edited, and was left. plan: what changes of units, None where that was not looked at. result:
    of the apply, None where nothing was applied.
    """

    jobs: tuple[str, ...]
    files: tuple[FileEdit, ...]
    pending: Pending
    plan: Plan | None = None
    result: ApplyResult | None = None

    @property
    def has_changed(self) -> bool:
        """Return True when a file is not as it was, or a generation is new."""
        return bool(self.files) or (self.result is not None and self.result.has_changed)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Draft:
    """An edit that is ready to be made: on generation `number`, and files as they were."""

    number: int
    generation: Path | None
    jobs: frozenset[str]
    deleted: frozenset[str]
    edits: tuple[FileEdit, ...]
    pending: Pending
    applied: JobTree
    is_apart: bool

    @property
    def grows(self) -> bool:
        """Return True where there is so much to check that nobody is to wait for it to fail."""
        sizes = ((len(edit.before or b""), len(edit.after or b"")) for edit in self.edits)
        return any(after - before > _MUCH for before, after in sizes)


def edit_jobs(host: Host, changes: Sequence[Change], options: EditOptions) -> EditResult:
    """Make `changes` in the job files, and apply these jobs as one step: all of it or nothing.

    Raises NotFoundError and RefusedError as `stage` does, RefusedError also where somebody
    changed a file meanwhile; else the errors of `apply`. After any of them all is as it was.
    """
    return edit_with(host, lambda files, applied: stage(changes, files, applied), options)


def require_job(host: Host, job_id: str) -> None:
    """Raise NotFoundError unless the job is in a file, or was applied."""
    require_rights(host.layout)
    kept, shown = generations(host), host.layout.jobs
    files = JobTree(shown)
    newest = kept.folder / str(kept.latest()) / JOBS_FOLDER
    if files.find(job_id) is None and not JobTree(newest, shown).has(job_id):
        raise files.unknown(job_id)


def edit_with(
    host: Host, make: Callable[[JobTree, JobTree], Stage], options: EditOptions
) -> EditResult:
    """Do the same for the files that `make` returns: asked again where somebody else came first.

    make: takes the job files, and those of the newest generation.
    """
    require_rights(host.layout)
    if record_file(host).path.exists():
        recover(host)
    # Several programs, or threads of one, take turns: each apply but one of a round comes too late.
    until = time.monotonic() + options.lock_wait.total_seconds()
    draft = _draft(host, make, options)
    while True:
        try:
            return _carry_out(host, draft, options)
        except RefusedError:
            before, draft = draft, _draft(host, make, options)
            is_as_before = (draft.number, draft.edits) == (before.number, before.edits)
            if is_as_before or time.monotonic() > until:
                raise


def _draft(host: Host, make: Callable[[JobTree, JobTree], Stage], options: EditOptions) -> _Draft:
    kept, shown = generations(host), host.layout.jobs
    number = kept.latest()
    files, applied = JobTree(shown), JobTree(kept.folder / str(number) / JOBS_FOLDER, shown)
    require_versions(files, options.versions)
    staged = make(files, applied)
    put_into(applied, staged, files)
    for file in staged.files:
        files.put(file.name, file.after)
    generation = kept.folder / str(number) if number else None
    return _Draft(
        number=number,
        generation=generation,
        jobs=staged.jobs,
        deleted=staged.deleted,
        edits=tuple(
            FileEdit(path=shown / file.name, before=file.before, after=file.after)
            for file in staged.files
            if file.before != file.after
        ),
        pending=pending_edits(files, applied, host.layout.config, generation),
        applied=applied,
        is_apart=any(
            files.files.get(file.name) != applied.files.get(file.name) for file in staged.files
        ),
    )


def _carry_out(host: Host, draft: _Draft, options: EditOptions) -> EditResult:
    done = EditResult(jobs=tuple(sorted(draft.jobs)), files=draft.edits, pending=draft.pending)
    if not draft.edits and not draft.applied.changed:
        return done
    edited = {edit.path: edit.after.decode() for edit in draft.edits if edit.after is not None}
    with (
        _told(draft),
        as_edited(edited),
        laid_out(host.layout, draft.applied, draft.generation) as folder,
    ):
        _check_trust(host, draft)
        if draft.is_apart or draft.grows or not options.apply:
            _check_files(host, draft, folder, folder if options.apply else host.layout.config)
        source = Source(config=folder, edits=draft.edits, jobs=draft.jobs)
        if options.dry_run:
            plan = make_plan(host, source) if options.apply else None
            if plan is not None:
                options.before(plan)
            return replace(done, plan=plan)
        if not options.apply:
            _write(host, draft.edits, options)
            return done
        result = apply_source(host, source, _apply_options(draft, options))
    return replace(done, plan=result.plan, result=result)


def _apply_options(draft: _Draft, options: EditOptions) -> ApplyOptions:
    return ApplyOptions(
        confirm_removal=lambda plan: draft.deleted.issuperset(plan.removed),
        allow_empty=bool(draft.deleted),
        overwrite_edits=options.overwrite_edits,
        lock_wait=options.lock_wait,
        on_step=options.on_step,
        by=options.by,
        how=options.how,
        is_trial=options.is_trial,
        before=options.before,
        expect_generation=draft.number,
    )


def _write(host: Host, edits: Sequence[FileEdit], options: EditOptions) -> None:
    """Write files and apply nothing."""
    purpose = "debvisor-timers job"
    with exclusive(host.layout.runtime, purpose=purpose, wait=options.lock_wait):
        check_edits(edits)
        try:
            write_edits(edits)
        except BaseException:
            undo_edits(edits)
            raise


def _check_trust(host: Host, draft: _Draft) -> None:
    """Raise DefinitionError where others than root can change what is taken from the files."""
    layout = host.layout
    settings = () if draft.generation else (layout.config / CONFIG_NAME,)
    files = [edit.path for edit in draft.edits if edit.before is not None]
    if problems := check_owners((layout.jobs, *settings, *files)):
        raise DefinitionError(problems)


def _check_files(host: Host, draft: _Draft, folder: Path, config: Path) -> None:
    """Raise DefinitionError where a file has an error once it is edited, also in another job."""
    edited = folder / "edited"
    edited.mkdir()
    paths = [edited / edit.path.name for edit in draft.edits if edit.after is not None]
    for edit in draft.edits:
        (edited / edit.path.name).write_bytes(edit.after or b"")
    problems = load_files(paths, config=config).problems if paths else ()
    errors = [problem for problem in problems if problem.is_error]
    if errors:
        raise DefinitionError([_at(problem, host.layout.jobs, edited) for problem in errors])


def _at(problem: Problem, jobs: Path, edited: Path) -> Problem:
    """Return a problem with the path where its file is to be."""
    file = problem.span.file
    if not file.is_relative_to(edited):
        return problem
    return replace(problem, span=replace(problem.span, file=jobs / file.relative_to(edited)))


@contextmanager
def _told(draft: _Draft) -> Iterator[None]:
    """Let an error of definitions name errors alone, and settings that are not applied yet."""
    try:
        yield
    except DefinitionError as error:
        problems = [problem for problem in error.problems if problem.is_error]
        problems += [
            Problem(
                span=Span(file=path),
                message="was edited and is not applied yet: jobs were checked without that",
                fix="if they need it, run `debvisor-timers apply` first",
                severity=Severity.WARNING,
            )
            for path in draft.pending.settings
        ]
        raise DefinitionError(problems) from error
