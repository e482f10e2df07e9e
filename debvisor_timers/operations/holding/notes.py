# SPDX-License-Identifier: Apache-2.0
"""What people should know of what is held back; none of it needs attention."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from debvisor_timers.operations.holding.marks import Held, Mark
from debvisor_timers.operations.host import Host

_LONG = timedelta(days=30)
_NAMED = 3


def held_notes(host: Host) -> Iterator[str]:
    """Yield a sentence for maintenance, one for pauses, one for each that may be forgotten, and
    one for runs that are skipped on request.
    """
    now = host.clock.now()
    held, name = Held.read(host.layout, now), host.clock.zone()
    zone = UTC if name == "UTC" else ZoneInfo(name)
    if held.maintenance:
        words = _since(held.maintenance, zone)
        yield f"the host is in maintenance{words}: its schedules start nothing"
    if held.pauses:
        are = "job is" if len(held.pauses) == 1 else "jobs are"
        yield f"{len(held.pauses)} {are} paused: {_some(list(held.pauses))}"
    forgotten = {name: mark for name, mark in held.pauses.items() if _is_forgotten(mark, now)}
    for job_id, mark in list(forgotten.items())[:_NAMED]:
        yield f"{job_id} is paused{_since(mark, zone)}: debvisor-timers resume {job_id}"
    if len(forgotten) > _NAMED:
        yield f"{len(forgotten)} jobs are paused for more than {_LONG.days} days, without an end"
    if held.skips:
        yield f"the next runs are skipped on request of: {_some(list(held.skips))}"


def _is_forgotten(mark: Mark, now: datetime) -> bool:
    return mark.until is None and mark.since is not None and now - mark.since > _LONG


def _since(mark: Mark, zone: tzinfo) -> str:
    """Return ` since 2026-11-23 12:00, until 2026-11-24 06:00, by anna (new disk)`."""
    parts = []
    if mark.since:
        parts.append(f" since {_at(mark.since, zone)}")
    parts.append(f" until {_at(mark.until, zone)}" if mark.until else " without an end")
    words = ",".join(parts)
    by = f", by {mark.by}" if mark.by else ""
    return f"{words}{by}" + (f" ({mark.reason})" if mark.reason else "")


def _at(moment: datetime, zone: tzinfo) -> str:
    return f"{moment.astimezone(zone):%Y-%m-%d %H:%M}"


def _some(names: list[str]) -> str:
    left = len(names) - _NAMED
    return ", ".join(names[:_NAMED]) + (f" and {left} more" if left > 0 else "")
