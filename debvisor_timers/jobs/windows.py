# SPDX-License-Identifier: Apache-2.0
"""Maintenance windows of config.yaml: times in which nothing is started but by hand."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from pydantic import model_validator

from debvisor_timers.calendar.translate import cron_lines
from debvisor_timers.jobs import checks, values
from debvisor_timers.jobs.faults import fault
from debvisor_timers.jobs.field import Model, key

_SECOND = timedelta(seconds=1)


class MaintenanceWindow(Model):
    """A window that recurs (cron or on_calendar, duration), or a single one (from, until)."""

    cron: values.Cron | None = key(
        None,
        help="When the window begins, as a cron expression. Exactly one of `cron`, `on_calendar` "
        "and `from` is wanted.",
        example="0 1 * * sun",
        shown_default="none",
    )
    on_calendar: values.OnCalendar = key(
        (),
        help="When the window begins, in systemd's own syntax.",
        example="Sun 01:00",
        shown_default="none",
    )
    duration: values.Timespan | None = key(
        None,
        help="How long the window lasts each time; wanted with `cron` and `on_calendar`.",
        example="4h",
        shown_default="none",
    )
    from_: values.Moment | None = key(
        None,
        alias="from",
        help="When a single window begins.",
        example="2026-12-01 22:00",
        shown_default="none",
    )
    until: values.Moment | None = key(
        None,
        help="When a single window ends; wanted with `from`.",
        example="2026-12-02 04:00",
        shown_default="none",
    )
    timezone: values.Zone | None = key(
        None,
        help="The time zone that the window is meant in.",
        example="Europe/Amsterdam",
        shown_default="the zone of the host",
    )
    reason: values.Line = key(
        "",
        help="What is done in the window, for people; the history of a skipped run tells it.",
        example="kernel updates",
    )
    jobs: tuple[values.JobId, ...] = key(
        (),
        help="The jobs that the window holds off, by their ids.",
        example=["nightly-backup"],
        shown_default="all jobs",
    )
    except_: tuple[values.JobId, ...] = key(
        (),
        alias="except",
        help="The jobs that the window does not hold off, by their ids.",
        example=["watchdog"],
        shown_default="no job",
    )

    @model_validator(mode="after")
    def _one_kind(self) -> MaintenanceWindow:
        starts = [self.cron, self.on_calendar or None, self.from_]
        if sum(start is not None for start in starts) != 1:
            raise fault(
                "has no beginning" if not any(starts) else "has more than one beginning",
                fix="write exactly one of cron, on_calendar and from",
            )
        if self.from_ is None:
            self._check_recurring()
        else:
            self._check_single(self.from_)
        if self.jobs and self.except_:
            raise fault("has both jobs and except", fix="remove one of them")
        return self

    def _check_recurring(self) -> None:
        if self.until is not None:
            raise fault("has until without from", fix="write duration instead of until")
        if self.duration is None:
            raise fault("has no end", fix="add how long it lasts: duration: 4h")
        if self.duration < _SECOND:
            raise fault("lasts less than a second", fix="write a duration such as 4h")
        if self.timezone:
            checks.check_no_zone_of_its_own(self.on_calendar)

    def _check_single(self, begin: datetime) -> None:
        if self.duration is not None:
            raise fault("has from and duration", fix="write until instead of duration")
        if self.until is None:
            raise fault("has no end", fix="add when it ends: until: 2026-12-02 04:00")
        if self.until <= begin:
            raise fault("ends before it begins", fix="write a later time for until")

    def concerns(self, job_id: str) -> bool:
        """Return True when this window holds the job off."""
        return job_id not in self.except_ and (not self.jobs or job_id in self.jobs)

    def calendar_lines(self, host_zone: str) -> Iterator[tuple[str, timedelta]]:
        """Yield each OnCalendar= line at which the window begins, and how long it then lasts.

        A zone is named where the window names one. A single window is told in UTC, exact also
        where the clock changes in it.
        """
        zone = self.timezone or host_zone
        if self.from_ is not None and self.until is not None:
            begin, end = (each.replace(tzinfo=ZoneInfo(zone)) for each in (self.from_, self.until))
            begin, end = begin.astimezone(UTC), end.astimezone(UTC)
            if begin < end:
                yield f"{begin:%Y-%m-%d %H:%M:%S} UTC", end - begin
        elif self.duration is not None:
            for line in self._recurring_lines(host_zone):
                yield line, self.duration

    def _recurring_lines(self, host_zone: str) -> Iterable[str]:
        zone = self.timezone
        if self.cron is not None:
            expression = checks.cron_expression(self.cron)
            return cron_lines(expression, zone=zone, host_zone=host_zone)
        return [f"{line} {zone}" if zone else line for line in self.on_calendar]
