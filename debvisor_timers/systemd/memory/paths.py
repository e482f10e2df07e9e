# SPDX-License-Identifier: Apache-2.0
"""When the twin's path units fire, by the rules of systemd 257."""

from __future__ import annotations

from debvisor_timers.jobs.duration import parse_timespan
from debvisor_timers.systemd.memory.state import Loaded, State


def arm_path(state: State, unit: Loaded) -> None:
    """Let `unit` wait: it is due at once while a path exists that it awaits."""
    awaited = unit.text.get("Path", "PathExists")
    unit.next_elapse = state.now if any(path in state.paths for path in awaited) else None
    unit.sub = "waiting"


def note_change(state: State, path: str) -> None:
    """Let each path unit be due that waits for a change of `path`, or for its existence.

    One whose service runs does not watch, and misses the change.
    """
    changed = {path, path.rpartition("/")[0]}
    for unit in state.loaded.values():
        if unit.kind == "path" and unit.sub == "waiting":
            arm_path(state, unit)
            if changed & set(unit.text.get("Path", "PathChanged")):
                unit.next_elapse = state.now


def is_over_limit(state: State, unit: Loaded) -> bool:
    """Return True when `unit` fires too often; counts this time."""
    interval = parse_timespan(unit.text.last("Path", "TriggerLimitIntervalSec", "2s"))
    burst = int(unit.text.last("Path", "TriggerLimitBurst", "200"))
    unit.fired = [at for at in unit.fired if interval is None or at > state.now - interval]
    if len(unit.fired) >= burst:
        return True
    unit.fired.append(state.now)
    return False
