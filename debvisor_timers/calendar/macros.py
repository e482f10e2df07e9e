# SPDX-License-Identifier: Apache-2.0
"""The @words of cron: what they stand for, and what to say about those that are not ours."""

from __future__ import annotations

import difflib
import re

from debvisor_timers.calendar import mistakes
from debvisor_timers.errors import ScheduleError

MACROS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}

_OF_OTHERS = {
    "@minutely": "* * * * *",
    "@every_minute": "* * * * *",
    "@quarterly": "0 0 1 1,4,7,10 *",
    "@semi-annually": "0 0 1 1,7 *",
    "@semiannually": "0 0 1 1,7 *",
    "@biannually": "0 0 1 1,7 *",
    "@bi-annually": "0 0 1 1,7 *",
}


def refuse_macro(text: str) -> ScheduleError:
    """Return the error for `text`, which begins with `@` (after blanks) and is not in MACROS."""
    stripped = text.strip(" \t")
    words = re.split(r"[ \t]+", stripped, maxsplit=1)
    start, length = text.index("@"), len(stripped)
    word = words[0]
    if len(words) > 1 and (word in MACROS or word == "@reboot"):
        message = f"{mistakes.quote(word)} stands alone, but {mistakes.quote(words[1])} follows it"
        fix = "put a program into the key command, its user into the key user"
        return ScheduleError(message, fix=fix, start=text.index(words[1]), length=len(words[1]))
    message = f"{mistakes.quote(stripped)} is not a macro of cron"
    if word == "@reboot":
        message = "'@reboot' is a boot trigger, not a calendar"
    return ScheduleError(message, fix=_advice(word), start=start, length=length)


def _advice(word: str) -> str:
    lower = word.lower()
    if lower == "@reboot":
        return "leave out the schedule, and write triggers: [{boot: 0s}]"
    if lower in _OF_OTHERS:
        return f"write '{_OF_OTHERS[lower]}'"
    if lower.startswith("@every"):
        return "write a step, such as '*/5 * * * *' for every 5 minutes"
    near = difflib.get_close_matches(lower, MACROS, n=1)
    if near:
        return f"did you mean '{near[0]}'?"
    return f"use one of {', '.join(MACROS)}, or five fields"
