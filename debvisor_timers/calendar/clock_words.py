# SPDX-License-Identifier: Apache-2.0
"""The minutes and hours of a cron expression in English."""

from __future__ import annotations

from collections.abc import Sequence

from debvisor_timers.calendar.counting import enumerate_words, in_numbers, step_between

_DAY = 24 * 60


def clock_words(minutes: frozenset[int], hours: frozenset[int]) -> tuple[str, bool]:
    """Return the times of a day in words, and whether these stand alone, without "every day".

    ("at 02:00", False), ("every 15 minutes", True), ("at minutes 3 and 9 of hours 2-5", True).
    """
    times = [60 * hour + minute for hour in sorted(hours) for minute in sorted(minutes)]
    step = step_between(times, at_least=3)
    if step:
        return _evenly_spaced(times, step), True
    if len(times) <= 4:
        return f"at {enumerate_words([_clock(time) for time in times])}", False
    return f"{_minutes_words(sorted(minutes))} of {_hours_words(sorted(hours))}", True


def _evenly_spaced(times: Sequence[int], step: int) -> str:
    if step < 60:
        often = "every minute" if step == 1 else f"every {step} minutes"
    else:  # a single minute, so that the step is in whole hours
        often = "every hour" if step == 60 else f"every {step // 60} hours"
    if step * len(times) == _DAY and times[0] == 0:
        return often
    if step == 60 and len(times) == 24:
        return f"{often} at :{times[0]:02}"
    return f"{often} from {_clock(times[0])} to {_clock(times[-1])}"


def _clock(time: int) -> str:
    return f"{time // 60:02}:{time % 60:02}"


def _minutes_words(minutes: Sequence[int]) -> str:
    if len(minutes) == 60:
        return "every minute"
    words = in_numbers("minute", minutes)
    return words if words.startswith("every") else f"at {words}"


def _hours_words(hours: Sequence[int]) -> str:
    return "every hour" if len(hours) == 24 else in_numbers("hour", hours)
