# SPDX-License-Identifier: Apache-2.0
"""When the twin's timers elapse, by the rules of systemd 257."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta
from functools import lru_cache

from debvisor_timers.jobs.duration import parse_timespan
from debvisor_timers.systemd.memory.calendar import Calendar, CalendarError, parse_calendar
from debvisor_timers.systemd.memory.loading import MONOTONIC
from debvisor_timers.systemd.memory.state import Loaded, State


def arm(state: State, timer: Loaded) -> None:
    """Work out when `timer` elapses next, which may be in the past: then it is due at once."""
    elapses = [*_calendar_elapses(state, timer), *_monotonic_elapses(state, timer)]
    timer.next_elapse = min(elapses) + _delay(timer) if elapses else None
    timer.sub = "waiting" if elapses else "elapsed"


def _delay(timer: Loaded) -> timedelta:
    """Return the delay of RandomizedDelaySec=: always fixed, by the name of the timer alone."""
    longest = parse_timespan(timer.text.last("Timer", "RandomizedDelaySec") or "0")
    if not longest:
        return timedelta()
    number = int.from_bytes(hashlib.sha256(timer.name.encode()).digest()[:8], "big")
    return timedelta(microseconds=number % (longest // timedelta(microseconds=1)))


def is_persistent(timer: Loaded) -> bool:
    """Return True when systemd keeps a stamp of the timer on disk."""
    return timer.text.is_on("Timer", "Persistent") and bool(timer.text.get("Timer", "OnCalendar"))


def _calendar_elapses(state: State, timer: Loaded) -> Iterator[datetime]:
    # systemd 257: what counts is the last elapse, or else when the timer was last activated, even
    # if it was stopped in between: a timer that stays loaded fires on start for what it missed.
    base = timer.last_trigger or timer.activated or state.now
    service = state.loaded.get(timer.triggers)
    if timer.text.is_on("Timer", "DeferReactivation") and service and service.deactivated:
        base = max(base, service.deactivated)
    for spec in timer.text.get("Timer", "OnCalendar"):
        calendar = _calendar(spec)
        elapse = calendar.next_elapse(base, state.local()) if calendar else None
        if elapse is not None:
            yield max(elapse, state.booted)


def _monotonic_elapses(state: State, timer: Loaded) -> Iterator[datetime]:
    for key in MONOTONIC:
        base = _base(state, timer, key)
        for value in timer.text.get("Timer", key):
            span = parse_timespan(value)
            if base is None or span is None or f"{key}={value}" in timer.spent:
                continue
            elapse = base + span
            # systemd compares with `<`; here no time passes between an elapse and the next look.
            if key in MONOTONIC[:3] and timer.last_trigger and elapse <= state.now:
                timer.spent.add(f"{key}={value}")
            else:
                yield elapse


def _base(state: State, timer: Loaded, key: str) -> datetime | None:
    if key in {"OnBootSec", "OnStartupSec"}:
        return state.booted
    if key == "OnActiveSec":
        return timer.activated if timer.is_up and timer.activated else state.now
    service = state.loaded.get(timer.triggers)
    changed = service and (service.activated if key == "OnUnitActiveSec" else service.deactivated)
    return max((at for at in (changed, timer.last_trigger) if at), default=None)


@lru_cache(maxsize=4096)
def _calendar(spec: str) -> Calendar | None:
    """Return the calendar; None for one that systemd ignores with a warning."""
    try:
        return parse_calendar(spec)
    except CalendarError:
        return None
