# SPDX-License-Identifier: Apache-2.0
"""What the timers of a job say: the values of job.timer.j2 and boot.timer.j2."""

from __future__ import annotations

from typing import Any

from debvisor_timers.calendar.oncalendar import to_oncalendar
from debvisor_timers.jobs.catch_up import SKIP
from debvisor_timers.jobs.model import Job
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
    "Unit": (*_UNIT, Row("PartOf"), Row("Wants")),
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
    """Return the OnCalendar= values of `job`; none for a job without a schedule.

    A zone is named only where it is not `host_zone`: systemd 257 forks a process for each
    evaluation of a line with a zone.
    """
    schedule = job.schedule
    if schedule is None:
        return ()
    expression = schedule.expression
    lines = schedule.on_calendar if expression is None else to_oncalendar(expression)
    if schedule.timezone is None or schedule.timezone == host_zone:
        return lines
    return tuple(f"{line} {schedule.timezone}" for line in lines)


def timer_values(job: Job, host_zone: str) -> dict[str, Any]:
    """Return the values of job.timer.j2, as plain as the job has them."""
    schedule = job.schedule
    return {
        "description": job.title,
        "on_calendar": calendar_lines(job, host_zone),
        "catch_up": str(schedule.catch_up if schedule else SKIP),
        "jitter": schedule.jitter if schedule else None,
        "timer_directives": pairs(job.unit.Timer),
    }


def boot_values(job: Job) -> dict[str, Any]:
    """Return the values of boot.timer.j2, as plain as the job has them."""
    return {
        "description": job.title,
        "on_boot": tuple(trigger.boot for trigger in job.triggers),
        "service": service_unit(job.id),
    }
