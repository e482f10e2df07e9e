# SPDX-License-Identifier: Apache-2.0
"""What can be asked of the agent: the table of its methods, over the Python API."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

from pydantic import BaseModel

from debvisor_timers.agent import asked
from debvisor_timers.errors import RefusedError
from debvisor_timers.jobs.load import Definitions
from debvisor_timers.jobs.redact import redact_line
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.operations.applying.apply import ApplyOptions, ApplyResult
from debvisor_timers.operations.applying.plan import JobPlan, Plan
from debvisor_timers.operations.editing.change import Change
from debvisor_timers.operations.editing.edit import EditOptions, EditResult
from debvisor_timers.operations.editing.rewrite import Rewrite
from debvisor_timers.operations.safety.rollback import RollbackOptions, RolledBack
from debvisor_timers.operations.safety.trial import Trial, let_anybody
from debvisor_timers.operations.safety.trying import Tried, TriedEdit
from debvisor_timers.scheduler import Scheduler
from debvisor_timers.systemd.ports import Entry, FileEntry

MOST_OF_ONE_JOB = 65_536
MOST_OF_ALL_JOBS = 1_048_576
"""Bytes that an edit may add: PID 1 reads units at each reload, and the lock is held for checks."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Door:
    """What one caller gets: the scheduler that acts for him, and what his jobs may be.

    check: raises PermissionRefusedError for a plan that is against the policy. name: whose trials
    he begins, empty for root's. require_own: raises it for a trial that he may not end.
    """

    scheduler: Scheduler
    check: Callable[[Plan], None] = field(default=lambda _plan: None)
    name: str = ""
    require_own: Callable[[Trial], None] = let_anybody


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A method: which role it needs, what it takes, what does it.

    audit: as what it stands in the audit where the caller lacks the role; empty for mere looking.
    """

    role: Role
    takes: type[BaseModel]
    do: Callable[[Door, Any], object]
    audit: str = ""


def _apply(door: Door, given: asked.ApplyAsked) -> ApplyResult:
    return _sent(door.scheduler.apply(_options(door, given)))


def _try(door: Door, given: asked.TryAsked) -> Tried:
    timeout = timedelta(seconds=given.timeout_seconds)
    tried = door.scheduler.try_apply(_options(door, given), timeout)
    return replace(tried, result=_sent(tried.result))


def _rollback(door: Door, given: asked.RollbackAsked) -> RolledBack:
    options = RollbackOptions(
        apply=_options(door, given),
        yaml=given.yaml,
        confirm_loss=lambda _paths: given.yaml,
        require=door.require_own,
    )
    done = door.scheduler.rollback(given.number, options)
    return replace(done, result=_sent(done.result))


def _take_back(door: Door, _given: object) -> RolledBack:
    done = door.scheduler.undo_unconfirmed(require=door.require_own)
    if done is None:
        raise RefusedError("nothing is being tried", fix="see what was applied, and roll back")
    return replace(done, result=_sent(done.result))


def _edit(door: Door, given: asked.EditAsked) -> EditResult:
    options = _edit_options(door, overwrite_edits=given.overwrite_edits, dry_run=given.dry_run)
    options = replace(options, versions=given.versions)
    return _edited(door.scheduler.edit_jobs(_changes(given), options))


def _try_edit(door: Door, given: asked.TryEditAsked) -> TriedEdit:
    options = _edit_options(door, overwrite_edits=given.overwrite_edits)
    options = replace(options, versions=given.versions)
    return _tried(door, _changes(given), given.timeout_seconds, options)


def _changes(given: asked.EditAsked | asked.TryEditAsked) -> list[Change]:
    """Return the changes that are asked for. Raises RefusedError where they are too large."""
    sizes = [sum(len(json.dumps(key.value)) for key in each.keys or ()) for each in given.changes]
    for each, size in zip(given.changes, sizes, strict=True):
        _require_size(each.job, size, MOST_OF_ONE_JOB)
    _require_size("all jobs together", sum(sizes), MOST_OF_ALL_JOBS)
    return [each.change() for each in given.changes]


def _require_size(of: str, size: int, most: int) -> None:
    if size > most:
        raise RefusedError(
            f"nothing was changed: {size} bytes of {of} are more than the {most} that the agent"
            " takes at once",
            fix="let root write the file, or make it smaller",
        )


def _rewrite(door: Door, given: asked.RewriteAsked) -> EditResult:
    options = _edit_options(door, overwrite_edits=given.overwrite_edits, dry_run=given.dry_run)
    return _edited(door.scheduler.rewrite_job_file(_wanted(door, given), options))


def _try_rewrite(door: Door, given: asked.TryRewriteAsked) -> TriedEdit:
    options = _edit_options(door, overwrite_edits=given.overwrite_edits)
    return _tried(door, _wanted(door, given), given.timeout_seconds, options)


def _tried(
    door: Door, edit: Sequence[Change] | Rewrite, seconds: float, options: EditOptions
) -> TriedEdit:
    tried = door.scheduler.try_edit(edit, timedelta(seconds=seconds), options)
    return replace(tried, result=_edited(tried.result))


def _wanted(door: Door, given: asked.RewriteAsked | asked.TryRewriteAsked) -> Rewrite:
    """Return the file as it shall be; its path is where the job is, or where it would be."""
    jobs = door.scheduler.layout.jobs
    path = jobs / f"{given.job}.yaml"
    if not given.is_new:
        path = door.scheduler.open_job_file(given.job).path
    if Path(given.path) != path:
        raise RefusedError(
            f"nothing was changed: the file of {given.job} is {path}, not {given.path}",
            fix="open it anew",
        )
    _require_size(given.job, len(given.after) - len(given.before), MOST_OF_ONE_JOB)
    return Rewrite(
        job_id=given.job,
        path=path,
        before=given.before.encode(),
        after=given.after.encode(),
        is_new=given.is_new,
    )


def _plan(door: Door, _given: object) -> Plan:
    return _without_definitions(door.scheduler.plan())


VERBS: Mapping[str, Verb] = {
    "Run": Verb(
        audit="run",
        role=Role.OPERATOR,
        takes=asked.RunAsked,
        do=lambda door, given: door.scheduler.run(given.job, wait=False, force=given.force),
    ),
    "Retry": Verb(
        audit="retry",
        role=Role.OPERATOR,
        takes=asked.RetryAsked,
        do=lambda door, given: door.scheduler.retry(given.job, given.run, wait=False),
    ),
    "Stop": Verb(
        audit="stop",
        role=Role.OPERATOR,
        takes=asked.JobAsked,
        do=lambda door, given: door.scheduler.stop(given.job),
    ),
    "Pause": Verb(
        audit="pause",
        role=Role.OPERATOR,
        takes=asked.PauseAsked,
        do=lambda door, given: door.scheduler.pause(given.choice(), given.wish()),
    ),
    "Resume": Verb(
        audit="resume",
        role=Role.OPERATOR,
        takes=asked.ChoiceAsked,
        do=lambda door, given: door.scheduler.resume(given.choice()),
    ),
    "SkipNext": Verb(
        audit="skip-next",
        role=Role.OPERATOR,
        takes=asked.SkipAsked,
        do=lambda door, given: door.scheduler.skip_next(given.job, given.count),
    ),
    "BeginMaintenance": Verb(
        audit="maintenance",
        role=Role.ADMIN,
        takes=asked.MaintenanceAsked,
        do=lambda door, given: door.scheduler.begin_maintenance(given.wish()),
    ),
    "EndMaintenance": Verb(
        audit="maintenance",
        role=Role.ADMIN,
        takes=asked.NothingAsked,
        do=lambda door, _given: door.scheduler.end_maintenance(),
    ),
    "Edit": Verb(audit="update", role=Role.EDITOR, takes=asked.EditAsked, do=_edit),
    "OpenJob": Verb(
        audit="update",
        role=Role.EDITOR,
        takes=asked.JobAsked,
        do=lambda door, given: door.scheduler.open_job_file(given.job),
    ),
    "TryEdit": Verb(audit="try", role=Role.EDITOR, takes=asked.TryEditAsked, do=_try_edit),
    "Rewrite": Verb(audit="update", role=Role.EDITOR, takes=asked.RewriteAsked, do=_rewrite),
    "TryRewrite": Verb(audit="try", role=Role.EDITOR, takes=asked.TryRewriteAsked, do=_try_rewrite),
    "Apply": Verb(audit="apply", role=Role.EDITOR, takes=asked.ApplyAsked, do=_apply),
    "Try": Verb(audit="try", role=Role.EDITOR, takes=asked.TryAsked, do=_try),
    "Confirm": Verb(
        audit="confirm",
        role=Role.EDITOR,
        takes=asked.NothingAsked,
        do=lambda door, _given: door.scheduler.confirm(require=door.require_own),
    ),
    "TakeBack": Verb(audit="rollback", role=Role.EDITOR, takes=asked.NothingAsked, do=_take_back),
    "Rollback": Verb(audit="rollback", role=Role.ADMIN, takes=asked.RollbackAsked, do=_rollback),
    "Plan": Verb(role=Role.VIEWER, takes=asked.NothingAsked, do=_plan),
    "Diff": Verb(
        role=Role.VIEWER,
        takes=asked.DiffAsked,
        do=lambda door, given: door.scheduler.diff(given.before, given.after),
    ),
    "Generations": Verb(
        role=Role.VIEWER,
        takes=asked.NothingAsked,
        do=lambda door, _given: door.scheduler.generations(),
    ),
    "ForgetRuns": Verb(
        audit="prune",
        role=Role.ADMIN,
        takes=asked.ForgetAsked,
        do=lambda door, given: door.scheduler.forget_runs(given.job, keep=given.keep),
    ),
    "CreateToken": Verb(
        audit="token",
        role=Role.ADMIN,
        takes=asked.NewTokenAsked,
        do=lambda door, given: door.scheduler.create_token(
            given.name, given.role, expires=given.expires
        ),
    ),
    "RevokeToken": Verb(
        audit="token",
        role=Role.ADMIN,
        takes=asked.TokenAsked,
        do=lambda door, given: door.scheduler.revoke_token(given.name),
    ),
}
"""Each method of the interface, by its name."""


def _options(door: Door, given: asked.ApplyAsked) -> ApplyOptions:
    may_go = frozenset(given.removals)
    return ApplyOptions(
        confirm_removal=lambda plan: may_go.issuperset(plan.removed),
        allow_empty=given.allow_empty,
        overwrite_edits=given.overwrite_edits,
        expect_generation=given.expect_generation,
        before=door.check,
        owner=door.name,
    )


def _edit_options(door: Door, *, overwrite_edits: bool, dry_run: bool = False) -> EditOptions:
    return EditOptions(
        dry_run=dry_run,
        overwrite_edits=overwrite_edits,
        before=door.check,
        one_job=True,
        owner=door.name,
    )


def _sent(result: ApplyResult) -> ApplyResult:
    return replace(result, plan=result.plan and _without_definitions(result.plan))


def _edited(result: EditResult) -> EditResult:
    return replace(
        result,
        plan=result.plan and _without_definitions(result.plan),
        result=result.result and _sent(result.result),
    )


def _without_definitions(plan: Plan) -> Plan:
    """Return a plan that can be sent: all jobs of the host are no part of it, nor are secrets."""
    return replace(
        plan,
        definitions=cast(Definitions, None),
        entries={},
        files=(),
        jobs=tuple(map(_shown, plan.jobs)),
        new_scripts=dict.fromkeys(plan.new_scripts, ""),
    )


def _shown(job: JobPlan) -> JobPlan:
    """Return what changes for a job as everybody may see it: not all who may look are root."""
    entries = (
        replace(each, before=_redacted(each.before), after=_redacted(each.after))
        for each in job.entries
    )
    return replace(job, entries=tuple(entries))


def _redacted(entry: Entry | None) -> Entry | None:
    if not isinstance(entry, FileEntry):
        return entry
    return FileEntry("\n".join(map(redact_line, entry.text.split("\n"))))
