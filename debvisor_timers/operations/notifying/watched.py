# SPDX-License-Identifier: Apache-2.0
"""What `watch` looks at: of the jobs that were applied last, those that ask for it.

To load a thousand jobs takes a second. So it is done once for each generation, and kept in a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from debvisor_timers.errors import SystemdError
from debvisor_timers.operations import durable
from debvisor_timers.operations.applying.generations import Generations
from debvisor_timers.operations.host import Host

if TYPE_CHECKING:
    from debvisor_timers.jobs.model import Job

_FORM = 2
"""Of the file; another one is of another version, and made anew."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WatchedJob:
    """A job of which something is told that no end of a run announces.

    long_after: how long a run may take. jitter: how much later than its schedule says it may start;
    missed_after: how late that may be besides. about: what every message says of it. Empty
    channels: nobody is told. asks_conditions: systemd itself may skip its runs, and no program of
    ours is started then.
    """

    id: str
    enabled: bool = True
    has_schedule: bool = False
    watches_paths: bool = False
    asks_conditions: bool = False
    jitter: timedelta = timedelta()
    missed_after: timedelta = timedelta()
    repeat: timedelta | None = None
    long_after: timedelta | None = None
    long_running: tuple[str, ...] = ()
    missed: tuple[str, ...] = ()
    disabled: tuple[str, ...] = ()
    about: Mapping[str, Any] = field(default_factory=dict)


def watched_jobs(host: Host) -> Mapping[str, WatchedJob]:
    """Return by id the jobs to be watched, as they were applied last. Raises SystemdError."""
    newest = Generations(host.layout.state / "generations").latest()
    if not newest:
        return {}
    path = host.layout.watch / "jobs.json"
    try:
        known = durable.read_json(path)
    except SystemdError:
        known = None
    if isinstance(known, dict) and (known.get("form"), known.get("generation")) == (_FORM, newest):
        return {job_id: _of(job_id, plain) for job_id, plain in known["jobs"].items()}
    jobs = _load(host)
    plain = {job_id: _plain(job) for job_id, job in jobs.items()}
    durable.write_json(path, {"form": _FORM, "generation": newest, "jobs": plain})
    return jobs


def _load(host: Host) -> dict[str, WatchedJob]:
    # YAML and models: not for the usual look, which needs neither.
    from debvisor_timers.operations.applying.applied import (  # noqa: PLC0415
        applied_definitions,
        applied_folder,
    )
    from debvisor_timers.operations.notifying.audience import about  # noqa: PLC0415

    folder = applied_folder(host)
    if folder is None:
        return {}
    definitions = applied_definitions(host, folder)
    known = definitions.config.channels

    def channels(names: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name for name in names if name in known)

    return {
        job.id: WatchedJob(
            id=job.id,
            enabled=job.enabled,
            has_schedule=job.schedule is not None,
            watches_paths=job.watches_paths,
            asks_conditions=_asks_conditions(job),
            jitter=job.schedule.jitter if job.schedule else timedelta(),
            missed_after=job.notify.missed_after,
            repeat=job.notify.repeat,
            long_after=job.notify.long_running.after if job.notify.long_running else None,
            long_running=channels(job.notify.long_running_channels),
            missed=channels(job.notify.missed),
            disabled=channels(job.notify.disabled),
            about=about(job),
        )
        for job in definitions.jobs.values()
        if is_watched(job)
    }


def is_watched(job: Job) -> bool:
    """Return True where something is to be told of a job that no end of a run announces."""
    return job.notify.is_watched or _asks_conditions(job)


def _asks_conditions(job: Job) -> bool:
    return bool(job.notify.skipped and job.enabled and job.schedule and job.conditions.directives())


def _plain(job: WatchedJob) -> dict[str, object]:
    return {
        "enabled": job.enabled,
        "has_schedule": job.has_schedule,
        "watches_paths": job.watches_paths,
        "asks_conditions": job.asks_conditions,
        "jitter": job.jitter.total_seconds(),
        "missed_after": job.missed_after.total_seconds(),
        "repeat": job.repeat.total_seconds() if job.repeat else None,
        "long_after": job.long_after.total_seconds() if job.long_after else None,
        "long_running": job.long_running,
        "missed": job.missed,
        "disabled": job.disabled,
        "about": job.about,
    }


def _of(job_id: str, plain: Mapping[str, Any]) -> WatchedJob:
    def span(name: str) -> timedelta | None:
        return None if plain[name] is None else timedelta(seconds=plain[name])

    return WatchedJob(
        id=job_id,
        enabled=plain["enabled"],
        has_schedule=plain["has_schedule"],
        watches_paths=plain["watches_paths"],
        asks_conditions=plain["asks_conditions"],
        jitter=span("jitter") or timedelta(),
        missed_after=span("missed_after") or timedelta(),
        repeat=span("repeat"),
        long_after=span("long_after"),
        long_running=tuple(plain["long_running"]),
        missed=tuple(plain["missed"]),
        disabled=tuple(plain["disabled"]),
        about=plain["about"],
    )
