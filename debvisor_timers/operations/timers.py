# SPDX-License-Identifier: Apache-2.0
"""Which timers an apply has to stop and to start."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from debvisor_timers.layout import BOOT_TARGET, TARGET
from debvisor_timers.operations.plan import Plan
from debvisor_timers.render.unitfile import UnitFile
from debvisor_timers.systemd.ports import ActiveState, Entry, FileEntry, UnitState


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerMoves:
    """Timer units by what happens to them, each tuple sorted.

    stopped: running, and changed, disabled or removed. started: new, newly enabled and not running,
    or changed and running before; never a boot trigger, since an OnBootSec= that has passed fires
    at once (systemd 257).
    """

    stopped: tuple[str, ...]
    started: tuple[str, ...]


def timer_moves(plan: Plan, loaded: list[UnitState]) -> TimerMoves:
    """Return the moves that bring the timers from what runs (`loaded`) to what `plan` says.

    A timer that somebody stopped by hand stays stopped, unless it is new or newly enabled.
    """
    before, after = plan.entries, plan.entries_after
    states = {unit.name: unit.active_state for unit in loaded}
    changed = _changed(plan)
    was_enabled, is_enabled = links(before, TARGET), links(after, TARGET)
    boot_disabled = links(before, BOOT_TARGET) - links(after, BOOT_TARGET)
    active = {name for name, state in states.items() if state is ActiveState.ACTIVE}
    failed = {name for name, state in states.items() if state is ActiveState.FAILED}
    stopped = (changed | (was_enabled - is_enabled) | boot_disabled) & active
    # `systemctl disable` without --now leaves a timer running: an undo must not stop that one.
    started = (is_enabled - was_enabled - (active - stopped)) | (
        is_enabled & changed & (active | failed)
    )
    return TimerMoves(stopped=tuple(sorted(stopped)), started=tuple(sorted(started)))


def _changed(plan: Plan) -> set[str]:
    """Return the timers whose [Timer] section differs; a new description alone stops nothing."""
    return {
        change.name
        for job in plan.jobs
        for change in job.entries
        if change.name.endswith(".timer")
        and "/" not in change.name
        and not _same_timer(change.before, change.after)
    }


def links(entries: Mapping[str, Entry], target: str) -> set[str]:
    """Return the timers that `entries` of the unit folder enable in `target`."""
    folder = f"{target}.wants/"
    return {name.removeprefix(folder) for name in entries if name.startswith(folder)}


def _same_timer(before: Entry | None, after: Entry | None) -> bool:
    if not (isinstance(before, FileEntry) and isinstance(after, FileEntry)):
        return before == after
    return _timer_section(before) == _timer_section(after)


def _timer_section(entry: FileEntry) -> object:
    return UnitFile.parse(entry.text).items("Timer")
