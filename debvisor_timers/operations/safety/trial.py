# SPDX-License-Identifier: Apache-2.0
"""What is being tried: a note on disk, and the timer that takes it back."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from debvisor_timers.errors import RefusedError, SystemdError
from debvisor_timers.layout import UNDO_SERVICE
from debvisor_timers.operations import durable
from debvisor_timers.operations.applying.edits import FileEdit
from debvisor_timers.operations.applying.record import (
    Entries,
    parsed_edit,
    parsed_entries,
    plain_edit,
    plain_entries,
)
from debvisor_timers.operations.applying.recover import generations
from debvisor_timers.operations.host import Host
from debvisor_timers.systemd.ports import ActiveState

UNDO_TIMER = f"{UNDO_SERVICE.removesuffix('.service')}.timer"


@dataclass(frozen=True, slots=True, kw_only=True)
class Trial:
    """A change that is taken back unless it is confirmed.

    base: the generation before it, 0 for none; while it is the newest, nothing was applied.
    by: who tries. owner: for whom the agent does it, empty for root. before: each entry of the unit
    folder that changes, as it was. edits: the job files that were edited with it; where nobody has
    changed one since, it is taken back too.
    """

    base: int
    by: str
    began: datetime
    deadline: datetime
    before: Entries
    edits: tuple[FileEdit, ...] = field(default=())
    owner: str = ""


def let_anybody(_trial: Trial) -> None:
    """Let whoever asks end a trial: what asks without the agent is root."""


def read_trial(host: Host) -> Trial | None:
    """Return what is being tried, None for nothing. Raises SystemdError."""
    path = host.layout.trial
    try:
        plain = durable.read_json(path)
        return None if plain is None else _parsed(plain)
    except (SystemdError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise SystemdError(
            f"what is being tried cannot be understood: {path}: {error}",
            fix=f"look at `debvisor-timers generations`, remove {path}, and roll back by hand",
        ) from error


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitingTrial:
    """What is being tried, as anybody may know it.

    until: when it is taken back; None where that is under way, or waits for an apply or a boot.
    """

    until: datetime | None


def waiting_trial(host: Host) -> WaitingTrial | None:
    """Return what is being tried, None for nothing; needs no rights: its note is root's alone."""
    if not host.layout.trial.exists():
        return None
    known = {unit.name for unit in host.manager.units(UNDO_TIMER)}
    until = host.manager.timer(UNDO_TIMER).next_elapse if UNDO_TIMER in known else None
    return WaitingTrial(until=until)


def write_trial(host: Host, trial: Trial) -> None:
    """Note on disk what is being tried, before any of it is done."""
    plain = {
        "base": trial.base,
        "by": trial.by,
        "began": trial.began.isoformat(),
        "deadline": trial.deadline.isoformat(),
        "before": plain_entries(trial.before),
        "edits": [plain_edit(edit) for edit in trial.edits],
        "owner": trial.owner,
    }
    durable.write_json(host.layout.trial, plain)


def end_trial(host: Host) -> None:
    """Forget what is being tried. From the first step on nothing takes it back any more."""
    durable.remove(host.layout.trial)
    host.manager.stop([UNDO_TIMER])


def is_applied(host: Host, trial: Trial) -> bool:
    """Return False while nothing of it was applied."""
    return generations(host).latest() > trial.base


def has_guard(host: Host) -> bool:
    """Return whether something is there that takes the trial back: the timer, or its service."""
    busy = {ActiveState.ACTIVE, ActiveState.ACTIVATING}
    units = host.manager.units(UNDO_TIMER, UNDO_SERVICE)
    return any(unit.active_state in busy for unit in units)


def refuse_while_tried(host: Host) -> None:
    """Raise RefusedError while a trial waits for its answer; for who holds the lock.

    A trial that was cut off before anything of it was applied is forgotten.
    """
    trial = read_trial(host)
    if trial is None:
        return
    if not is_applied(host, trial):
        end_trial(host)
        return
    raise RefusedError(
        f"nothing was applied: what {trial.by or 'somebody'} is trying since"
        f" {trial.began:%H:%M:%S} UTC is not confirmed yet",
        fix="keep it with `debvisor-timers confirm`, or take it back with"
        " `debvisor-timers rollback`",
    )


def prune_generations(host: Host, keep: int) -> None:
    """Remove all but the newest generations, but not the one that a trial would go back to."""
    trial = read_trial(host)
    generations(host).prune(keep, spare=trial.base if trial else None)


def _parsed(plain: object) -> Trial:
    if not isinstance(plain, Mapping):
        raise TypeError("no mapping")
    return Trial(
        base=int(plain["base"]),
        by=str(plain["by"]),
        began=datetime.fromisoformat(plain["began"]),
        deadline=datetime.fromisoformat(plain["deadline"]),
        before=parsed_entries(plain["before"]),
        edits=tuple(parsed_edit(*edit) for edit in plain.get("edits", ())),
        owner=str(plain.get("owner", "")),
    )
