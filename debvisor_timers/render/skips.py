# SPDX-License-Identifier: Apache-2.0
"""When a run is skipped: what `begin` reads in the service of a job, in section [Service].

In the service, not in the timer, so that a change restarts no timer; systemd passes over X-.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from typing import Any

from debvisor_timers.calendar.exclusions import is_calendar_name
from debvisor_timers.jobs import checks
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.schedule import Schedule
from debvisor_timers.jobs.windows import MaintenanceWindow
from debvisor_timers.render.check import How, Row

SKIPS = (
    Row("X-Exclude", "exclude", How.EACH),
    Row("X-ExcludeZone", "exclude_zone", How.IF_ANY),
    Row("X-Maintenance", "maintenance", How.EACH),
)
"""Rows of the table of services."""

OWN_DATES = "-"
"""What stands in the place of a calendar's name before the dates of the job itself."""


def skip_values(
    job: Job,
    host_zone: str,
    *,
    calendars: Mapping[str, Sequence[str]],
    windows: Sequence[MaintenanceWindow],
) -> dict[str, Any]:
    """Return the values of job.service.j2 that say when a run of `job` is skipped."""
    schedule = job.schedule
    exclude = () if schedule is None else tuple(_exclude(schedule, calendars))
    return {
        "exclude": exclude,
        "exclude_zone": exclude_zone(schedule) if schedule is not None and exclude else "",
        "maintenance": tuple(_maintenance(job, host_zone, windows)),
    }


def _exclude(schedule: Schedule, calendars: Mapping[str, Sequence[str]]) -> Iterator[str]:
    """Yield a line for the job's own dates and for each calendar: its name, then its days."""
    own = [item for item in schedule.exclude if not is_calendar_name(item)]
    if own:
        yield " ".join([OWN_DATES, *own])
    for item in schedule.exclude:
        if is_calendar_name(item) and calendars[item]:
            yield " ".join([item, *calendars[item]])


def exclude_zone(schedule: Schedule) -> str:
    """Return the time zone that `schedule` names, empty for the host's.

    Lines of `on_calendar` may end in one: where they do not agree it is the host's.
    """
    zones = {checks.zone_of_line(line) for line in schedule.on_calendar}
    return schedule.timezone or (zones.pop() if len(zones) == 1 else "")


def _maintenance(job: Job, host_zone: str, windows: Sequence[MaintenanceWindow]) -> Iterator[str]:
    """Yield `14400s | Sun *-*-* 01:00:00 | kernel updates` for each line of each window.

    The reason comes last: a bar in it cannot be taken for another. None for a job that is only
    started by hand.
    """
    if job.is_step:
        return
    for window in windows:
        if window.concerns(job.id):
            for line, duration in window.calendar_lines(host_zone):
                parts = [f"{_whole_seconds(duration)}s", line, window.reason]
                yield " | ".join(filter(None, parts))


def _whole_seconds(duration: timedelta) -> int:
    return -(-duration // timedelta(seconds=1))
