# SPDX-License-Identifier: Apache-2.0
"""What time and systemd say of config.yaml: outdated calendars, windows that cannot be read."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from dataclasses import replace

from debvisor_timers.jobs.calendars import outdated
from debvisor_timers.jobs.faults import quoted
from debvisor_timers.jobs.load import Definitions
from debvisor_timers.jobs.places import problem_in_config
from debvisor_timers.jobs.translate import Complaint
from debvisor_timers.operations.host import Host
from debvisor_timers.source import Problem, Severity


def outdated_calendars(host: Host, definitions: Definitions) -> Iterator[Problem]:
    """Yield a warning for each calendar that jobs use and whose days have all passed.

    definitions: without errors; a calendar that could not be read has no days.
    """
    today = host.clock.now().date()
    for complaint in outdated(definitions.calendars, definitions.jobs.values(), today=today):
        problem = problem_in_config(definitions.sources, complaint)
        yield replace(problem, severity=Severity.WARNING)


def window_problems(host: Host, definitions: Definitions) -> Iterator[Problem]:
    """Yield an error for each beginning of a maintenance window that systemd cannot read.

    `begin` asks systemd for them before each run: a wrong one would fail all runs.
    """
    places = [
        (window, number, line)
        for window, each in enumerate(definitions.config.maintenance_windows)
        for number, line in enumerate(each.on_calendar)
    ]
    if not places:
        return
    lines = [line for _, _, line in places]
    answers = host.analyzer.calendar(lines, after=host.clock.now(), count=1)
    for (window, number, line), answer in zip(places, answers, strict=True):
        if answer.error:
            said = answer.error.rpartition(": ")[2]
            complaint = Complaint(
                path=("maintenance_windows", window, "on_calendar", number),
                message=f'{quoted(line)} is no time that systemd can read (systemd: "{said}")',
                fix="see systemd.time(7), CALENDAR EVENTS; try it with: "
                f"systemd-analyze calendar {shlex.quote(line)}",
            )
            yield problem_in_config(definitions.sources, complaint)
