# SPDX-License-Identifier: Apache-2.0
"""What came while a run was under way: elapses of its timer, and ends of jobs that start it.

Loaded by `end` where there may be some; imports nothing of ours.
"""

import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


RUN_SKIPPED = "3d0f0a1c5e1b4b6f9a0c7d2e8b514f63"
MOST = 1024
"""Elapses that are counted one by one; a job that runs on for longer has more pressing problems."""


def afterwards(ending: "Any") -> None:
    """Record the elapses that the run has swallowed; let its chain triggers be looked at again.

    ending: the Ending of `end`. Raises OSError and ValueError.
    """
    timer = f"debvisor-job-{ending.job}.timer"

    def ask(manager: "Any") -> int:
        if any(("[Service]", name) in ending.unit for name in TRIGGERS):
            manager.start(f"debvisor-timers-chain@{ending.job}:{ending.job}.service")
        unit = manager.units(timer)[0]
        if unit.active != b"active":
            return 0
        since: int = manager.number(unit.path, b"Unit", b"ActiveEnterTimestampMonotonic")
        return since

    since = ending.bus.asking(ask)
    if since and ending.lasted():
        skipped(ending, timer, time.time() - (time.monotonic() - since / 1_000_000))


TRIGGERS = ("X-SuccessOf", "X-AnySuccessOf", "X-FailureOf")


def skipped(ending: "Any", timer: str, since: float) -> None:
    """Record how many elapses of the timer came while the run was under way.

    since: when the timer was started; what the one before it has missed, an apply has recorded.
    """
    said = ending.notes.statements(f"{ending.notes.UNITS}/{timer}")
    lines = said.get(("[Timer]", "OnCalendar"), [])
    begun = max(int(ending.fields["DEBVISOR_START_USEC"]) // 1_000_000, int(since))
    until = int(time.time())
    found = between(ending.beside("skip"), lines, begun, until)
    if said.get(("[Timer]", "DeferReactivation"), ["yes"])[-1] == "no":
        found = found[:-1]  # systemd starts the job once more, now
    if found:
        why = "still waiting" if "DEBVISOR_SKIPPED" in ending.fields else "still running"
        ending.notes.send(record(ending.fields, why, found))


def between(skip: "Any", lines: list[str], after: int, until: int) -> list[int]:
    """Return when one of the lines elapses after that second, until that one; MOST at most."""
    count, found = 16, [0]
    while lines:
        texts = {moment for several in skip.series(lines, after, count) for moment in several}
        found = sorted(map(skip.seconds, texts))[:count]
        if count >= MOST or len(found) < count or found[-1] > until:
            break
        count *= 8
    return [moment for moment in found if after < moment <= until]


def record(run: dict[str, str], why: str, elapses: list[int]) -> dict[str, str]:
    """Return the journal record of the elapses that a run has swallowed."""
    job = run["DEBVISOR_JOB"]
    first, last = (f"{moment * 1_000_000}" for moment in (elapses[0], elapses[-1]))
    times = "1 start" if len(elapses) == 1 else f"{len(elapses)} starts"
    return {
        "MESSAGE": f"Skipped {times} of {job}: {why}",
        "MESSAGE_ID": RUN_SKIPPED,
        "PRIORITY": "5",
        "SYSLOG_IDENTIFIER": "debvisor-timers",
        "DEBVISOR_JOB": job,
        "DEBVISOR_REASON": why,
        "DEBVISOR_OVERLAPPED": run["DEBVISOR_RUN_ID"],
        "DEBVISOR_COUNT": str(len(elapses)),
        "DEBVISOR_SCHEDULED_USEC": first,
        "DEBVISOR_LAST_USEC": last,
    }
