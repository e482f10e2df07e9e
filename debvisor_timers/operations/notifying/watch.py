# SPDX-License-Identifier: Apache-2.0
"""watch: tells what the end of no run announces, and sends what waits; once a minute, if at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.layout import TARGET, WATCH_TIMER
from debvisor_timers.notify.kinds import EventKind
from debvisor_timers.operations.applying.recover import record_file
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.notifying.deliver import Delivery, deliver
from debvisor_timers.operations.notifying.sight import Sight
from debvisor_timers.operations.notifying.waking import keep_watching
from debvisor_timers.operations.notifying.watched import WatchedJob, watched_jobs
from debvisor_timers.render.names import notify_unit


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """What was done. told: event, job and channel of each message that was made.

    goes_on: there is something to look at again, so the timer goes on. problems: in words.
    """

    told: tuple[tuple[EventKind, str, str], ...]
    delivery: Delivery
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
    attempt(lambda: deliveries.append(deliver(host)))
    delivery = deliveries[0] if deliveries else Delivery(waiting=1)
    goes_on = bool(jobs or delivery.waiting or problems or _has_lost(host))
    attempt(partial(keep_watching if goes_on else _rest, host))
    return Watch(
        told=tuple(told),
        delivery=delivery,
        goes_on=goes_on,
        problems=(*problems, *delivery.problems),
    )


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
    look_for_long_runs(sight)
    if any(job.missed or job.disabled for job in jobs.values()) and not _is_applying(host):
        units = host.manager.units(TARGET, "debvisor-job-*.timer", "debvisor-path-*.path")
        states = {unit.name: unit.active_state for unit in units}
        look_for_missed(sight, states)
        look_for_disabled(sight, states)
    told += sight.told
    sight.keep()


def _is_applying(host: Host) -> bool:
    return record_file(host).path.exists()


def _has_lost(host: Host) -> bool:
    return any(_lost_jobs(host))


def _lost_jobs(host: Host) -> list[str]:
    names = (path.name for path in host.layout.lost.glob("*:*") if path.name[:1] != ".")
    return sorted({name.partition(":")[0] for name in names})


def _tell_lost_again(host: Host) -> None:
    """Start the handler of each lost run again whose note is still there: it has failed."""
    for job_id in _lost_jobs(host):
        host.manager.start([notify_unit(job_id)], wait=False)


def _rest(host: Host) -> None:
    """Let the timer stop; who gave it something to do meanwhile may have started it before that."""
    host.manager.stop([WATCH_TIMER], wait=False)
    if any(host.layout.queue.glob("*.json")) or watched_jobs(host):
        keep_watching(host)
