# SPDX-License-Identifier: Apache-2.0
"""The Python API for who is not root: what changes something is asked of the agent."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, cast

from debvisor_timers import errors
from debvisor_timers.layout import Layout
from debvisor_timers.scheduler import Scheduler
from debvisor_timers.scheduler.behalf import Behalf
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.scheduler.wire import decode

if TYPE_CHECKING:
    from debvisor_timers.operations.access.roles import Role
    from debvisor_timers.operations.access.tokens import NewToken, Token
    from debvisor_timers.operations.applying.apply import ApplyOptions, ApplyResult
    from debvisor_timers.operations.applying.plan import Plan
    from debvisor_timers.operations.editing.change import Change
    from debvisor_timers.operations.editing.edit import EditOptions, EditResult
    from debvisor_timers.operations.editing.rewrite import Rewrite
    from debvisor_timers.operations.holding.maintenance import MaintenanceOn
    from debvisor_timers.operations.holding.marks import Mark
    from debvisor_timers.operations.holding.pause import Paused, Resumed, Wish
    from debvisor_timers.operations.holding.selecting import Choice
    from debvisor_timers.operations.holding.skip_next import Skipping
    from debvisor_timers.operations.runs.run import RunResult
    from debvisor_timers.operations.safety.difference import Differences
    from debvisor_timers.operations.safety.kept import History
    from debvisor_timers.operations.safety.rollback import RollbackOptions, RolledBack
    from debvisor_timers.operations.safety.trial import Trial
    from debvisor_timers.operations.safety.trying import Tried, TriedEdit

INTERFACE = "io.debvisor.Timers"


class Asking(Scheduler):
    """What the agent does for its callers; names and errors are as for root."""

    behalf: Behalf | None = None

    def ask(self, method: str, **given: object) -> Any:
        """Return what the agent answers to a call; nothing is given for None and what is empty."""
        from debvisor_timers.systemd.varlink import VarlinkError, call

        parameters = {name: value for name, value in given.items() if value is not None}
        if self.behalf is not None:
            parameters["behalf"] = self.behalf.document()
        try:
            said = call(self.layout.agent, f"{INTERFACE}.{method}", parameters, seconds=None)
        except VarlinkError as error:
            raise _error(error.name, error.parameters) from error
        return decode(said["result"])

    def run(self, job_id: str, *, wait: bool, force: bool = False) -> RunResult:
        """Start a job now; its end is waited for here."""
        return self._with_end(job_id, "Run", {"job": job_id, "force": force}, wait=wait)

    def retry(self, job_id: str, run_id: str | None, *, wait: bool) -> RunResult:
        """Run a failed run again."""
        return self._with_end(job_id, "Retry", {"job": job_id, "run": run_id}, wait=wait)

    def _with_end(
        self, job_id: str, method: str, given: Mapping[str, object], *, wait: bool
    ) -> RunResult:
        from debvisor_timers.operations.runs.run import Start, with_end

        start = Start.now(self.host, job_id)
        result = cast("RunResult", self.ask(method, **given))
        return with_end(self.host, result, start) if wait else result

    def stop(self, job_id: str) -> bool:
        """End the run of a job that is under way."""
        return cast(bool, self.ask("Stop", job=job_id))

    def pause(self, choice: Choice, wish: Wish) -> Paused:
        """Let no schedule and no trigger start these jobs."""
        return cast("Paused", self.ask("Pause", **_choice(choice), **_wish(wish)))

    def resume(self, choice: Choice) -> Resumed:
        """Let them start again by their schedules."""
        return cast("Resumed", self.ask("Resume", **_choice(choice)))

    def skip_next(self, job_id: str, count: int = 1) -> Skipping:
        """Skip the next `count` runs of a job by its schedule."""
        return cast("Skipping", self.ask("SkipNext", job=job_id, count=count))

    def begin_maintenance(self, wish: Wish) -> MaintenanceOn:
        """Let no schedule and no boot start any job of this host."""
        return cast("MaintenanceOn", self.ask("BeginMaintenance", **_wish(wish)))

    def end_maintenance(self) -> Mark | None:
        """End that."""
        return cast("Mark | None", self.ask("EndMaintenance"))

    def edit_jobs(
        self, changes: Sequence[Change], options: EditOptions | None = None
    ) -> EditResult:
        """Make `changes` in the job files and apply these jobs alone."""
        return cast("EditResult", self.ask("Edit", **_changes(changes), **_how(options)))

    def try_edit(
        self,
        edit: Sequence[Change] | Rewrite,
        timeout: timedelta,
        options: EditOptions | None = None,
    ) -> TriedEdit:
        """Edit jobs, apply these alone, and take both back `timeout` from now unless confirmed."""
        from debvisor_timers.operations.editing.rewrite import Rewrite

        seconds, how = timeout.total_seconds(), _how(options)
        how.pop("dry_run", None)
        if isinstance(edit, Rewrite):
            said = self.ask("TryRewrite", timeout_seconds=seconds, **_rewrite(edit), **how)
        else:
            said = self.ask("TryEdit", timeout_seconds=seconds, **_changes(edit), **how)
        return cast("TriedEdit", said)

    def open_job_file(self, job_id: str) -> Rewrite:
        """Return the file of a job as it is."""
        return cast("Rewrite", self.ask("OpenJob", job=job_id))

    def require_job_file(self, job_id: str) -> None:
        """Raise NotFoundError unless the job is in a file, or was applied."""
        self.open_job_file(job_id)

    def rewrite_job_file(self, rewrite: Rewrite, options: EditOptions | None = None) -> EditResult:
        """Give the file of a job another text, and apply that job alone."""
        return cast("EditResult", self.ask("Rewrite", **_rewrite(rewrite), **_how(options)))

    def create_token(self, name: str, role: Role, *, expires: datetime | None = None) -> NewToken:
        """Make a token of the HTTP API."""
        given = {"name": name, "role": str(role), "expires": _iso(expires)}
        return cast("NewToken", self.ask("CreateToken", **given))

    def revoke_token(self, name: str) -> Token:
        """Let nobody in any more by a token."""
        return cast("Token", self.ask("RevokeToken", name=name))

    def forget_runs(self, job_id: str, *, keep: Collection[str]) -> int:
        """Let the index forget the runs of a job but those with the ids `keep`."""
        return cast(int, self.ask("ForgetRuns", job=job_id, keep=sorted(keep)))

    def apply(self, options: ApplyOptions) -> ApplyResult:
        """Make the timers of this host what the YAML says."""
        return cast("ApplyResult", self.ask("Apply", **self._allowed(options)))

    def try_apply(self, options: ApplyOptions, timeout: timedelta) -> Tried:
        """Apply, and let a timer take it back `timeout` from now unless it is confirmed."""
        seconds = timeout.total_seconds()
        return cast("Tried", self.ask("Try", timeout_seconds=seconds, **self._allowed(options)))

    def _allowed(self, options: ApplyOptions, plan: Plan | None = None) -> dict[str, object]:
        """Return what an apply may do; whether jobs may go is asked here."""
        plan = plan or self.plan()
        may_go = bool(plan.removed) and options.confirm_removal(plan)
        return {
            "removals": list(plan.removed) if may_go else None,
            "allow_empty": options.allow_empty,
            "overwrite_edits": options.overwrite_edits,
            "expect_generation": options.expect_generation,
        }

    def plan(self) -> Plan:
        """Return what `apply` would change."""
        return cast("Plan", self.ask("Plan"))

    def undo_unconfirmed(
        self, *, only_forgotten: bool = False, require: Callable[[Trial], None] | None = None
    ) -> RolledBack | None:
        """Take back what is being tried; only_forgotten is for the boot, which is root's."""
        if only_forgotten:
            return super().undo_unconfirmed(only_forgotten=True, require=require)
        return cast("RolledBack", self.ask("TakeBack"))

    def rollback(self, number: int | None, options: RollbackOptions) -> RolledBack:
        """Make an older generation true again, as a new one."""
        _, plan = self.plan_rollback(number, yaml=options.yaml)
        allowed = self._allowed(options.apply, plan)
        return cast("RolledBack", self.ask("Rollback", number=number, yaml=options.yaml, **allowed))

    def generations(self) -> History:
        """Return what was applied; newest first."""
        return cast("History", self.ask("Generations"))

    def diff(self, before: int | None = None, after: int | None = None) -> Differences:
        """Return what differs between generations, or from the newest to what is on disk."""
        return cast("Differences", self.ask("Diff", before=before, after=after))

    def _confirm(self, _require: Callable[[Trial], None] | None = None) -> int | None:
        return cast(int, self.ask("Confirm"))


