# SPDX-License-Identifier: Apache-2.0
"""watch: tells what the end of no run announces, and sends what waits; once a minute, if at all."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.history.fields import read_fields
from debvisor_timers.history.records import LOST
from debvisor_timers.layout import TARGET, WATCH_TIMER
from debvisor_timers.notify.kinds import EventKind
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.notifying.sight import Sight
from debvisor_timers.operations.notifying.watched import WatchedJob, watched_jobs
from debvisor_timers.render.names import notify_unit, timer_unit

if TYPE_CHECKING:
    from debvisor_timers.operations.notifying.deliver import Delivery


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What was done. told: event, job and channel of each message that was made.

    sent: channel, event and job of each that was sent. goes_on: there is something to look at
    again, so the timer goes on. problems: in words.
    """

    told: tuple[tuple[EventKind, str, str], ...]
    sent: tuple[tuple[str, str, str], ...]
    goes_on: bool
    problems: tuple[str, ...]


def watch(host: Host, *, host_name: str) -> Watch:
    """Look once, and send what is due; where nothing is left to look at, the timer stops.

    A step that cannot be done is a problem, and keeps none of the others from being done.
    """
    problems: list[str] = []
    jobs: dict[str, WatchedJob] = {}
    told: list[tuple[EventKind, str, str]] = []

    def attempt(step: Callable[[], None]) -> None:
        try:
            step()
        except DebvisorTimersError as error:
            problems.append(str(error))

    attempt(lambda: jobs.update(watched_jobs(host)))
    attempt(partial(_look, host, host_name, jobs, told))
    attempt(partial(_tell_lost_again, host))
    deliveries: list[Delivery] = []
    attempt(partial(_deliver, host, deliveries))
    goes_on = bool(jobs or _has_messages(host) or problems or _lost_jobs(host))
    attempt(partial(_go_on if goes_on else _rest, host))
    return Watch(
        told=tuple(told),
        sent=tuple((name, m.event, m.job) for each in deliveries for name, m in each.sent),
        goes_on=goes_on,
        problems=(*problems, *(words for each in deliveries for words in each.problems)),
    )


def _has_messages(host: Host) -> bool:
    return any(host.layout.queue.glob("*.json"))


def _deliver(host: Host, deliveries: list[Delivery]) -> None:
    """Send what is due, if anything waits: what sends takes longer to import than a look takes."""
    if _has_messages(host):
        from debvisor_timers.operations.notifying.deliver import deliver  # noqa: PLC0415

        deliveries.append(deliver(host))


def _go_on(host: Host) -> None:
    """Let the timer go on; somebody may have started the service alone."""
    host.manager.start([WATCH_TIMER], wait=False)


def _look(
    host: Host,
    host_name: str,
    jobs: dict[str, WatchedJob],
    told: list[tuple[EventKind, str, str]],
) -> None:
    """Look at all jobs; not while an apply is under way, which stops timers."""
    if not jobs:
        return
    from debvisor_timers.operations.notifying.disabled import look_for_disabled  # noqa: PLC0415
    from debvisor_timers.operations.notifying.long_running import (  # noqa: PLC0415
        look_for_long_runs,
    )
    from debvisor_timers.operations.notifying.missed import look_for_missed  # noqa: PLC0415

    sight = Sight.take(host, host_name, jobs)
    _look_at_conditions(sight)
    look_for_long_runs(sight)
    if any(job.missed or job.disabled for job in jobs.values()) and not _is_applying(host):
        units = host.manager.units(TARGET, "debvisor-job-*.timer", "debvisor-path-*.path")
        states = {unit.name: unit.active_state for unit in units}
        look_for_missed(sight, states)
        look_for_disabled(sight, states)
    told += sight.told
    sight.keep()


def _look_at_conditions(sight: Sight) -> None:
    """Start the handler of jobs whose timer has elapsed and whose conditions systemd has asked.

    A run that systemd skips itself starts none of our programs. The handler finds out by itself.
    """
    timers = {timer_unit(job.id): job.id for job in sight.jobs.values() if job.asks_conditions}
    if not timers:
        return
    for timer, state in sight.host.manager.timers(timers).items():
        seen = sight.of(timers[timer])
        elapsed = state.last_trigger.isoformat() if state.last_trigger else ""
        if seen.setdefault("elapsed", elapsed) != elapsed:
            sight.host.manager.start([notify_unit(timers[timer])], wait=False)
            seen["elapsed"] = elapsed


def _is_applying(host: Host) -> bool:
    return (host.layout.state / "apply.json").exists()


def _lost_jobs(host: Host) -> Sequence[str]:
    """Return the jobs with lost runs that are recorded and still to be told."""
    paths = [path for path in host.layout.lost.glob("*:*") if not path.name.startswith(".")]
    noted = [path for path in paths if read_fields(path).get("DEBVISOR_RESULT") == LOST]
    return sorted({path.name.partition(":")[0] for path in noted})


def _tell_lost_again(host: Host) -> None:
    """Start the handler of each lost run again whose note is still there: it has failed."""
    for job_id in _lost_jobs(host):
        host.manager.start([notify_unit(job_id)], wait=False)


def _rest(host: Host) -> None:
    """Let the timer stop; who gave it something to do meanwhile may have started it before that."""
    host.manager.stop([WATCH_TIMER], wait=False)
    if _has_messages(host) or watched_jobs(host):
        _go_on(host)
