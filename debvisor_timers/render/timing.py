# SPDX-License-Identifier: Apache-2.0
"""Whether a timer that was rendered before elapses as its job says now."""

from __future__ import annotations

from debvisor_timers.jobs.duration import format_timespan
from debvisor_timers.jobs.model import Job
from debvisor_timers.render.timer import calendar_lines
from debvisor_timers.render.unitfile import UnitFile

_DECIDES = ("OnCalendar", "RandomizedDelaySec", "FixedRandomDelay")


def elapses_alike(job: Job, timer: str, host_zone: str) -> bool:
    """Return True when the text of a `timer` says all that `job`, rendered now, would elapse by.

    False as well where directives of the administrator's own make it elapse at other times.
    """
    section = UnitFile.parse(timer).items("Timer")
    if any(key.startswith(("On", "Random")) and key not in _DECIDES for key, _ in section):
        return False
    expected = [("OnCalendar", line) for line in calendar_lines(job, host_zone)]
    if job.schedule is not None and job.schedule.jitter:
        expected += [
            ("RandomizedDelaySec", format_timespan(job.schedule.jitter)),
            ("FixedRandomDelay", "yes"),
        ]
    return [item for item in section if item[0] in _DECIDES] == expected
