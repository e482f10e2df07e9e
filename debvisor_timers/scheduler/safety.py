# SPDX-License-Identifier: Apache-2.0
"""Ways back: try and confirm, older generations, what differs between them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from debvisor_timers.scheduler.base import Base

if TYPE_CHECKING:
    from debvisor_timers.operations.applying.apply import ApplyOptions
    from debvisor_timers.operations.applying.plan import Plan
    from debvisor_timers.operations.auditing.audited import Attempt
    from debvisor_timers.operations.editing.change import Change
    from debvisor_timers.operations.editing.edit import EditOptions
    from debvisor_timers.operations.editing.rewrite import Rewrite
    from debvisor_timers.operations.safety.difference import Differences
    from debvisor_timers.operations.safety.kept import History
    from debvisor_timers.operations.safety.rollback import RollbackOptions, RolledBack
    from debvisor_timers.operations.safety.trial import Trial, WaitingTrial
    from debvisor_timers.operations.safety.trying import Answer, Decision, Tried, TriedEdit


class Safety(Base):
    """Change something and be able to go back."""

    def try_apply(self, options: ApplyOptions, timeout: timedelta) -> Tried:
        """Apply, and let a timer take it back `timeout` from now unless it is confirmed."""
        from debvisor_timers.operations.safety.trying import try_apply

        with self.attempt("try") as attempt:
            options = replace(
                options, on_step=attempt.on_step(options.on_step), by=lambda: str(self.caller)
            )
            tried = try_apply(self.host, options, timeout)
            result = tried.result
            if result.has_changed:
                attempt.done(
                    result.words,
                    changes=result.plan.jobs if result.plan else (),
                    settings=result.settings,
                    generation=result.generation,
                )
        return tried

    def try_edit(
        self,
        edit: Sequence[Change] | Rewrite,
        timeout: timedelta,
        options: EditOptions | None = None,
    ) -> TriedEdit:
        """Edit jobs, apply these alone, and take both back `timeout` from now unless confirmed."""
        from debvisor_timers.operations.editing.edit import EditOptions
        from debvisor_timers.operations.editing.rewrite import Rewrite
        from debvisor_timers.operations.safety.trying import try_edit

        if isinstance(edit, Rewrite):
            jobs, file = [edit.job_id], str(edit.path)
        else:
            jobs, file = [change.job_id for change in edit], ""
        options = options or EditOptions()
        with self.attempt("try", jobs=jobs, file=file) as attempt:
            on_step = attempt.on_step(options.on_step)
            options = replace(options, on_step=on_step, by=lambda: str(self.caller))
            tried = try_edit(self.host, edit, options, timeout)
            result = tried.result.result
            if result is not None:
                attempt.done(
                    result.words,
                    changes=result.plan.jobs if result.plan else (),
                    settings=result.settings,
                    generation=result.generation,
                )
        return tried

    def confirm(self, *, require: Callable[[Trial], None] | None = None) -> int:
        """Keep what is being tried; return its generation. Raises RefusedError for nothing.

        require: raises for who may not end that trial; the agent has callers who may not.
        """
        from debvisor_timers.errors import RefusedError

        generation = self._confirm(require)
        if generation is None:
            raise RefusedError(
                "nothing is being tried, so there is nothing to confirm",
                fix="see what was applied: debvisor-timers generations",
            )
        return generation

    def waiting_trial(self) -> WaitingTrial | None:
        """Return what is being tried, None for nothing; needs no rights."""
        from debvisor_timers.operations.safety.trial import waiting_trial

        return waiting_trial(self.host)

    def await_decision(
        self, trial: Trial, listen: Callable[[timedelta], Answer | None]
    ) -> Decision:
        """Wait until `trial` is confirmed or taken back; `listen` brings answers."""
        from debvisor_timers.operations.safety.trying import await_end, decision_of

        await_end(self.host, trial, listen, keep=self._confirm, undo=self.undo_unconfirmed)
        kept = self.generations().kept
        return decision_of(trial, kept[0] if kept else None)

    def undo_unconfirmed(
        self, *, only_forgotten: bool = False, require: Callable[[Trial], None] | None = None
    ) -> RolledBack | None:
        """Take back what is being tried, if anything is.

        only_forgotten: not what a timer is going to take back. require: as of `confirm`.
        """
        if only_forgotten and not self.host.layout.trial.exists():
            return None  # as at most boots: nothing of it has to be imported
        from debvisor_timers.operations.safety.trial import let_anybody
        from debvisor_timers.operations.safety.trying import undo_unconfirmed

        with self.attempt("rollback") as attempt:
            done = undo_unconfirmed(
                self.host,
                attempt.on_step(lambda _step: None),
                by=str(self.caller),
                only_forgotten=only_forgotten,
                require=require or let_anybody,
            )
            if done is not None:
                _tell(attempt, done)
        return done

    def rollback(self, number: int | None, options: RollbackOptions) -> RolledBack:
        """Make an older generation true again, as a new one; starts no job."""
        from debvisor_timers.operations.safety.rollback import rollback

        with self.attempt("rollback") as attempt:
            given = options.apply
            given = replace(
                given, on_step=attempt.on_step(given.on_step), by=lambda: str(self.caller)
            )
            done = rollback(self.host, number, replace(options, apply=given))
            if done.result.has_changed or done.files:
                _tell(attempt, done)
        return done

    def plan_rollback(self, number: int | None, *, yaml: bool = False) -> tuple[int, Plan]:
        """Return which generation a rollback would bring back, and what it would change."""
        from debvisor_timers.operations.safety.rollback import plan_rollback

        return plan_rollback(self.host, number, yaml=yaml)

    def generations(self) -> History:
        """Return what was applied: when, by whom, how much; newest first."""
        from debvisor_timers.operations.safety.kept import list_generations

        return list_generations(self.host)

    def diff(self, before: int | None = None, after: int | None = None) -> Differences:
        """Return what differs between generations, or from the newest to what is on disk."""
        from debvisor_timers.operations.safety.difference import differences

        return differences(self.host, before, after)

    def _confirm(self, require: Callable[[Trial], None] | None = None) -> int | None:
        from debvisor_timers.operations.safety.trial import let_anybody
        from debvisor_timers.operations.safety.trying import confirm

        with self.attempt("confirm") as attempt:
            attempt.begin()
            generation = confirm(self.host, require=require or let_anybody)
            if generation is not None:
                attempt.done(f"generation {generation}", generation=generation)
        return generation


def _tell(attempt: Attempt, done: RolledBack) -> None:
    result = done.result
    again = f"generation {done.number} again" if done.number else "as before the first apply"
    why = "what was tried is taken back, " if done.of_trial else ""
    attempt.done(
        f"{why}{again}: {result.words}",
        changes=result.plan.jobs if result.plan else (),
        settings=result.settings,
        generation=result.generation,
    )
