# SPDX-License-Identifier: Apache-2.0
"""Telling that a run has begun; `begin` starts it, for the jobs that ask for that."""

from __future__ import annotations

from dataclasses import dataclass

from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.history.runs import Run
from debvisor_timers.history.under_way import read_under_way
from debvisor_timers.notify.kinds import EventKind
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.notifying.audience import audience_of, ping_start, tell
from debvisor_timers.operations.notifying.long_running import as_run
from debvisor_timers.operations.notifying.rules import Event
from debvisor_timers.operations.notifying.waking import deliver_or_wait
from debvisor_timers.operations.runs.newest import newest_runs

_ROUNDS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class StartNotice:
    """What was done. told: run and channel of each message; problems: what could not be done."""

    told: tuple[tuple[str, str], ...] = ()
    problems: tuple[str, ...] = ()


def notify_started(host: Host, job_id: str, *, host_name: str) -> StartNotice:
    """Tell the channels of the job of the run that has begun; raise SystemdError.

    And of one that begins while that is told: systemd starts no second of us for it.
    """
    audience = audience_of(host, job_id)
    problems = list(audience.problems)
    told: list[tuple[str, str]] = []
    known: set[str] = set()
    for _ in range(_ROUNDS):
        run = _newest(host, job_id)
        if run is None or run.id in known:
            break
        known.add(run.id)
        told += [(run.id, channel) for channel in ping_start(host, audience, run, host_name)]
        event = Event(kind=EventKind.STARTED, run=run, channels=audience.notify.started)
        told += [(run.id, channel) for channel in tell(host, audience, event, host_name)]
        problems += deliver_or_wait(host).problems
    return StartNotice(told=tuple(told), problems=tuple(problems))


def _newest(host: Host, job_id: str) -> Run | None:
    """Return the run that is under way; where it has ended already, the newest there was."""
    noted = read_under_way(host.layout.runs, job_id)
    if noted is not None:
        return None if noted.skipped else as_run(job_id, noted)
    runs = newest_runs(host, job_id, 2)
    return next((run for run in runs if run.outcome is not RunOutcome.SKIPPED), None)
