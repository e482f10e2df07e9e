# SPDX-License-Identifier: Apache-2.0
"""Which timers and path units an apply has to stop and to start."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

from debvisor_timers.layout import BOOT_TARGET, TARGET
from debvisor_timers.operations.applying.plan import Plan
from debvisor_timers.render.names import is_path_unit, is_trigger_unit
from debvisor_timers.render.path import awaited_paths
from debvisor_timers.render.unitfile import UnitFile
from debvisor_timers.systemd.ports import ActiveState, Entry, FileEntry, UnitState


@dataclass(frozen=True, slots=True, kw_only=True)
class Unarmed:
    """A path unit that is not started, since it would start its job at once: `path` is there."""

    unit: str
    path: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TimerMoves:
    """Timers and path units by what happens to them, each tuple sorted.

    stopped: running, and changed, disabled or removed. started: new, newly enabled and not running,
    or changed and running before; never a boot trigger, since an OnBootSec= that has passed fires
    at once (systemd 257), and no path unit that would (`unarmed`).
    """

    stopped: tuple[str, ...]
    started: tuple[str, ...]
    unarmed: tuple[Unarmed, ...] = ()


def timer_moves(plan: Plan, loaded: list[UnitState], exists: Callable[[str], bool]) -> TimerMoves:
    """Return the moves that bring the timers from what runs (`loaded`) to what `plan` says.

    A timer that somebody stopped by hand stays stopped, unless it is new or newly enabled.
    exists: whether there is a file of that path.
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
    held = [one for name in sorted(started) for one in _unarmed(name, after.get(name), exists)]
    return TimerMoves(
        stopped=tuple(sorted(stopped)),
        started=tuple(sorted(started - {one.unit for one in held})),
        unarmed=tuple(held),
    )


def _unarmed(name: str, entry: Entry | None, exists: Callable[[str], bool]) -> Iterator[Unarmed]:
    """Yield the path unit if a path that it awaits is there, once."""
    if is_path_unit(name) and isinstance(entry, FileEntry):
        there = [path for path in awaited_paths(entry.text) if exists(path)]
        yield from (Unarmed(unit=name, path=path) for path in there[:1])


def _changed(plan: Plan) -> set[str]:
    """Return those whose [Timer] or [Path] differs; a new description alone stops nothing."""
    return {
        change.name
        for job in plan.jobs
        for change in job.entries
        if is_trigger_unit(change.name)
        and "/" not in change.name
        and not _is_same(change.before, change.after)
    }


def links(entries: Mapping[str, Entry], target: str) -> set[str]:
    """Return the timers and path units that `entries` of the unit folder enable in `target`."""
    folder = f"{target}.wants/"
    return {name.removeprefix(folder) for name in entries if name.startswith(folder)}


def _is_same(before: Entry | None, after: Entry | None) -> bool:
    if not (isinstance(before, FileEntry) and isinstance(after, FileEntry)):
        return before == after
    return _own_section(before) == _own_section(after)


def _own_section(entry: FileEntry) -> object:
    unit = UnitFile.parse(entry.text)
    return unit.items("Timer"), unit.items("Path")
