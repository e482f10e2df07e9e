# SPDX-License-Identifier: Apache-2.0
"""Whether a timer starts a run for a time that had passed before the timer itself was started.

Loaded by `begin` for jobs with `catch_up`, and for no other; imports nothing of ours.
"""

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


SINCE = "TIMER_SINCE_MONOTONIC_USEC"
"""Since when the timer is active, beside what systemd tells of the start."""
LATE_SECONDS = 60  # a reload of thousands of jobs keeps PID 1 busy for 20
FEW = 64
DAY = 86_400
FARTHEST = 5 * 366 * 86_400
"""How far back a time is looked for, in seconds: no leap day is farther."""


def made_up(run: "Any", details: dict[str, str]) -> dict[str, str]:
    """Return what is noted of a run that makes up for a missed time, nothing for any other run.

    run: the Run of `begin`. details: what systemd tells of the start, and SINCE. systemd 257 tells
    when the timer fired, not for which time: a catch-up has none since the timer was started. Where
    a jitter is longer than the time to the next one, which it was for cannot be told: then it is
    for that. Raises OSError when there is no answer.
    """
    fired, fired_clock = (
        int(details.get(f"TRIGGER_TIMER_{name}_USEC", "0")) for name in ("REALTIME", "MONOTONIC")
    )
    timer = run.notes.statements(f"{run.units}/debvisor-job-{run.job}.timer")
    lines = timer.get(("[Timer]", "OnCalendar"), [])
    skip = run.beside("skip")
    jitter = sum(map(skip.microseconds, timer.get(("[Timer]", "RandomizedDelaySec"), [])[-1:]))
    # By the clock that nobody sets: at a boot the other one may be set just now.
    age = fired_clock - int(details[SINCE])
    if not (lines and fired and 0 <= age <= jitter + LATE_SECONDS * 1_000_000):
        return {}
    before = (fired - age - 1) // 1_000_000
    if skip.due(lines, before, fired // 1_000_000):
        return {}
    moment = newest(skip, lines, before)
    if moment is None:
        return {}
    return {"DEBVISOR_TRIGGER": "catch_up", "DEBVISOR_SCHEDULED_USEC": f"{moment * 1_000_000}"}


def newest(skip: "Any", lines: list[str], until: int) -> int | None:
    """Return the newest elapse of the OnCalendar= lines up to that second; None without one.

    systemd only tells what comes after a moment. So that moment is moved back until something
    comes, and forth again where that is more than is asked for at once.
    """
    near, low = until, until - DAY
    far, farthest = None, until - FARTHEST
    while True:
        found = [[m for m in one if m <= skip.utc(until)] for one in skip.series(lines, low, FEW)]
        if not any(found):
            if low == farthest:
                return None
            near = low
        elif all(len(one) < FEW for one in found):
            moment: int = skip.seconds(max(one[-1] for one in found if one))
            return moment
        else:
            far = low
        low = max(until - 8 * (until - low), farthest) if far is None else (far + near) // 2
