# SPDX-License-Identifier: Apache-2.0
"""Jobs that nothing starts any more: not enabled any more, or stopped by hand."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import timedelta

from debvisor_timers.layout import TARGET
from debvisor_timers.notify.kinds import EventKind
from debvisor_timers.operations.applying.recover import generations
from debvisor_timers.operations.holding.marks import pause
from debvisor_timers.operations.notifying.sight import Sight, moment_of
from debvisor_timers.operations.notifying.watched import WatchedJob
from debvisor_timers.render.names import path_unit, timer_unit
from debvisor_timers.systemd.ports import ActiveState

_AT_LEAST = timedelta(seconds=30)
"""What is stopped by hand is told when it stays so: an apply stops timers for a moment."""

States = Mapping[str, ActiveState]
"""Of the target, of timers and of path units; loaded ones alone."""

_OF_ALL = WatchedJob(id="", about={"name": "all jobs"})


def look_for_disabled(sight: Sight, states: States) -> None:
    """Tell of each job that nothing starts any more, once each time; of all of them as one."""
    wanted = [job for job in sight.jobs.values() if job.disabled]
    if not wanted:
        return
    is_held = states.get(TARGET) is not ActiveState.ACTIVE
    everybody = tuple(sorted({name for job in wanted for name in job.disabled}))
    words = (
        f"Nothing starts any job: {TARGET} is not active."
        f" To start it again: systemctl start {TARGET}"
    )
    _look(sight, _OF_ALL, everybody, words if is_held else "")
    for job in wanted:
        if not job.enabled:
            _look(sight, job, job.disabled, _not_enabled(sight), is_sure=True)
        elif not is_held:
            _look(sight, job, job.disabled, " ".join(_stopped(sight, job, states)))


def _look(
    sight: Sight, job: WatchedJob, channels: tuple[str, ...], why: str, *, is_sure: bool = False
) -> None:
    """Tell `why`, unless it was told; empty: it is as it should be. A job that never was is new."""
    seen = sight.of(job.id)
    if not why:
        seen["on"] = True
        seen.pop("off", None)
        return
    if not seen.get("on"):
        return
    since = moment_of(seen.setdefault("off", sight.now.isoformat()))
    if not is_sure and since and sight.now - since < _AT_LEAST:
        return
    sight.tell(EventKind.DISABLED, job, channels, {"text": why})
    seen.pop("on")
    seen.pop("off")


def _not_enabled(sight: Sight) -> str:
    several = generations(sight.host)
    newest = several.about(several.latest())
    by = f" by {newest.deed.by}" if newest.deed and newest.deed.by else ""
    return f"It is not enabled any more: generation {newest.number}{by}."


def _is_paused(sight: Sight, job: WatchedJob) -> bool:
    mark = pause(sight.host.layout, job.id)
    return mark is not None and mark.holds(sight.now)


def _stopped(sight: Sight, job: WatchedJob, states: States) -> Iterator[str]:
    """Yield what is not active that starts the job; a pause stops path units, and is none."""
    units = [timer_unit(job.id)] if job.has_schedule else []
    units += [path_unit(job.id)] if job.watches_paths else []
    for unit in units:
        state = states.get(unit, ActiveState.INACTIVE)
        if state in {ActiveState.INACTIVE, ActiveState.FAILED} and not _is_paused(sight, job):
            yield f"{unit} is {state}. To start it again: systemctl start {unit}"
