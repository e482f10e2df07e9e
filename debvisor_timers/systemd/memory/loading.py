# SPDX-License-Identifier: Apache-2.0
"""How the twin reads units from its disk, and when it forgets them (garbage collection)."""

from __future__ import annotations

from debvisor_timers.systemd.memory.calendar import CalendarError, parse_calendar
from debvisor_timers.systemd.memory.state import Loaded, State
from debvisor_timers.systemd.memory.unit_text import UnitText, parse_unit
from debvisor_timers.systemd.ports import ActiveState, FileEntry, LinkEntry

MONOTONIC = ("OnBootSec", "OnStartupSec", "OnActiveSec", "OnUnitActiveSec", "OnUnitInactiveSec")
PATH_LINES = ("PathExists", "PathChanged")
_STOPPED_WITH = ("PartOf", "StopPropagatedFrom", "Requires", "BindsTo")
_REFERENCES = (
    "Requires",
    "Requisite",
    "BindsTo",
    "Wants",
    "PartOf",
    "StopPropagatedFrom",
    "After",
    "Before",
    "OnFailure",
)


def load(state: State, name: str) -> Loaded:
    """Return the unit `name` as it is in memory, read now if it was not."""
    if (unit := state.loaded.get(name)) is None:
        unit = state.loaded[name] = Loaded(name=name)
        refresh(state, unit)
        for other in sorted(unit.references):
            load(state, other)
    return unit


def refresh(state: State, unit: Loaded) -> None:
    """Read the file of `unit` (again)."""
    unit.load_state, unit.text = _read(state, unit.name)
    unit.wants = _wants(state, unit)
    unit.stopped_with = frozenset(_words(unit, _STOPPED_WITH))
    references = _words(unit, _REFERENCES)
    if unit.kind in {"timer", "path"} and unit.load_state == "loaded":
        references.add(unit.triggers)
    unit.references = frozenset(references | unit.wants)


def is_outdated(state: State, unit: Loaded) -> bool:
    """Return True when the file says something else than what was read."""
    return _read(state, unit.name) != (unit.load_state, unit.text)


def collect(state: State) -> None:
    """Forget every unit that does nothing, did not fail, and is needed by none that is kept."""
    kept: set[str] = set()
    queue = [name for name, unit in state.loaded.items() if _keeps_itself(state, unit)]
    while queue:
        name = queue.pop()
        if name not in kept and name in state.loaded:
            kept.add(name)
            queue.extend(state.loaded[name].references)
    for name in state.loaded.keys() - kept:
        del state.loaded[name]
        state.transient.pop(name, None)


def _keeps_itself(state: State, unit: Loaded) -> bool:
    return unit.active is not ActiveState.INACTIVE or unit.name in state.enabled


def _wants(state: State, unit: Loaded) -> frozenset[str]:
    wanted = set(unit.text.words("Unit", "Wants"))
    # Other units can have such a folder as well; ours do not.
    if unit.kind == "target":
        folder = f"{unit.name}.wants/"
        wanted |= {name.removeprefix(folder) for name in state.disk if name.startswith(folder)}
    return frozenset(wanted)


def _words(unit: Loaded, keys: tuple[str, ...]) -> set[str]:
    return {word for key in keys for word in unit.text.words("Unit", key)}


def _read(state: State, name: str) -> tuple[str, UnitText]:
    match state.disk.get(name):
        case FileEntry(text=text):
            unit = parse_unit(text)
        case LinkEntry(target="/dev/null"):
            return "masked", UnitText()
        case _ if name in state.transient:
            unit = parse_unit(state.transient[name])
        case _ if name in state.shipped:
            unit = parse_unit(state.shipped[name])
        case _:
            return "not-found", UnitText()
    return ("loaded" if _is_complete(name, unit) else "bad-setting"), unit


def _is_complete(name: str, unit: UnitText) -> bool:
    if name.endswith(".service"):
        return bool(unit.get("Service", "ExecStart"))
    if name.endswith(".timer"):
        spans = any(unit.get("Timer", key) for key in MONOTONIC)
        return spans or any(_is_calendar(spec) for spec in unit.get("Timer", "OnCalendar"))
    if name.endswith(".path"):
        return any(unit.get("Path", key) for key in PATH_LINES)
    return True


def _is_calendar(spec: str) -> bool:
    try:
        parse_calendar(spec)
    except CalendarError:
        return False
    return True
