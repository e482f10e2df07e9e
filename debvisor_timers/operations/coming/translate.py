# SPDX-License-Identifier: Apache-2.0
"""translate: a cron expression in systemd's words, and when systemd would elapse it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from debvisor_timers.calendar.translate import Translation, translate
from debvisor_timers.operations.host import Host


@dataclass(frozen=True, slots=True, kw_only=True)
class TranslatedSchedule:
    """A translation and its next elapses: aware, UTC, ascending."""

    translation: Translation
    next_starts: tuple[datetime, ...]


def translate_schedule(
    host: Host, text: str, *, zone: str | None, count: int
) -> TranslatedSchedule:
    """Translate the cron expression `text`, meant in `zone` or in the host's own.

    Raises ScheduleError when it cannot be told to systemd.
    """
    translation = translate(text, zone=zone, host_zone=host.clock.zone())
    answers = host.analyzer.calendar(translation.on_calendar, after=host.clock.now(), count=count)
    starts = sorted({elapse for answer in answers for elapse in answer.elapses})
    return TranslatedSchedule(translation=translation, next_starts=tuple(starts[:count]))


def expression_lines(host: Host, text: str, *, zone: str | None) -> tuple[str, ...]:
    """Return the calendar lines of the cron expression `text`, meant in `zone` or the host's own.

    Raises ScheduleError when it cannot be told to systemd.
    """
    return translate(text, zone=zone, host_zone=host.clock.zone()).on_calendar
