# SPDX-License-Identifier: Apache-2.0
"""When a job runs: schedules, as models whose fields are rows of the table of keys."""

from __future__ import annotations

from datetime import timedelta
from enum import StrEnum
from typing import Any

from pydantic import model_validator

from debvisor_timers.calendar.cron import CronExpression
from debvisor_timers.jobs import checks, values
from debvisor_timers.jobs.catch_up import SKIP
from debvisor_timers.jobs.faults import fault
from debvisor_timers.jobs.field import Model, key


class ClockChanges(StrEnum):
    """Whose rule holds on the days when clocks change."""

    CRON = "cron"
    SYSTEMD = "systemd"


class Schedule(Model):
    """When a job runs: a cron expression, or lines of systemd's own syntax."""

    cron: values.Cron | None = key(
        None,
        help="A cron expression of five fields, or a macro such as @daily. Exactly one of `cron` "
        "and `on_calendar` is wanted. A bare text as `schedule` is the same as this key alone.",
        directive="OnCalendar=",
        example="0 2 * * *",
        shown_default="none",
    )
    on_calendar: values.OnCalendar = key(
        (),
        help="A time in systemd's own syntax, see systemd.time(7), or a list of them.",
        directive="OnCalendar=",
        example="Mon..Fri 03:00",
        shown_default="none",
    )
    timezone: values.Zone | None = key(
        None,
        help="The time zone that the schedule is meant in.",
        directive="OnCalendar=",
        example="Europe/Amsterdam",
        shown_default="the zone of the host",
    )
    catch_up: values.CatchUp = key(
        SKIP,
        help="What happens to times that passed while the host was off: `skip` leaves them out, "
        "`once` runs the job one time soon after the boot, however many were missed, and "
        "`{within: 6h}` does so only if one of them is no older than that. A `jitter` delays "
        "such a run as well.",
        directive="Persistent=",
        example={"within": "6h"},
    )
    jitter: values.Delay = key(
        timedelta(),
        help="The longest delay of a run. Each job has its own on each host, below this one, and "
        "keeps it: across reloads, reboots and applies. It has to be shorter than the time "
        "between two runs.",
        directive="RandomizedDelaySec=, FixedRandomDelay=",
        example="10min",
        shown_default="no delay",
    )
    dst: ClockChanges = key(
        ClockChanges.CRON,
        help="Whose rule holds on the days when clocks change. `cron`: what falls into the hour "
        "that does not exist runs right after it, and in the hour that comes twice only the "
        "first time; but jobs whose minute or hour begins with * follow the clock on the wall. "
        "`systemd`: what falls into the first is left out, and the second is passed only once. "
        "For `cron` expressions; lines of `on_calendar` are always as systemd has them.",
        directive="OnCalendar=",
        example="systemd",
    )

    exclude: values.Exclude = key(
        (),
        help="Days on which the schedule does not start the job: dates, ranges of dates, those of "
        'every year ("*-12-25"), and names of calendars that config.yaml has. What counts is the '
        "date, in the zone of the schedule, of the time for which a run was due. Such a run is "
        "recorded as skipped, with the reason. One text is the same as a list of it.",
        directive="X-Exclude=",
        example=["*-12-25", "2026-12-28..2026-12-30"],
        shown_default="no day",
    )

    @model_validator(mode="before")
    @classmethod
    def _bare_text_is_cron(cls, value: Any) -> Any:
        return {"cron": value} if isinstance(value, str) else value

    @model_validator(mode="after")
    def _exactly_one(self) -> Schedule:
        if (self.cron is None) == (not self.on_calendar):
            both = "has both cron and on_calendar" if self.cron else "has no time"
            raise fault(both, fix="write exactly one of cron and on_calendar")
        if self.timezone:
            checks.check_no_zone_of_its_own(self.on_calendar)
        return self

    @property
    def expression(self) -> CronExpression | None:
        """Return the cron expression as a value; None for `on_calendar`."""
        return None if self.cron is None else checks.cron_expression(self.cron)
