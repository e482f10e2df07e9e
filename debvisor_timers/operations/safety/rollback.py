# SPDX-License-Identifier: Apache-2.0
"""rollback: apply an older generation again, its units as they were kept."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from debvisor_timers.errors import DebvisorTimersError, NotFoundError, RefusedError
from debvisor_timers.operations.applying.apply import (
    ApplyOptions,
    ApplyResult,
    apply_source_locked,
)
from debvisor_timers.operations.applying.edits import undoable
from debvisor_timers.operations.applying.generations import Generations
from debvisor_timers.operations.applying.plan import Plan, make_plan
from debvisor_timers.operations.applying.recover import generations, recover_locked
from debvisor_timers.operations.applying.renew import renew
from debvisor_timers.operations.applying.source import Source
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.lock import exclusive
from debvisor_timers.operations.owned import owned_by_job
from debvisor_timers.operations.safety.trial import (
    Trial,
    end_trial,
    is_applied,
    let_anybody,
    read_trial,
    refuse_while_tried,
)
from debvisor_timers.operations.safety.yaml_files import (
    YamlChange,
    keep_replaced,
    pending_files,
    yaml_changes,
)
from debvisor_timers.render.ownership import renumbered
from debvisor_timers.systemd.ports import Entry, FileEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class RollbackOptions:
    """What a rollback is to bring back, and what it is allowed to do.

    yaml: also the files of the administrator. confirm_loss: asked before files are replaced that
    have edits which were never applied; False refuses. require: raises for who may not end what is
    being tried.
    """

    apply: ApplyOptions = field(default_factory=ApplyOptions)
    yaml: bool = False
    confirm_loss: Callable[[tuple[Path, ...]], bool] = field(default=lambda _paths: False)
    require: Callable[[Trial], None] = let_anybody


@dataclass(frozen=True, slots=True, kw_only=True)
class RolledBack:
    """What a rollback did.

    number: the generation that is in force again, 0: what was before the first. of_trial: it was
    what was being tried. files: those of the administrator that were brought back. replaced: where
    what was in them is kept. differing: the files that say something else than what is in force.
    renewed: the jobs whose zone has had another law since. notes: what went wrong after it.
    """

    result: ApplyResult
    number: int
    of_trial: bool = False
    files: tuple[Path, ...] = ()
    replaced: Path | None = None
    differing: tuple[Path, ...] = ()
    renewed: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def rollback(host: Host, number: int | None, options: RollbackOptions) -> RolledBack:
    """Make generation `number`, or the one before what is in force, true again as a new one.

    Where something is being tried, that is taken back. Starts no job. Raises NotFoundError for a
    generation that is not kept, and the errors of `apply`; then everything is as it was.
    """
    with exclusive(
        host.layout.runtime, purpose="debvisor-timers rollback", wait=options.apply.lock_wait
    ):
        recovery = recover_locked(host)
        trial = read_trial(host)
        done = None
        if trial is not None and number in {None, trial.base} and not options.yaml:
            options.require(trial)
            done = undo_locked(host, trial, options.apply.on_step, by=options.apply.by())
            if done is None and number is None:
                raise RefusedError(
                    "nothing was rolled back: what was being tried had been cut off, and is undone",
                    fix="look at `debvisor-timers generations`, then name the one to go back to",
                )
        if done is None:
            refuse_while_tried(host)
            done = _roll_back(host, _number(host, number), options)
        done = replace(done, result=replace(done.result, recovery=recovery))
    return with_renewal(host, done, by=options.apply.by())


def plan_rollback(host: Host, number: int | None, *, yaml: bool = False) -> tuple[int, Plan]:
    """Return which generation would be true again, and what that changes; changes nothing."""
    number = _number(host, number)
    return number, make_plan(host, _source(host, number, yaml=yaml))


def undo_locked(
    host: Host, trial: Trial, on_step: Callable[[str], None], *, by: str
) -> RolledBack | None:
    """Take `trial` back, under a lock that the caller holds; None: nothing of it was applied.

    What somebody has changed meanwhile by hand in the units that it changed is taken back too.
    """
    if not is_applied(host, trial):
        end_trial(host)
        return None
    edits = undoable(trial.edits)
    source = Source(
        config=_folder(host, trial.base),
        units=_units_before(host, trial),
        restores=trial.base,
        edits=edits,
    )
    result = apply_source_locked(
        host,
        source,
        ApplyOptions(
            confirm_removal=lambda _plan: True,
            allow_empty=True,
            overwrite_edits=True,
            on_step=on_step,
            by=lambda: by,
            how="rollback",
        ),
    )
    end_trial(host)
    return RolledBack(
        result=result,
        number=trial.base,
        of_trial=True,
        files=tuple(edit.path for edit in edits),
        differing=_paths(host, yaml_changes(host, trial.base)),
    )


def with_renewal(host: Host, done: RolledBack, *, by: str) -> RolledBack:
    """Return `done` with what was renewed after it: units of old may have old days in them.

    For who does not hold the lock.
    """
    try:
        renewal = renew(host, by=by)
    except DebvisorTimersError as error:
        return replace(done, notes=(*done.notes, f"timers were not renewed: {error.message}"))
    return replace(done, renewed=renewal.renewed)


def in_force(kept: Generations, number: int) -> int:
    """Return the generation that somebody has made which `number` is again, 0 for none.

    Of a rollback, the one that it went back to; of what was renewed unasked, the one before.
    """
    seen: set[int] = set()
    while number not in seen and kept.exists(number):
        seen.add(number)
        deed = kept.about(number).deed
        if deed is not None and deed.restores is not None:
            number = deed.restores
        elif deed is not None and deed.how == "renew":
            number -= 1
    return number


def _number(host: Host, number: int | None) -> int:
    kept = generations(host)
    if number is not None:
        kept.require(number)
        return number
    current = in_force(kept, kept.latest())
    older = [each for each in kept.numbers() if each < current]
    if not older:
        raise NotFoundError(
            "there is no older generation to go back to", fix="see: debvisor-timers generations"
        )
    return older[-1]


def _roll_back(host: Host, number: int, options: RollbackOptions) -> RolledBack:
    source = _source(host, number, yaml=options.yaml)
    changes = yaml_changes(host, number)
    replaced = _save(host, changes, options) if options.yaml else None
    result = apply_source_locked(
        host, source, replace(options.apply, allow_empty=True, how="rollback")
    )
    files = _paths(host, changes)
    return RolledBack(
        result=result,
        number=number,
        files=files if options.yaml else (),
        replaced=replaced,
        differing=() if options.yaml else files,
    )


def _save(host: Host, changes: tuple[YamlChange, ...], options: RollbackOptions) -> Path | None:
    """Keep what is in files that have edits which were never applied; refuse without leave."""
    pending = pending_files(host, changes)
    if not pending:
        return None
    paths = _paths(host, pending)
    if not options.confirm_loss(paths):
        raise RefusedError(
            f"nothing was applied: {', '.join(map(str, paths[:5]))}"
            f" {'has' if len(paths) == 1 else 'have'} edits that were never applied",
            fix="apply or undo them, or roll back with --force, which keeps a copy of them",
        )
    return keep_replaced(host, pending)


def _source(host: Host, number: int, *, yaml: bool) -> Source:
    kept = generations(host)
    changes = yaml_changes(host, number) if yaml else ()
    return Source(
        config=_folder(host, number),
        edits=tuple(change.edit(host.layout.config) for change in changes),
        units=_written_by(kept.latest() + 1, _owned(kept.units(number))),
        restores=number,
    )


def _units_before(host: Host, trial: Trial) -> Mapping[str, Entry]:
    """Return our units as they were before the trial; those that it left are as they are now."""
    units = {**host.units.read(), **trial.before}
    return _owned({name: entry for name, entry in units.items() if entry is not None})


def _written_by(generation: int, units: Mapping[str, Entry]) -> dict[str, Entry]:
    """Return the units as that generation writes them.

    From then on their calendars count, and runs tell that number.
    """
    return {
        name: FileEntry(renumbered(entry.text, generation))
        if isinstance(entry, FileEntry)
        else entry
        for name, entry in units.items()
    }


def _owned(units: Mapping[str, Entry]) -> dict[str, Entry]:
    owned = owned_by_job(units).values()
    return {name: entry for entries in owned for name, entry in entries.items()}


def _folder(host: Host, number: int) -> Path:
    return generations(host).folder / str(number)


def _paths(host: Host, changes: tuple[YamlChange, ...]) -> tuple[Path, ...]:
    return tuple(host.layout.config / change.name for change in changes)
