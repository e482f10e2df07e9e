# SPDX-License-Identifier: Apache-2.0
"""From what files say to what systemd has."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from debvisor_timers.scheduler.base import Base

if TYPE_CHECKING:
    from debvisor_timers.operations.applying.apply import ApplyOptions, ApplyResult
    from debvisor_timers.operations.applying.plan import Plan
    from debvisor_timers.operations.applying.recover import Recovery
    from debvisor_timers.operations.applying.renew import Renewal
    from debvisor_timers.operations.check import CheckResult
    from debvisor_timers.operations.safety.doctor import Diagnosis
    from debvisor_timers.operations.safety.finding import Status


class Applying(Base):
    """Plan, apply, and what mends an apply."""

    def plan(self) -> Plan:
        """Return what `apply` would change."""
        from debvisor_timers.operations.applying.plan import make_plan

        return make_plan(self.host)

    def apply(self, options: ApplyOptions) -> ApplyResult:
        """Make the timers of this host what the YAML says."""
        from debvisor_timers.operations.applying.apply import apply

        with self.attempt("apply") as attempt:
            options = replace(
                options, on_step=attempt.on_step(options.on_step), by=lambda: str(self.caller)
            )
            result = apply(self.host, options)
            if result.has_changed:
                plan = result.plan
                changes = plan.jobs if plan else ()
                attempt.done(
                    result.words,
                    changes=changes,
                    settings=result.settings,
                    generation=result.generation,
                )
        return result

    def recover(self) -> Recovery:
        """Undo or finish an apply that was cut off."""
        from debvisor_timers.operations.applying.recover import Recovery, recover

        with self.attempt("recover") as attempt:
            recovery = recover(self.host)
            if recovery is not Recovery.NOTHING:
                attempt.done(f"an apply that had been cut off was {recovery}")
                self._tell_cut_off(recovery)
        return recovery

    def _tell_cut_off(self, recovery: Recovery) -> None:
        """Let channels be told of an apply that a crash has undone; nobody has seen its end."""
        from debvisor_timers.operations.applying.recover import Recovery
        from debvisor_timers.operations.notifying.apply_failed import tell_failed_apply

        if recovery is Recovery.UNDONE:
            text = "it was cut off by a crash or a kill; everything is as it was before"
            tell_failed_apply(self.host, verb="apply", by="", text=text)

    def renew(self, on_step: Callable[[str], None] = lambda _step: None) -> Renewal:
        """Let timers follow their time zone, where its law or the host's zone has changed."""
        from debvisor_timers.operations.applying.renew import renew

        with self.attempt("renew") as attempt:
            renewal = renew(self.host, attempt.on_step(on_step), by=str(self.caller))
            if renewal.plan is not None and renewal.renewed:
                plan = renewal.plan
                attempt.done(changes=plan.jobs, generation=plan.generation)
        return renewal

    def check(self, files: Sequence[Path] = ()) -> CheckResult:
        """Return every problem of `files`, or of all files."""
        from debvisor_timers.operations.check import check

        return check(self.host, files)

    def doctor(self) -> Diagnosis:
        """Return how all is that jobs need on this host.

        Raises RefusedError for jobs of a user, and for a system that does not run.
        """
        from debvisor_timers.errors import RefusedError
        from debvisor_timers.operations.safety.doctor import doctor

        if self.layout.user or not self.layout.runs_here:
            raise RefusedError(
                "doctor looks at the set-up of this host, for the jobs of the system",
                fix="ask without --user; for these jobs see `debvisor-timers --user status`",
            )
        return doctor(self.host)

    def status(self) -> Status:
        """Return what needs attention."""
        from debvisor_timers.operations.safety.status import status

        return status(self.host)
