# SPDX-License-Identifier: Apache-2.0
"""Whom a job tells, as it was applied, and the messages that they get."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from itertools import islice

from debvisor_timers.history.document import run_document
from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.history.records import JournalMatch
from debvisor_timers.history.runs import Run
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.notify import Notify
from debvisor_timers.jobs.pings import Ping
from debvisor_timers.notify.kinds import EventKind
from debvisor_timers.notify.pings import ping_channel, ping_document
from debvisor_timers.operations.applying.applied import applied_definitions, applied_folder
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.notifying.queue import enqueue
from debvisor_timers.operations.notifying.rules import Event
from debvisor_timers.render.names import service_unit

LOG_LINES = 50
_LONGEST_LINE = 2000
_WITHOUT_LOG = {EventKind.SKIPPED, EventKind.STARTED}


@dataclass(frozen=True, slots=True, kw_only=True)
class Audience:
    """Whom to tell of a job, and what to say of it besides the run.

    known: the channels that there are. problems: why somebody cannot be told.
    """

    notify: Notify = field(default_factory=Notify)
    ping: Ping | None = None
    about: Mapping[str, object] = field(default_factory=dict)
    known: frozenset[str] = frozenset()
    problems: tuple[str, ...] = ()

    def channels(self, named: Iterable[str]) -> tuple[str, ...]:
        """Return those of `named` that there are."""
        return tuple(name for name in named if name in self.known)


def audience_of(host: Host, job_id: str) -> Audience:
    """Return whom the job tells, as it was applied; nobody for a job that is gone."""
    folder = applied_folder(host)
    if folder is None:
        return Audience()
    definitions = applied_definitions(host, folder)
    job = definitions.jobs.get(job_id)
    if job is None:
        errors = (problem for problem in definitions.problems if problem.is_error)
        return Audience(
            problems=tuple(f"whom to tell is not known: {each.message}" for each in errors)
        )
    known = frozenset(definitions.config.channels)
    missing = dict.fromkeys(name for _, name in job.notify.channels() if name not in known)
    return Audience(
        notify=job.notify,
        ping=job.ping,
        about=about(job),
        known=known,
        problems=tuple(f"there is no channel {name!r} to tell" for name in missing),
    )


def about(job: Job) -> dict[str, object]:
    """Return what every message says of a job."""
    return {
        "name": job.title,
        "owner": job.owner,
        "tags": dict(job.tags),
        "priority": str(job.priority),
    }


def tell(host: Host, audience: Audience, event: Event, host_name: str) -> tuple[str, ...]:
    """Let the channels of an event be told; return them. Raises SystemdError."""
    channels = audience.channels(event.channels)
    if not channels:
        return ()
    document = {
        "event": str(event.kind),
        **run_document(event.run),
        **audience.about,
        "host": host_name,
        "log": [] if event.kind in _WITHOUT_LOG else list(log_of(host, event.run)),
        **event.more,
    }
    for channel in channels:
        enqueue(host, channel, document)
    return channels


def ping_start(host: Host, audience: Audience, run: Run, host_name: str) -> tuple[str, ...]:
    """Let the address be told that a run has begun; return its channel. Raises SystemdError."""
    url = audience.ping.start if audience.ping else None
    return _ping(host, url, run, {"outcome": "running", "host": host_name})


def ping_end(host: Host, audience: Audience, run: Run, host_name: str) -> tuple[str, ...]:
    """Let the address be told how a run has ended; return its channel. Raises SystemdError.

    Nothing of a run that was skipped or stopped.
    """
    url = None
    if audience.ping and run.outcome is RunOutcome.SUCCEEDED:
        url = audience.ping.success
    elif audience.ping and run.outcome.is_failure:
        url = audience.ping.failure
    return _ping(host, url, run, {"outcome": str(run.outcome), "host": host_name})


def _ping(host: Host, url: str | None, run: Run, about: Mapping[str, object]) -> tuple[str, ...]:
    if url is None:
        return ()
    log = [] if about["outcome"] == "running" else list(log_of(host, run))
    document = ping_document(url, run.job, {"run": run.id, **about}, log)
    enqueue(host, ping_channel(url), document)
    return (ping_channel(url),)


def log_of(host: Host, run: Run) -> Iterator[str]:
    """Yield the last lines that the run has printed, the oldest first."""
    if not run.invocation_ids:
        return
    match: JournalMatch = {
        "_TRANSPORT": "stdout",
        "_SYSTEMD_UNIT": service_unit(run.job),
        "_SYSTEMD_INVOCATION_ID": run.invocation_ids,
    }
    records = islice(host.journal.records([match], newest_first=True), LOG_LINES)
    for record in reversed(list(records)):
        yield record.get("MESSAGE")[:_LONGEST_LINE]
