# SPDX-License-Identifier: Apache-2.0
"""What is wrong between jobs, and between a job and the pools and channels of config.yaml."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from debvisor_timers.jobs.config import Config
from debvisor_timers.jobs.faults import did_you_mean, quoted
from debvisor_timers.jobs.locks import NO_POOL
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.relations import Edge, EdgeKind, cycles, edges, written_edges
from debvisor_timers.jobs.translate import Complaint
from debvisor_timers.source import Severity

_Path = tuple[str | int, ...]

_NEED_NOT_EXIST = {EdgeKind.AFTER: Severity.WARNING, EdgeKind.OPTIONAL: None}
"""How a job is told of that does not exist, where that is no error; None: not at all."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What is wrong with a value of a job, known once all jobs are."""

    job_id: str
    complaint: Complaint
    severity: Severity = Severity.ERROR

    @property
    def is_error(self) -> bool:
        """Return True when the job cannot be as it is."""
        return self.severity is Severity.ERROR


def relation_findings(jobs: Mapping[str, Job], known: Collection[str] | None) -> Iterator[Finding]:
    """Yield what is wrong between `jobs`.

    known: the ids of all jobs there are, those with problems of their own included; None where
    only some were read: then nothing is said of a job that is not among them.
    """
    for job in jobs.values():
        for path, edge in written_edges(job):
            if edge.job == edge.needs:
                yield Finding(job.id, _itself(path, edge))
            elif edge.needs in jobs:
                yield from _not_enabled(job, path, edge, jobs[edge.needs])
            elif known is not None and edge.needs not in known:
                yield from _unknown(path, edge, known)
    yield from _renamed(jobs)
    for cycle in cycles(edges(jobs)):
        yield _cycle(jobs[cycle[0].job], cycle)


def _renamed(jobs: Mapping[str, Job]) -> Iterator[Finding]:
    """Yield where a job was what another is, or was."""
    claimed: dict[str, str] = {}
    for job in jobs.values():
        for number, old in enumerate(job.was):
            message = ""
            if old in jobs:
                message = (
                    f"{quoted(old)} is a job of its own" if old != job.id else "the job itself"
                )
            elif old in claimed:
                message = f"{claimed[old]} was {quoted(old)}, too"
            claimed.setdefault(old, job.id)
            if message:
                complaint = Complaint(path=("was", number), message=message, fix="remove it")
                yield Finding(job.id, complaint)


def _itself(path: _Path, edge: Edge) -> Complaint:
    return Complaint(path=path, message=f"{edge}: the job itself", fix="remove it")


def _not_enabled(job: Job, path: _Path, edge: Edge, other: Job) -> Iterator[Finding]:
    """Yield a warning where `job` waits for what no schedule and no trigger starts."""
    if other.enabled or other.is_step or not job.enabled or edge.kind is EdgeKind.CONFLICTS:
        return
    message = f"{edge}, which is disabled: it runs only when it is started by hand"
    fix = f"remove it, or enabled: false from {other.id}"
    yield Finding(job.id, Complaint(path=path, message=message, fix=fix), Severity.WARNING)


def _unknown(path: _Path, edge: Edge, known: Collection[str]) -> Iterator[Finding]:
    severity = _NEED_NOT_EXIST.get(edge.kind, Severity.ERROR)
    if severity is None:
        return
    message = f"there is no job {quoted(edge.needs)}; {edge}{did_you_mean(edge.needs, known)}"
    fix = f"correct it, or remove it here too if {edge.needs} is gone for good"
    yield Finding(edge.job, Complaint(path=path, message=message, fix=fix), severity)


def _cycle(job: Job, cycle: tuple[Edge, ...]) -> Finding:
    path = next(path for path, edge in written_edges(job) if edge == cycle[0])
    message = f"jobs need each other in a circle: {', '.join(map(str, cycle))}"
    return Finding(job.id, Complaint(path=path, message=message, fix="remove one of these"))


def sharing_findings(jobs: Mapping[str, Job], config: Config | None) -> Iterator[Finding]:
    """Yield where jobs name what config.yaml lacks; None: it is not known."""
    if config is None:
        return
    for job in jobs.values():
        if job.pool is not None and job.pool.name != NO_POOL:
            for complaint in _pool(job.pool.name, job.pool.slots, config.pools):
                yield Finding(job.id, complaint)
        for path, name in job.notify.channels():
            if name not in config.channels:
                missing = _missing(("notify", *path), "channel", name, config.channels)
                yield Finding(job.id, missing)


def _pool(name: str, slots: int, pools: Mapping[str, int]) -> Iterator[Complaint]:
    if name not in pools:
        yield _missing(("pool", "name"), "pool", name, pools)
    elif slots > pools[name]:
        message = f"{slots} slots are more than the pool {quoted(name)} has: {pools[name]}"
        fix = f"write {pools[name]} at most, or more for {name} under pools in config.yaml"
        yield Complaint(path=("pool", "slots"), message=message, fix=fix)


def _missing(path: _Path, what: str, name: str, known: Collection[str]) -> Complaint:
    message = f"config.yaml has no {what} {quoted(name)}{did_you_mean(name, known)}"
    return Complaint(path=path, message=message, fix=f"correct it, or add it to {what}s there")
