# SPDX-License-Identifier: Apache-2.0
"""The elapses that a run under way has swallowed so far: nobody notes them before its end."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from debvisor_timers.errors import SystemdError
from debvisor_timers.history.outcome import UNDER_WAY, Ending, Exit, RunOutcome, Trigger
from debvisor_timers.history.records import MessageId
from debvisor_timers.history.rows import usec
from debvisor_timers.history.runs import Run
from debvisor_timers.history.under_way import UnderWay
from debvisor_timers.operations.host import Host
from debvisor_timers.render.names import timer_unit
from debvisor_timers.systemd.ports import FileEntry

MOST = 1024
"""So many are counted, as `end` counts them."""


def swallowed(host: Host, run: Run) -> Run | None:
    """Return the starts that `run` has kept off since it began, as one skip; None without any.

    It is what `end` will record when the run ends. None of a run that has ended, and where systemd
    cannot tell: that keeps nobody from reading the rest.
    """
    if run.outcome not in UNDER_WAY:
        return None
    try:
        elapses = swallowed_elapses(host, run.job, run.start)
    except SystemdError:
        return None
    return _skip(run, elapses) if elapses else None


def swallowed_elapses(
    host: Host, job_id: str, start: datetime, *, is_last_to_come: bool = True
) -> Sequence[datetime]:
    """Return the elapses that came to nothing since a run of the job began at `start`.

    By the timer as it is applied now, since it is active: what an apply has stopped before was
    recorded by that. is_last_to_come: the one start that `overlap: queue` has coming is left out.
    """
    timer = timer_unit(job_id)
    since = host.manager.active_since(timer)
    entry = host.units.entry(timer)
    if since is None or not isinstance(entry, FileEntry):
        return ()
    # Few runs are under way when somebody asks.
    from debvisor_timers.operations.coming.elapses import elapses_until  # noqa: PLC0415
    from debvisor_timers.render.unitfile import UnitFile  # noqa: PLC0415

    unit = UnitFile.parse(entry.text)
    now, begun = host.clock.now(), max(start, since).replace(microsecond=0)
    lines = unit.get("Timer", "OnCalendar")
    answers = elapses_until(host, lines, after=begun, until=now, most=MOST) if begun < now else {}
    found = {each for answer in answers.values() for each in answer.elapses if begun < each <= now}
    elapses = sorted(found)[:MOST]
    is_queued = is_last_to_come and unit.get("Timer", "DeferReactivation")[-1:] == ("no",)
    return elapses[:-1] if is_queued else elapses


def _skip(run: Run, elapses: Sequence[datetime]) -> Run:
    first, last = elapses[0], elapses[-1]
    begins = run.each_attempt[-1].end is None if run.each_attempt else True
    is_waiting = run.outcome is RunOutcome.WAITING and begins
    why = "still waiting" if is_waiting else "still running"
    return Run(
        id=f"{first:%Y%m%dT%H%M%SZ}-000000",  # which stays the same while the run goes on
        job=run.job,
        generation=None,
        trigger=Trigger.TIMER,
        by="",
        scheduled_for=first,
        start=last,
        end=last,
        ending=Ending(outcome=RunOutcome.SKIPPED, reason=why),
        exit=Exit(),
        cpu=None,
        memory_peak=None,
        invocation_ids=(),
        boot_id=run.boot_id,
        count=len(elapses),
        last_scheduled_for=last,
        overlapped=run.id,
    )


def skip_fields(job_id: str, run: UnderWay, elapses: Sequence[datetime]) -> Mapping[str, str]:
    """Return the journal record of what the run has kept off, as `end` writes it."""
    why = "still waiting" if run.waiting and run.retry_at is None else "still running"
    times = "1 start" if len(elapses) == 1 else f"{len(elapses)} starts"
    return {
        "MESSAGE": f"Skipped {times} of {job_id}: {why}",
        "MESSAGE_ID": MessageId.RUN_SKIPPED,
        "PRIORITY": "5",
        "SYSLOG_IDENTIFIER": "debvisor-timers",
        "DEBVISOR_JOB": job_id,
        "DEBVISOR_REASON": why,
        "DEBVISOR_OVERLAPPED": run.id,
        "DEBVISOR_COUNT": str(len(elapses)),
        "DEBVISOR_SCHEDULED_USEC": str(usec(elapses[0])),
        "DEBVISOR_LAST_USEC": str(usec(elapses[-1])),
    }
