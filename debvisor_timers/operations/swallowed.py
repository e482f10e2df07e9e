# SPDX-License-Identifier: Apache-2.0
"""The elapses that a run under way has swallowed so far: nobody notes them before its end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from debvisor_timers.history.outcome import UNDER_WAY, Ending, Exit, RunOutcome, Trigger
from debvisor_timers.history.runs import Run
from debvisor_timers.operations.host import Host
from debvisor_timers.render.names import timer_unit
from debvisor_timers.systemd.ports import ActiveState, FileEntry

MOST = 1024
"""So many are counted, as `end` counts them."""


def swallowed(host: Host, run: Run) -> Run | None:
    """Return the starts that `run` has kept off since it began, as one skip; None without any.

    It is what `end` will record when the run ends: by the timer as it is applied now, if that is
    active, without the one start that `overlap: queue` still has coming. None of a run that has
    ended.
    """
    if run.outcome not in UNDER_WAY:
        return None
    timer = timer_unit(run.job)
    states = host.manager.units(timer)
    if not any(unit.active_state is ActiveState.ACTIVE for unit in states):
        return None
    entry = host.units.entry(timer)
    if not isinstance(entry, FileEntry):
        return None
    elapses = _elapses(host, entry.text, run.start)
    return _skip(run, elapses) if elapses else None


def _elapses(host: Host, text: str, start: datetime) -> Sequence[datetime]:
    # Few runs are under way when somebody asks.
    from debvisor_timers.operations.elapses import elapses_until  # noqa: PLC0415
    from debvisor_timers.render.unitfile import UnitFile  # noqa: PLC0415

    timer = UnitFile.parse(text)
    now, begun = host.clock.now(), start.replace(microsecond=0)
    lines = timer.get("Timer", "OnCalendar")
    answers = elapses_until(host, lines, after=begun, until=now, most=MOST) if begun < now else {}
    found = {each for answer in answers.values() for each in answer.elapses if begun < each <= now}
    swallowed = sorted(found)[:MOST]
    is_queued = timer.get("Timer", "DeferReactivation")[-1:] == ("no",)
    return swallowed[:-1] if is_queued else swallowed


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
