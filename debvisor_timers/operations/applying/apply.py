# SPDX-License-Identifier: Apache-2.0
"""apply: make the host what the YAML says; all of it or nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from debvisor_timers.errors import RefusedError
from debvisor_timers.operations.applying.edits import check_edits
from debvisor_timers.operations.applying.fingerprint import Fingerprint, FingerprintFile
from debvisor_timers.operations.applying.recover import Recovery, generations, recover_locked
from debvisor_timers.operations.applying.source import Source
from debvisor_timers.operations.applying.surroundings import note
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.lock import exclusive

if TYPE_CHECKING:
    from debvisor_timers.operations.applying.plan import Plan
    from debvisor_timers.operations.applying.steps import Held
    from debvisor_timers.operations.applying.timers import Unarmed

LOCK_WAIT = timedelta(seconds=30)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyOptions:
    """What an apply is allowed to do.

    confirm_removal: asked before jobs are removed; False refuses.
    allow_empty: may remove every job. overwrite_edits: may overwrite units edited by hand.
    lock_wait: how long to wait for another apply to end.
    on_step: told each step before it is taken, for a progress line.
    expect_generation: refuse unless this is the newest one.
    by, how: who asks, in the words of the audit, and for what; kept in the generation.
    is_trial: it may be taken back, so jobs that go keep their marks until it is confirmed.
    owner: for whom the agent asks, as trials note it; empty for root.
    before: is told the plan when nothing speaks against it, before anything is written; what it
    raises stops the apply.
    """

    confirm_removal: Callable[[Plan], bool] = field(default=lambda _plan: False)
    allow_empty: bool = False
    overwrite_edits: bool = False
    lock_wait: timedelta = LOCK_WAIT
    on_step: Callable[[str], None] = field(default=lambda _step: None)
    expect_generation: int | None = None
    by: Callable[[], str] = field(default=lambda: "")
    how: str = "apply"
    is_trial: bool = False
    owner: str = ""
    before: Callable[[Plan], None] = field(default=lambda _plan: None)


@dataclass(frozen=True, slots=True, kw_only=True)
class ApplyResult:
    """What an apply did.

    plan: None when a comparison of digests showed that nothing had changed.
    timers_held: True while debvisor-timers.target is stopped: timers were written, not started.
    unarmed: path units that were not started, since a path that they await is there.
    settings: a diff of what is in no unit: channels, owners and such.
    """

    generation: int
    created: int
    updated: int
    removed: int
    unchanged: int
    plan: Plan | None
    recovery: Recovery
    timers_held: bool = False
    unarmed: tuple[Unarmed, ...] = ()
    settings: tuple[str, ...] = ()

    @property
    def has_changed(self) -> bool:
        """Return True when something is not as it was: a generation is new, or one was undone."""
        made = self.plan is not None and self.plan.generation == self.generation
        return made or self.recovery is not Recovery.NOTHING

    @property
    def words(self) -> str:
        """Return what was done: `1 created, 0 updated, 0 removed`."""
        counts = f"{self.created} created, {self.updated} updated, {self.removed} removed"
        if self.settings:
            counts = f"{counts}, other settings"
        if self.recovery is Recovery.NOTHING:
            return counts
        return f"{counts}; one that had been cut off was {self.recovery}"


def apply(host: Host, options: ApplyOptions) -> ApplyResult:
    """Bring the units of this host to what the files under the configuration folder say.

    Raises DefinitionError (nothing was written), RefusedError and LockedError (likewise),
    SystemdError (everything was undone), PartWayError (undoing failed; the message says what is
    left), InterruptedByUserError (Ctrl-C; undone).
    """
    with exclusive(host.layout.runtime, purpose="debvisor-timers apply", wait=options.lock_wait):
        recovery = recover_locked(host)
        _refuse_while_tried(host)
        check_generation(options.expect_generation, generations(host).latest())
        known = _fingerprint_file(host)
        kept = known.read()
        before = Fingerprint.take(host, kept.files if kept else ())
        if kept is not None and kept.matches(before):
            note(host)
            return _unchanged(kept, recovery)
        # Parsing and rendering cost more to import than a no-op apply costs to run.
        from debvisor_timers.operations.applying.plan import make_plan

        plan = make_plan(host)
        before = before.with_files(plan.files)
        result = _carry_out(host, plan, options)
        known.write(before.after(host, jobs=len(plan.definitions.jobs)))
        note(host)
        return replace(result, recovery=recovery)


def apply_source(host: Host, source: Source, options: ApplyOptions) -> ApplyResult:
    """Bring the units of this host, and the files that it edits, to what `source` says.

    Raises the errors of `apply`; RefusedError also where a file was changed meanwhile.
    """
    with exclusive(host.layout.runtime, purpose="debvisor-timers apply", wait=options.lock_wait):
        recovery = recover_locked(host)
        _refuse_while_tried(host)
        return replace(apply_source_locked(host, source, options), recovery=recovery)


def apply_source_locked(host: Host, source: Source, options: ApplyOptions) -> ApplyResult:
    """Do the same under a lock that the caller holds, where nothing is to be recovered."""
    from debvisor_timers.operations.applying.plan import make_plan

    check_generation(options.expect_generation, generations(host).latest())
    # What is on disk is not what was applied last: the next apply has to look.
    _fingerprint_file(host).forget()
    check_edits(source.edits)
    result = _carry_out(host, make_plan(host, source), options)
    note(host, only_first=True)
    return result


def _carry_out(host: Host, plan: Plan, options: ApplyOptions) -> ApplyResult:
    from debvisor_timers.operations.applying import steps
    from debvisor_timers.operations.applying.settings import changed_config, keep_settings
    from debvisor_timers.operations.holding.tidy import drop_marks
    from debvisor_timers.operations.past.rename import (
        carried_marks,
        give_back_histories,
        keep_histories,
    )

    _refuse(plan, options)
    plan = replace(plan, deed=replace(plan.deed, by=options.by(), how=options.how))
    options.before(plan)
    if plan.is_empty and not plan.edits:
        held, settings = None, keep_settings(host, plan)
    else:
        settings = changed_config(host, plan)
        plan = replace(plan, edits=(*plan.edits, *carried_marks(host, plan)))
        held = steps.execute(host, plan, options.on_step)
    keep_histories(host, plan.definitions)
    if plan.deed.restores is not None:
        give_back_histories(host, plan.created, plan.removed)
    if not options.is_trial:
        drop_marks(host, plan.removed)
    _watch(host, plan)
    made = plan.generation if settings is not None else plan.generation - 1
    return replace(_result(plan, made, held), settings=tuple(settings or ()))


def _watch(host: Host, plan: Plan) -> None:
    """Let the jobs be watched that ask for it."""
    from debvisor_timers.operations.notifying.watched import is_watched

    if host.layout.runs_here and any(map(is_watched, plan.definitions.jobs.values())):
        from debvisor_timers.operations.notifying.waking import watch_if_possible

        watch_if_possible(host)


def _fingerprint_file(host: Host) -> FingerprintFile:
    return FingerprintFile(host.layout.state / "fingerprint.json")


def _refuse_while_tried(host: Host) -> None:
    """Raise RefusedError while a try waits for its answer."""
    if host.layout.trial.exists():
        from debvisor_timers.operations.safety.trial import refuse_while_tried

        refuse_while_tried(host)


def check_generation(expected: int | None, newest: int) -> None:
    """Raise RefusedError where another generation is the newest than somebody expects."""
    if expected is not None and expected != newest:
        raise RefusedError(
            f"nothing was applied: generation {newest} is the newest, not {expected}:"
            " somebody else has applied meanwhile",
            fix="look at `debvisor-timers plan`, then expect that generation",
        )


def _refuse(plan: Plan, options: ApplyOptions) -> None:
    for reason, fix in _refusals(plan, options):
        raise RefusedError(f"nothing was applied: {reason}", fix=fix)


def _refusals(plan: Plan, options: ApplyOptions) -> Iterator[tuple[str, str]]:
    if plan.foreign:
        yield (
            f"{_names(plan.foreign)} in the way, not written by debvisor-timers",
            "move them away, or give the job another id",
        )
    edited = [name for job in plan.jobs for name in job.edited]
    if edited and not options.overwrite_edits:
        yield (
            f"{_names(edited)} edited by hand since the last apply",
            "put the change into the YAML (or a drop-in), or apply with --overwrite-edits",
        )
    removed = len(plan.removed)
    if removed and not plan.definitions.jobs and not options.allow_empty:
        yield (
            f"it would remove every job of this host ({removed})",
            "check that the files in jobs.d are there; if so be it, apply with --allow-empty",
        )
    if removed and not options.confirm_removal(plan):
        yield (
            f"it would remove jobs: {', '.join(plan.removed[:5])}",
            "look at `debvisor-timers plan`, apply with --yes",
        )


def _names(names: list[str] | tuple[str, ...]) -> str:
    shown = ", ".join(names[:5]) + (f" and {len(names) - 5} more" if len(names) > 5 else "")
    return f"{shown} {'is' if len(names) == 1 else 'are'}"


def _unchanged(kept: Fingerprint, recovery: Recovery) -> ApplyResult:
    return ApplyResult(
        generation=kept.generation,
        created=0,
        updated=0,
        removed=0,
        unchanged=kept.jobs,
        plan=None,
        recovery=recovery,
    )


def _result(plan: Plan, generation: int, held: Held | None) -> ApplyResult:
    return ApplyResult(
        generation=generation,
        created=len(plan.created),
        updated=len(plan.updated),
        removed=len(plan.removed),
        unchanged=plan.unchanged,
        plan=plan,
        recovery=Recovery.NOTHING,
        timers_held=held is not None and held.timers,
        unarmed=held.unarmed if held else (),
    )
