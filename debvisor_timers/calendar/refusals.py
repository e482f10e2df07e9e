# SPDX-License-Identifier: Apache-2.0
"""What to say about an expression that is wrong as a whole: word count, dates that never come."""

from __future__ import annotations

import difflib
import re
from collections.abc import Sequence

from debvisor_timers.calendar.dates import MONTHS_OF_30, MONTHS_OF_31, Dates
from debvisor_timers.calendar.kinds import FIELDS
from debvisor_timers.calendar.macros import MACROS
from debvisor_timers.calendar.mistakes import quote
from debvisor_timers.errors import ScheduleError

WORD = re.compile(r"[^ \t]+")

_EXAMPLE = 'write five fields: minute, hour, day of month, month, day of week, such as "0 2 * * *"'
_CRON_LIKE = re.compile(
    r"(?:[0-9*?,/#LWH-]|jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec|sun|mon|tue|wed|thu|fri|sat)+",
    re.IGNORECASE,
)
_YEAR = re.compile(r"(?:19|20|21)[0-9][0-9](?:[-,/][0-9]+)*")
_USER = re.compile(r"[a-z_][a-z0-9_-]*")


def refuse_word_count(text: str, words: Sequence[str]) -> ScheduleError:
    """Return the error for an expression that has not five words."""
    if not words:
        return ScheduleError("the cron expression is empty", fix=_EXAMPLE, length=max(1, len(text)))
    if re.match(r"(?:CRON_)?TZ=", words[0]):
        message = f"{quote(words[0])} is not part of the cron expression"
        fix = f"write it as the key timezone: {words[0].partition('=')[2]}"
        return ScheduleError(message, fix=fix, start=text.index(words[0]), length=len(words[0]))
    if len(words) < 5:
        return _too_few(text, words)
    sixth = list(WORD.finditer(text))[5].start()
    count = {6: "six", 7: "seven"}.get(len(words), str(len(words)))
    return ScheduleError(
        f"{count} words, where a cron expression has five fields",
        fix=_advise_too_many(words),
        start=sixth,
        length=len(text.rstrip(" \t")) - sixth,
    )


def _too_few(text: str, words: Sequence[str]) -> ScheduleError:
    start = text.index(words[0])
    length = len(text.strip(" \t"))
    if ":" in text:
        message = f"{quote(text)} is not a cron expression"
        fix = f"write systemd's own syntax as schedule: {{on_calendar: {quote(text.strip())}}}"
        return ScheduleError(message, fix=fix, start=start, length=length)
    near = difflib.get_close_matches(f"@{words[0].lower()}", MACROS, n=1) if len(words) == 1 else []
    missing = ", ".join(kind.name for kind in FIELDS[len(words) :])
    one = len(words) == 1
    return ScheduleError(
        f"{quote(text.strip())} has {'one field' if one else f'{len(words)} fields'} of five; "
        f"missing: {missing}",
        fix=f"did you mean '{near[0]}'?" if near else _EXAMPLE,
        start=start,
        length=length,
    )


def _advise_too_many(words: Sequence[str]) -> str:
    """Say which dialect a longer line may be: they disagree, so a guess could be wrong."""
    sixth = words[5]
    if not all(_CRON_LIKE.fullmatch(word) for word in words[:6]) and not _YEAR.fullmatch(sixth):
        first = quote(" ".join(words[:5]))
        if len(words) == 6 and _USER.fullmatch(sixth):
            return f"for a line of /etc/crontab write {first}, and user: {sixth}"
        return f"for a line of a crontab write {first}, and the program as command or script"
    if len(words) > 7:
        return _EXAMPLE
    if len(words) == 7:
        return f"with seconds first and a year last (Quartz) it is {quote(' '.join(words[1:6]))}"
    if _YEAR.fullmatch(sixth):
        return f"cron has no years; without the year (AWS) it is {quote(' '.join(words[:5]))}"
    return (
        f"with seconds first (Quartz, Spring) write {quote(' '.join(words[1:]))}, "
        f"with seconds last (croniter) {quote(' '.join(words[:5]))}; "
        "a sixth word may also be a year (AWS) or a user (/etc/crontab)"
    )


def refuse_never(text: str, months: frozenset[int], by_number: Sequence[Dates]) -> ScheduleError:
    """Return the error for an expression whose days never come.

    by_number: what the day-of-month field means in `months` by itself.
    """
    fields = list(WORD.finditer(text))
    day, month, weekday = (fields[2], fields[3], fields[4])
    if by_number:
        message = f"day of month {quote(day[0])} and day of week {quote(weekday[0])} never meet"
        fix = "one of them begins with '*', so both must match: change one of them"
        return ScheduleError(
            f"{message}; it would never fire", fix=fix, start=day.start(), length=len(day[0])
        )
    longest = 31 if months & MONTHS_OF_31 else 30 if months & MONTHS_OF_30 else 29
    return ScheduleError(
        f"day of month {quote(day[0])} does not exist in month {quote(month[0])}; "
        "it would never fire",
        fix=f"use a day from 1 to {longest}, L for the last one, or other months",
        start=day.start(),
        length=len(day[0]),
    )
