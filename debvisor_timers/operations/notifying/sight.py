# SPDX-License-Identifier: Apache-2.0
"""One look of `watch` at the host: the jobs, what earlier looks have seen, and what is told."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from debvisor_timers.errors import SystemdError
from debvisor_timers.history.document import iso
from debvisor_timers.layout import Layout
from debvisor_timers.notify.kinds import EventKind
from debvisor_timers.operations import durable
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.notifying.queue import enqueue
from debvisor_timers.operations.notifying.watched import WatchedJob


@dataclass(slots=True, kw_only=True)
class Sight:
    """What a look has before it; seen: by job, what each kind of watching remembers of it.

    told: event, job and channel of each message.
    """

    host: Host
    host_name: str
    now: datetime
    jobs: Mapping[str, WatchedJob]
    seen: dict[str, dict[str, Any]]
    told: list[tuple[EventKind, str, str]] = field(default_factory=list)

    @classmethod
    def take(cls, host: Host, host_name: str, jobs: Mapping[str, WatchedJob]) -> Sight:
        """Return a look at `jobs`; nothing is remembered of others any more."""
        known = _read(_path(host.layout))
        kept = {
            name: dict(known[name]) for name in ("", *jobs) if isinstance(known.get(name), dict)
        }
        return cls(host=host, host_name=host_name, now=host.clock.now(), jobs=jobs, seen=kept)

    def of(self, job_id: str) -> dict[str, Any]:
        """Return what is remembered of a job, to be changed; of the host for an empty id."""
        return self.seen.setdefault(job_id, {})

    def tell(
        self, kind: EventKind, job: WatchedJob, channels: Sequence[str], more: Mapping[str, object]
    ) -> None:
        """Let channels be told of a job; `more` goes over what is said of every job."""
        document = {
            "event": str(kind),
            "job": job.id,
            **job.about,
            "host": self.host_name,
            "time": iso(self.now),
            **more,
        }
        for channel in channels:
            enqueue(self.host, channel, document)
            self.told.append((kind, job.id, channel))

    def keep(self) -> None:
        """Note durably what was seen, where that is new. Raises SystemdError.

        After what is told waits: a crash in between tells it twice, rather than never.
        """
        path = _path(self.host.layout)
        seen = {name: each for name, each in self.seen.items() if each}
        if seen != _read(path):
            durable.write_json(path, seen)


def moment_of(plain: object) -> datetime | None:
    """Return a time as it is remembered; None for none."""
    try:
        return datetime.fromisoformat(plain) if isinstance(plain, str) else None
    except ValueError:
        return None


def _path(layout: Layout) -> Path:
    return layout.watch / "seen.json"


def _read(path: Path) -> dict[str, Any]:
    try:
        plain = durable.read_json(path)
    except SystemdError:
        return {}
    return plain if isinstance(plain, dict) else {}
