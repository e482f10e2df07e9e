# SPDX-License-Identifier: Apache-2.0
"""Letting nothing start by the end of a pause or of maintenance."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterable, Sequence
from datetime import timedelta

from debvisor_timers.operations.applying.timers import Unarmed
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.runs.running import running_jobs
from debvisor_timers.render.names import job_of, path_unit, service_unit, timer_unit
from debvisor_timers.render.path import awaited_paths
from debvisor_timers.systemd.ports import ActiveState, Entry, FileEntry

_SKIP = timedelta(seconds=10)
"""A skip of a path trigger takes `begin` three seconds."""


def miss_elapses(host: Host, jobs: Iterable[str]) -> None:
    """Let timers of `jobs` that do not run catch up nothing that came until now.

    A timer that runs has fired for all that came, and `begin` has skipped it.
    """
    wanted = {timer_unit(job_id) for job_id in jobs}
    on_disk = host.units.read()
    stopped = {name for name in wanted if _catches_up(on_disk.get(name))}
    if not stopped:
        return
    active = {
        unit.name
        for unit in host.manager.units("debvisor-job-*.timer")
        if unit.active_state is ActiveState.ACTIVE
    }
    for name in sorted(stopped - active):
        host.manager.touch_stamp(name)


def hold_paths(host: Host, jobs: Collection[str]) -> tuple[Unarmed, ...]:
    """Stop the path units of `jobs` that would start their job at once: their path is there."""
    held = paths_to_hold(host, jobs)
    units = [one.unit for one in held]
    try:
        stop_paths(host, units)
    except BaseException:
        host.manager.start(units)  # their jobs are held back still
        raise
    return held


def paths_to_hold(host: Host, jobs: Collection[str]) -> tuple[Unarmed, ...]:
    """Return the path units of `jobs` that run and would start their job at once."""
    on_disk = host.units.read()
    awaited = {
        path_unit(job_id): awaited_paths(entry.text)
        for job_id in jobs
        if isinstance(entry := on_disk.get(path_unit(job_id)), FileEntry)
    }
    if not any(awaited.values()):
        return ()
    return tuple(
        Unarmed(unit=unit.name, path=there[0])
        for unit in host.manager.units(*awaited)
        if unit.active_state is ActiveState.ACTIVE
        and (there := [path for path in awaited[unit.name] if host.manager.exists(path)])
    )


def stop_paths(host: Host, units: Sequence[str]) -> None:
    """Stop path units, and wait for what they have just started: it is to find the pause."""
    if not units:
        return
    host.manager.stop(units)
    deadline = time.monotonic() + _SKIP.total_seconds()
    services = [service_unit(job_id) for name in units if (job_id := job_of(name))]
    while running_jobs(host.manager.units(*services)) and time.monotonic() < deadline:
        time.sleep(0.05)


def _catches_up(entry: Entry | None) -> bool:
    # A line of its own, which no value can hold: to parse a thousand timers takes a second.
    text = entry.text if isinstance(entry, FileEntry) else ""
    return "\nX-CatchUp=" in text and "\nX-CatchUp=skip\n" not in text