class AgentScheduler(Asking, JobScheduler):
    """The scheduler of this host for who is not root."""

    def __init__(self, layout: Layout | None = None, *, behalf: Behalf | None = None) -> None:
        """Ask the agent of `layout`; behalf: for whom, which the web server alone may say."""
        super().__init__()
        self.layout = layout or self.layout
        self.behalf = behalf


def _choice(choice: Choice) -> dict[str, object]:
    return {"jobs": list(choice.jobs), "tags": dict(choice.tags), "all": choice.all}


def _wish(wish: Wish) -> dict[str, object]:
    return {"until": _iso(wish.until), "reason": wish.reason}


def _iso(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _changes(changes: Sequence[Change]) -> dict[str, object]:
    return {
        "changes": [
            {
                "job": change.job_id,
                "kind": str(change.kind),
                "keys": [_key(path, value) for path, value in change.keys.items()],
            }
            for change in changes
        ]
    }


def _rewrite(rewrite: Rewrite) -> dict[str, object]:
    from debvisor_timers.jobs.edit import parse_jobs

    parse_jobs(rewrite.path, rewrite.after)  # what is no text is said here, with its place
    return {
        "job": rewrite.job_id,
        "path": str(rewrite.path),
        "before": rewrite.before.decode(errors="replace"),
        "after": rewrite.after.decode(),
        "is_new": rewrite.is_new or None,
    }


def _key(path: tuple[str, ...], value: object) -> dict[str, object]:
    from debvisor_timers.scheduler.keys import as_json

    return {"path": list(path), "value": as_json(value)}


def _how(options: EditOptions | None) -> dict[str, object]:
    """Return how an edit is to be made. Raises RefusedError where nothing is to be applied."""
    if options is None:
        return {}
    if not options.apply:
        raise errors.RefusedError(
            "only root may write a job file without applying it",
            fix="leave out --no-apply, or run it as root",
        )
    return {
        "dry_run": options.dry_run,
        "overwrite_edits": options.overwrite_edits,
        "versions": dict(options.versions) or None,
    }


_OTHER_VERSION = "end the agent, if it is of another version: systemctl stop debvisor-timers-agent"


def _error(name: str, said: Mapping[str, Any]) -> errors.DebvisorTimersError:
    """Return an answer of the agent as the error that it is."""
    if name == f"{INTERFACE}.Busy":
        return errors.LockedError("the agent is busy", fix="try again in a moment")
    if name == "org.varlink.service.InvalidParameter":
        words = f"{said.get('parameter') or 'something'} is not as it has to be"
        return errors.UsageError(words, fix=_OTHER_VERSION)
    if name != f"{INTERFACE}.Failed":
        return errors.SystemdError(f"the agent does not understand: {name}", fix=_OTHER_VERSION)
    if said["problems"]:
        return errors.DefinitionError(decode(said["problems"]))
    kind = getattr(errors, said["kind"], None)
    is_ours = isinstance(kind, type) and issubclass(kind, errors.DebvisorTimersError)
    made: Any = kind if is_ours and kind is not errors.DefinitionError else errors.SystemdError
    return cast(errors.DebvisorTimersError, made(said["message"], fix=said["fix"]))
