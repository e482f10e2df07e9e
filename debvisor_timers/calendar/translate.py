# SPDX-License-Identifier: Apache-2.0
"""From a cron expression to everything that is said about it, for people and line by line."""

from __future__ import annotations

from dataclasses import dataclass

from debvisor_timers.calendar.clock_changes import NO_CHANGES
from debvisor_timers.calendar.cron import CronExpression, parse_cron
from debvisor_timers.calendar.oncalendar import to_oncalendar
from debvisor_timers.calendar.words import in_words
from debvisor_timers.calendar.zones import zone_changes
from debvisor_timers.errors import ScheduleError


@dataclass(frozen=True, slots=True, kw_only=True)
class Translation:
    """A cron expression and the OnCalendar= values that stand for it."""

    expression: CronExpression
    on_calendar: tuple[str, ...]

    @property
    def words(self) -> str:
        """Return the schedule in English; made when asked for, since services do not ask."""
        return in_words(self.expression)


def cron_lines(
    expression: CronExpression, *, zone: str | None, host_zone: str, dst: bool = True
) -> tuple[str, ...]:
    """Return the OnCalendar= values of `expression`, meant in `zone` or else in the host's own.

    dst: fire as cron does on the days of clock changes; else as systemd does.
    A `zone` stands at the end of each line, also where it is the host's, which may change. Lines
    without one follow the host: systemd 257 forks a process for each evaluation of a line with a
    zone, which made a reload of 1,000 nightly jobs take PID 1 5 s of CPU, not 1.2.
    """
    changes = zone_changes(zone or host_zone)
    local, utc = to_oncalendar(expression, changes if dst else NO_CHANGES)
    named = [f"{line} {zone}" for line in local] if zone else local
    return (*named, *(f"{line} UTC" for line in utc))


def translate(
    text: str, *, zone: str | None = None, host_zone: str = "UTC", dst: bool = True
) -> Translation:
    """Return the translation of the cron expression `text`, in `zone` or the host's own.

    Raises ScheduleError for an expression or a zone that systemd could not follow.
    """
    expression = parse_cron(text)
    lines = cron_lines(expression, zone=zone, host_zone=host_zone, dst=dst)
    return Translation(expression=expression, on_calendar=lines)


def translate_line(line: str, *, host_zone: str = "UTC") -> dict[str, object]:
    """Return the answer to one line, `[ZONE<TAB>]EXPRESSION`, ready for JSON.

    `{"expr", "zone" (null without one), "on_calendar"}`, or `{"expr", "error"}`; never raises.
    """
    text = line.rstrip("\r\n")
    zone = None
    if "\t" in text:
        zone, text = _split_zone(text)
    try:
        lines = translate(text, zone=zone, host_zone=host_zone).on_calendar
    except ScheduleError as error:
        return {"expr": text, "error": f"{error.message}; fix: {error.fix}"}
    return {"expr": text, "zone": zone, "on_calendar": lines}


def _split_zone(text: str) -> tuple[str | None, str]:
    """Part the zone from the expression, in which TABs may stand between the fields too."""
    first, _, rest = text.partition("\t")
    zone = first.strip(" ")
    words = rest.split()
    is_expression = len(words) == 5 or (bool(words) and words[0].startswith("@"))
    if zone and (is_expression or zone[0].isalpha()):
        return zone, rest
    return None, text
