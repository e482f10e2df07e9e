# SPDX-License-Identifier: Apache-2.0
"""What the timers of a job say: the values of job.timer.j2 and boot.timer.j2."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from debvisor_timers.calendar.translate import cron_lines
from debvisor_timers.calendar.zones import zone_changes
from debvisor_timers.jobs.catch_up import SKIP
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.schedule import ClockChanges
from debvisor_timers.render.check import How, Row, UnitTable
from debvisor_timers.render.names import service_unit
from debvisor_timers.render.service import pairs

# Without StartLimitIntervalSec=0 systemd 257 leaves a timer dead that is started for the sixth time
# within ten seconds: by some quick applies, or with the emergency brake.
_UNIT = (
    Row("Description"),
    Row("Documentation"),
    Row("After"),
    Row("StartLimitIntervalSec"),
)

TIMER: UnitTable = {
    "Unit": (
        *_UNIT,
        Row("PartOf"),
        Row("Wants"),
        # Not in [Timer]: another name for the same changes restarts no timer.
        Row("X-ClockChanges", "clock_changes", How.IF_ANY),
    ),
    "Timer": (
        Row("OnCalendar", "on_calendar", How.EACH),
        Row("AccuracySec"),
        Row("Persistent"),
        Row("X-CatchUp"),
        Row("DeferReactivation"),
        Row("RandomizedDelaySec", "jitter", How.IF_ANY),
        Row("FixedRandomDelay", "jitter", How.IF_ANY),
        Row("", "timer_directives", How.PAIRS),
    ),
    "Install": (Row("WantedBy"),),
}
"""Every directive that the timer of a schedule can have."""

BOOT_TIMER: UnitTable = {
    "Unit": (*_UNIT, Row("StopPropagatedFrom")),
    "Timer": (Row("OnBootSec", "on_boot", How.EACH), Row("AccuracySec"), Row("Unit")),
    "Install": (Row("WantedBy"),),
}
"""Every directive that the timer of a boot trigger has.

A timer of its own: an OnBootSec= that has passed fires as soon as its timer is started (systemd
257), so `apply` must be able to start the schedule without it; and no PartOf=, which would start it
by `systemctl restart debvisor-timers.target`.
"""


def calendar_lines(job: Job, host_zone: str) -> tuple[str, ...]:
    """Return the OnCalendar= values of `job`; none for a job without a schedule."""
    schedule = job.schedule
    if schedule is None:
        return ()
    zone = schedule.timezone
    if schedule.expression is not None:
        dst = schedule.dst is ClockChanges.CRON
        return cron_lines(schedule.expression, zone=zone, host_zone=host_zone, dst=dst)
    return tuple(f"{line} {zone}" if zone else line for line in schedule.on_calendar)


def schedule_zone(job: Job, host_zone: str) -> str:
    """Return the zone that the schedule of `job` is meant in."""
    return (job.schedule and job.schedule.timezone) or host_zone


def clock_changes(zone: str, lines: Sequence[str]) -> str:
    """Return `zone` and the law of its clock changes, if there are `lines` because of them.

    A law that changes makes these lines stale.
    """
    changes = zone_changes(zone)
    has_lines = changes.changes and any(line.endswith(" UTC") for line in lines)
    return f"{zone}, {changes.law}" if has_lines else ""


def timer_values(job: Job, host_zone: str) -> dict[str, Any]:
    """Return the values of job.timer.j2, as plain as the job has them."""
    schedule = job.schedule
    lines = calendar_lines(job, host_zone)
    return {
        "description": job.title,
        "clock_changes": clock_changes(schedule_zone(job, host_zone), lines),
        "on_calendar": lines,
        "catch_up": str(schedule.catch_up if schedule else SKIP),
        "jitter": schedule.jitter if schedule else None,
        "timer_directives": pairs(job.unit.Timer),
    }


def boot_values(job: Job) -> dict[str, Any]:
    """Return the values of boot.timer.j2, as plain as the job has them."""
    return {
        "description": job.title,
        "on_boot": job.boot_delays,
        "service": service_unit(job.id),
    }
