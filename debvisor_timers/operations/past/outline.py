# SPDX-License-Identifier: Apache-2.0
"""What the units on disk tell of a job: its title, its time-out, its calendar. No YAML is read."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import timedelta

from debvisor_timers.operations.host import Host
from debvisor_timers.render.names import service_unit, timer_unit
from debvisor_timers.systemd.ports import Entry, FileEntry

_LINE = re.compile(r"^([A-Za-z-]+)=(.*)$", re.MULTILINE)
_PART = re.compile(r"([0-9]+(?:\.[0-9]+)?)([a-z]*)")
_SECONDS = {
    "us": 1e-6,
    "ms": 1e-3,
    "s": 1.0,
    "": 1.0,
    "min": 60.0,
    "h": 3600.0,
    "d": 86_400.0,
    "w": 604_800.0,
}
"""The units that rendering writes; nobody else's are read here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Outline:
    """A job as its units have it.

    timeout: of one attempt; None for none. on_calendar: the lines of its timer.
    """

    title: str
    timeout: timedelta | None
    on_calendar: tuple[str, ...]


def read_outline(host: Host, job_id: str) -> Outline | None:
    """Return what the units of a job say; None for one that is not applied."""
    service = host.units.entry(service_unit(job_id))
    return outline(job_id, service, host.units.entry(timer_unit(job_id)))


def outline(job_id: str, service: Entry | None, timer: Entry | None) -> Outline | None:
    """Return what these two units of a job say, None without a service."""
    if not isinstance(service, FileEntry):
        return None
    # What the administrator adds by `unit:` cannot be one of these.
    lines = dict(_LINE.findall(service.text))
    calendar = _LINE.findall(timer.text) if isinstance(timer, FileEntry) else []
    return Outline(
        title=lines.get("Description", job_id).replace("%%", "%"),
        timeout=_timespan(lines.get("X-Timeout") or lines.get("TimeoutStartSec", "infinity")),
        on_calendar=tuple(
            value.replace("%%", "%") for key, value in calendar if key == "OnCalendar"
        ),
    )


def _timespan(text: str) -> timedelta | None:
    """Return the time that a unit names; None for `infinity`, and for what we never write."""
    parts = _PART.findall(text)
    if "".join(number + unit for number, unit in parts) != text or not parts:
        return None
    if any(unit not in _SECONDS for _, unit in parts):
        return None
    return timedelta(seconds=sum(float(number) * _SECONDS[unit] for number, unit in parts))
