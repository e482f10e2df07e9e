# SPDX-License-Identifier: Apache-2.0
"""When a job runs, in words for people."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from debvisor_timers.calendar.systemd_syntax import describe_on_calendar
from debvisor_timers.calendar.words import in_words
from debvisor_timers.jobs.duration import format_timespan
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.triggers import Trigger


def schedule_words(job: Job) -> str:
    """Return the job's schedule and triggers: `every day at 02:00; 5min after boot`.

    Empty for a job that is only ever started by hand.
    """
    return "; ".join(_parts(job))


def _parts(job: Job) -> Iterator[str]:
    schedule = job.schedule
    if schedule is not None:
        expression = schedule.expression
        if expression is not None:
            words = in_words(expression)
        else:
            words = ", ".join(describe_on_calendar(spec) for spec in schedule.on_calendar)
        yield f"{words} {schedule.timezone}" if schedule.timezone else words
    for delay in job.boot_delays:
        after = format_timespan(delay) if delay else "right"
        yield f"{after} after boot"
    yield from (f"when {path} changes" for path in job.changing_paths)
    yield from (f"while {path} exists" for path in job.awaited_paths)
    for trigger in job.triggers:
        yield from _chains(trigger)


def _chains(trigger: Trigger) -> Iterator[str]:
    if trigger.success_of:
        yield f"after success of {_and(trigger.success_of)}"
    if trigger.any_success_of:
        yield f"after success of {_or(trigger.any_success_of)}"
    if trigger.failure_of:
        yield f"after failure of {_or(trigger.failure_of)}"


def _and(ids: Sequence[str]) -> str:
    return " and ".join(filter(None, (", ".join(ids[:-1]), ids[-1])))


def _or(ids: Sequence[str]) -> str:
    return " or ".join(filter(None, (", ".join(ids[:-1]), ids[-1])))
