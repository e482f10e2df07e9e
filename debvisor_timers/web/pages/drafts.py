# SPDX-License-Identifier: Apache-2.0
"""What an editor is writing: its text, and what is asked of the host about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from hashlib import sha256

from debvisor_timers.errors import DebvisorTimersError, DefinitionError, UsageError
from debvisor_timers.jobs.emit import on_one_line
from debvisor_timers.jobs.parameters import kind_words, properties_of
from debvisor_timers.jobs.task_files import load_task_types
from debvisor_timers.jobs.task_types import TaskType
from debvisor_timers.operations.documents.edits import edit_diff, edit_warnings
from debvisor_timers.operations.editing.draft import Draft, DraftCheck
from debvisor_timers.operations.editing.edit import EditOptions, EditResult
from debvisor_timers.operations.editing.rewrite import Rewrite
from debvisor_timers.operations.safety.trial import WaitingTrial
from debvisor_timers.operations.safety.trying import TriedEdit
from debvisor_timers.operations.times import local, relative
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.source import Problem
from debvisor_timers.web.fields import FIELDS, fields_of, only_job, renamed, with_fields

NEW_ID = "new-job"
_NEW_TEXT = f"""\
jobs:
  {NEW_ID}:
    schedule: "0 2 * * *"
    """
_COMMAND = "command: [/usr/bin/true]"
_LONGEST = 256 * 1024
_TRIALS = (120, 300, 600, 1800)
_NAMES = (*FIELDS, "program", "when")


@dataclass(frozen=True, slots=True, kw_only=True)
class Written:
    """What a form holds: the job, the text of its file, the digest of the file it was made from.

    job_id: of a new job the one in the text. view: `form` or `yaml`. error: why the fields could
    not be put into the text. fields: as they were sent.
    """

    job_id: str
    is_new: bool
    text: str
    base: str
    view: str
    fields: Mapping[str, str]
    error: DebvisorTimersError | None = None

    @property
    def name(self) -> str:
        """Return the name of the file, where it is new."""
        return f"{self.job_id or NEW_ID}.yaml"


def written(_scheduler: JobScheduler, form: Mapping[str, str], job_id: str) -> Written:
    """Return what `form` holds of the job, of a new one where no id is given.

    The fields of the form are put into its text, unless that was edited itself. It is a question
    for a worker: to read a long text takes longer than others should wait. Raises UsageError.
    """
    text = form.get("text", "").replace("\r\n", "\n")
    if len(text) > _LONGEST:
        raise UsageError(
            f"the text has {len(text)} characters, and {_LONGEST} are the most here",
            fix="edit the file itself, on the host",
        )
    view = "yaml" if form.get("view") == "yaml" else "form"
    is_new, error = not job_id, None
    job_id = job_id or only_job(text)
    fields = {name: form[f"f-{name}"] for name in _NAMES if f"f-{name}" in form}
    if view == "form":
        try:
            text = with_fields(text, job_id, fields)
            wanted = form.get("f-id", "").strip()
            if is_new and wanted and wanted != job_id:
                text, job_id = renamed(text, job_id, wanted), wanted
        except DebvisorTimersError as fault:
            error = fault
    base = form.get("base", "")
    return Written(
        job_id=job_id,
        is_new=is_new,
        text=text,
        base=base,
        view=view,
        fields={**(fields_of(text, job_id) or {}), **(fields if error else {})},
        error=error,
    )


def drafted(scheduler: JobScheduler, form: Mapping[str, str]) -> tuple[Written, Said]:
    """Return what a form holds that is being written, and what is to be said of it."""
    was = written(scheduler, form, form.get("job", ""))
    name = form.get("name") or was.name
    draft = Draft(name=name, text=was.text, job_id=was.job_id, is_ruled=True)
    return was, checked(scheduler, draft)


def digest(data: bytes) -> str:
    """Return what tells whether a file is still as it was."""
    return sha256(data).hexdigest()


def opened(scheduler: JobScheduler, job_id: str) -> Rewrite:
    """Return the file of a job."""
    return scheduler.job_file(job_id)


def shown_fields(_scheduler: JobScheduler, text: str, job_id: str) -> dict[str, str] | None:
    """Return each field of a job as text; None where the text has no such job."""
    return fields_of(text, job_id)


def opened_new(scheduler: JobScheduler, job_id: str) -> Rewrite:
    """Return the file that a new job is going to have."""
    path = scheduler.layout.jobs / f"{job_id}.yaml"
    return Rewrite(job_id=job_id, path=path, before=b"", after=b"", is_new=True)


def new_text(scheduler: JobScheduler) -> str:
    """Return what the text of a new job begins as: what the policy allows."""
    policy = scheduler.access_policy()
    if not policy.raw_commands:
        for known in scheduler.known_task_types():
            is_allowed = any(fnmatchcase(known.name, each) for each in policy.task_types)
            if is_allowed and not known.lacking and not any(known.declared.wrong_in({})):
                return f"{_NEW_TEXT}task: {{type: {known.name}}}\n"
    return f"{_NEW_TEXT}{_COMMAND}\n"


@dataclass(frozen=True, slots=True, kw_only=True)
class Said:
    """All that is to be said of a draft: the check, the time, what the type of its task takes."""

    check: DraftCheck
    now: datetime
    task: TaskHelp | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class TaskHelp:
    """A type of task: what it does; the name, kind and meaning of each parameter."""

    type: str
    summary: str
    parameters: Sequence[tuple[str, str, str]]


def checked(scheduler: JobScheduler, draft: Draft) -> Said:
    """Return what is to be said of a draft."""
    name = (fields_of(draft.text, draft.job_id) or {}).get("task", "")
    known = load_task_types(scheduler.layout.tasks).get(name) if name else None
    task = None
    if known is not None:
        task = TaskHelp(type=name, summary=known.summary, parameters=_parameters(known))
    return Said(check=scheduler.check_draft(draft), now=scheduler.now(), task=task)


def _parameters(known: TaskType) -> list[tuple[str, str, str]]:
    schema = known.parameters or {}
    found = []
    for name, about in properties_of(schema).items():
        words = " ".join(str(about.get("description", "")).split())
        if name in schema.get("required", []):
            words = f"Required. {words}"
        elif about.get("default", {}) != {}:
            words = f"{words} Default: {on_one_line(about['default'])}."
        found.append((name, kind_words(about), words.strip()))
    return found


def task_names(scheduler: JobScheduler) -> list[str]:
    """Return the names of all types of tasks."""
    return [known.name for known in scheduler.known_task_types()]


def planned(scheduler: JobScheduler, rewrite: Rewrite) -> EditResult:
    """Return what an edit would change."""
    return scheduler.rewrite_job_file(rewrite, EditOptions(dry_run=True))


def applied(scheduler: JobScheduler, rewrite: Rewrite) -> EditResult:
    """Write the file, and apply the job."""
    return scheduler.rewrite_job_file(rewrite, EditOptions())


def tried(scheduler: JobScheduler, rewrite: Rewrite, seconds: int) -> TriedEdit:
    """Do the same, to be taken back unless somebody confirms it."""
    return scheduler.try_edit(rewrite, timedelta(seconds=seconds))


def deleted(scheduler: JobScheduler, job_id: str) -> EditResult | None:
    """Take the job out of its file, and apply that."""
    return scheduler.delete_job_file(job_id)


def waiting(scheduler: JobScheduler) -> tuple[WaitingTrial | None, datetime]:
    """Return what is being tried, and the time."""
    return scheduler.waiting_trial(), scheduler.now()


def trial_seconds(text: str) -> int:
    """Return how long a trial lasts that somebody has chosen."""
    known = {str(each): each for each in _TRIALS}
    return known.get(text, _TRIALS[1])


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanView:
    """What an edit would change, for the page: in words, as a diff of the file and of the units."""

    words: Sequence[str]
    file_diff: str
    unit_diff: str
    warnings: Sequence[Problem]
    notes: Sequence[str]

    @property
    def is_empty(self) -> bool:
        """Return True where nothing would change."""
        return not (self.file_diff or self.unit_diff)


def plan_view(result: EditResult, now: datetime) -> PlanView:
    """Return a plan as the page shows it."""
    jobs = result.plan.jobs if result.plan else ()
    whole = list(edit_diff(result, units=True))
    of_file = list(edit_diff(result, units=False))
    words = []
    for job in jobs:
        after = "no next start"
        if job.next_after is not None:
            after = f"next start {local(job.next_after)}, {relative(job.next_after, now=now)}"
        words.append(f"{job.change.capitalize()} {job.job_id}: {after}")
    return PlanView(
        words=words,
        file_diff="\n".join(of_file),
        unit_diff="\n".join(whole[len(of_file) :]),
        warnings=edit_warnings(result),
        notes=list(_notes(result)),
    )


def _notes(result: EditResult) -> list[str]:
    pending = result.pending
    notes = []
    if pending.jobs:
        names = ", ".join(pending.jobs[:10])
        notes.append(f"Other edits are left as they are, not applied: {names}.")
    notes += [f"{path} was edited and is not applied; it is left." for path in pending.settings]
    if pending.errors:
        first = pending.errors[0]
        notes.append(f"Errors in other files are left: {first.span}: {first.message}.")
    return notes


def problems_of(error: DebvisorTimersError | None) -> Sequence[Problem]:
    """Return the problems that an error names."""
    return error.problems if isinstance(error, DefinitionError) else ()


def check_document(said: Said) -> dict[str, object]:
    """Return what is to be said of a draft, for the script of the page."""
    check, now = said.check, said.now
    return {
        "task": said.task and asdict(said.task),
        "problems": [
            {
                "line": problem.span.line,
                "column": problem.span.column,
                "length": problem.span.length,
                "severity": str(problem.severity),
                "key": problem.key,
                "message": problem.message,
                "fix": problem.fix,
            }
            for problem in check.problems
        ],
        "schedule": check.schedule,
        "zone": check.zone,
        "enabled": check.enabled,
        "runs": [
            {
                "at": run.local.isoformat(),
                "words": f"{run.local:%a %Y-%m-%d %H:%M:%S}",
                "zone": f"{run.local:%Z}",
                "in": relative(run.run.at, now=now),
                "clock_change": run.clock_change,
                "skip": run.run.skip_words,
            }
            for run in check.runs
        ],
    }
