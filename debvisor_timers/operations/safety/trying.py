# SPDX-License-Identifier: Apache-2.0
"""try: apply, or edit a job, and take it back unless somebody confirms it in time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta
from enum import StrEnum

from debvisor_timers.errors import RefusedError
from debvisor_timers.layout import UNDO_SERVICE
from debvisor_timers.operations.applying.apply import LOCK_WAIT, ApplyOptions, ApplyResult, apply
from debvisor_timers.operations.applying.generations import Kept
from debvisor_timers.operations.applying.plan import Plan
from debvisor_timers.operations.applying.recover import generations, record_file, recover_locked
from debvisor_timers.operations.editing.change import Change
from debvisor_timers.operations.editing.edit import EditOptions, EditResult, edit_jobs
from debvisor_timers.operations.editing.rewrite import Rewrite, rewrite_job
from debvisor_timers.operations.holding.tidy import drop_marks
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.lock import exclusive
from debvisor_timers.operations.owned import owned_by_job
from debvisor_timers.operations.safety.rollback import RolledBack, undo_locked, with_renewal
from debvisor_timers.operations.safety.trial import (
    UNDO_TIMER,
    Trial,
    end_trial,
    has_guard,
    is_applied,
    let_anybody,
    read_trial,
    write_trial,
)
from debvisor_timers.render.names import job_of

_PURPOSE = "debvisor-timers try"
_PATIENCE = timedelta(minutes=10)
"""Who takes a trial back comes once: rather late than never."""
_GRACE = timedelta(minutes=1)
_LOOK = timedelta(seconds=0.5)


class Answer(StrEnum):
    """What somebody says who was asked whether to keep a trial."""

    KEEP = "keep"
    UNDO = "undo"


class Decision(StrEnum):
    """How a trial has ended."""

    CONFIRMED = "confirmed"
    UNDONE = "undone"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tried:
    """What was applied, and until when it can be confirmed; trial: None where nothing changed."""

    result: ApplyResult
    trial: Trial | None


@dataclass(frozen=True, slots=True, kw_only=True)
class TriedEdit:
    """What was edited, and until when it can be confirmed; trial: None where nothing changed."""

    result: EditResult
    trial: Trial | None


def try_apply(host: Host, options: ApplyOptions, timeout: timedelta) -> Tried:
    """Apply, with a timer that takes it back `timeout` from now.

    The timer is there before anything is written. Raises the errors of `apply`; then nothing is
    being tried, but for a PartWayError after the apply itself was done.
    """
    with _armed(host, options, timeout) as arm:
        result = apply(host, replace(options, before=arm, how="try", is_trial=True))
    return Tried(result=result, trial=read_trial(host))


def try_edit(
    host: Host, edit: Sequence[Change] | Rewrite, options: EditOptions, timeout: timedelta
) -> TriedEdit:
    """Edit jobs and apply these alone, with a timer that takes both back `timeout` from now.

    edit: keys of jobs, or another text for the file of one. Raises the errors of `edit_jobs`.
    """
    with _armed(host, options, timeout) as arm:
        options = replace(options, apply=True, dry_run=False, before=arm, how="try", is_trial=True)
        if isinstance(edit, Rewrite):
            result = rewrite_job(host, edit, options)
        else:
            result = edit_jobs(host, edit, options)
    return TriedEdit(result=result, trial=read_trial(host) if result.result else None)


@contextmanager
def _armed(
    host: Host, options: ApplyOptions | EditOptions, timeout: timedelta
) -> Iterator[Callable[[Plan], None]]:
    """Give the block what is to be called with the plan, before anything of it is done."""
    base = generations(host).latest()

    def arm(plan: Plan) -> None:
        options.before(plan)
        now = host.clock.now()
        trial = Trial(
            base=plan.generation - 1,
            by=options.by(),
            owner=options.owner,
            began=now,
            deadline=now + timeout,
            before={change.name: change.before for job in plan.jobs for change in job.entries},
            edits=plan.edits,
        )
        host.manager.stop([UNDO_TIMER])
        host.manager.reset_failed(UNDO_SERVICE)
        write_trial(host, trial)
        host.manager.start_once(
            UNDO_SERVICE,
            after=timeout,
            description=f"Take back generation {plan.generation} unless it is confirmed",
        )

    try:
        yield arm
    finally:
        _forget_unless_applied(host, base)


def _forget_unless_applied(host: Host, base: int) -> None:
    """Forget a trial of which nothing was applied, and of which nothing has to be undone."""
    if not host.layout.trial.exists():
        return
    with exclusive(host.layout.runtime, purpose=_PURPOSE, wait=LOCK_WAIT):
        trial = read_trial(host)
        is_idle = trial is not None and trial.base == base and not is_applied(host, trial)
        if is_idle and record_file(host).read() is None:
            end_trial(host)


def confirm(host: Host, *, require: Callable[[Trial], None] = let_anybody) -> int | None:
    """Keep what is being tried; return its generation, None where nothing is being tried.

    require: raises for who may not end that trial. Raises RefusedError where it was cut off and
    undone.
    """
    with exclusive(host.layout.runtime, purpose="debvisor-timers confirm", wait=LOCK_WAIT):
        recover_locked(host)
        trial = read_trial(host)
        if trial is None:
            return None
        require(trial)
        applied = is_applied(host, trial)
        end_trial(host)
        if applied:
            drop_marks(host, _gone(host, trial))
        else:
            raise RefusedError(
                "there is nothing to confirm: the apply had been cut off and was undone",
                fix="debvisor-timers try",
            )
        return trial.base + 1


def _gone(host: Host, trial: Trial) -> set[str]:
    """Return the jobs that the trial has removed."""
    changed = {job_id for name in trial.before if (job_id := job_of(name.rpartition("/")[2]))}
    return changed - owned_by_job(host.units.read()).keys()


def undo_unconfirmed(
    host: Host,
    on_step: Callable[[str], None] = lambda _step: None,
    *,
    by: str = "",
    only_forgotten: bool = False,
    require: Callable[[Trial], None] = let_anybody,
) -> RolledBack | None:
    """Take back what is being tried; None where there is nothing to be taken back.

    only_forgotten: not while its timer waits or its service runs: after a reboot both are gone.
    require: as of `confirm`. Raises the errors of `apply`; then it is still being tried, and this
    can be repeated.
    """
    with exclusive(host.layout.runtime, purpose="debvisor-timers rollback", wait=_PATIENCE):
        recover_locked(host)
        trial = read_trial(host)
        if trial is None or (only_forgotten and has_guard(host)):
            return None
        require(trial)
        done = undo_locked(host, trial, on_step, by=by)
    return None if done is None else with_renewal(host, done, by=by)


def await_end(
    host: Host,
    trial: Trial,
    listen: Callable[[timedelta], Answer | None],
    *,
    keep: Callable[[], object],
    undo: Callable[[], object],
) -> None:
    """Wait until `trial` is confirmed or taken back, by us or by anybody else.

    listen: waits at most so long for an answer. keep, undo: carry one out. It is the timer that
    takes the trial back; only where that is gone, it is done here: the clock alone is no reason,
    since it may have been set. Needs no rights of its own: whether there is a note anybody may see.
    """
    while host.layout.trial.exists():
        answer = listen(_LOOK)
        if answer is Answer.KEEP:
            keep()
        elif answer is Answer.UNDO or _is_left(host, trial):
            undo()


def decision_of(trial: Trial, newest: Kept | None) -> Decision:
    """Return how a trial has ended; newest: the generation of now, None for none."""
    if newest is None or newest.number <= trial.base:
        return Decision.UNDONE
    is_again = newest.deed is not None and newest.deed.restores == trial.base
    return Decision.UNDONE if is_again else Decision.CONFIRMED


def _is_left(host: Host, trial: Trial) -> bool:
    """Return True where the time is over, and nothing is there any more that takes it back."""
    return host.clock.now() > trial.deadline + _GRACE and not has_guard(host)
