# SPDX-License-Identifier: Apache-2.0
"""How jobs hang together: who waits for whom, who starts whom, who keeps out of whose way."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum

from debvisor_timers.jobs.model import Job


class EdgeKind(StrEnum):
    """What a job has to do with another one."""

    REQUIRES = "requires"
    AFTER = "after"
    OPTIONAL = "optional"
    SUCCESS_OF = "success_of"
    ANY_SUCCESS_OF = "any_success_of"
    FAILURE_OF = "failure_of"
    CONFLICTS = "conflicts"


CHAINS = (EdgeKind.SUCCESS_OF, EdgeKind.ANY_SUCCESS_OF, EdgeKind.FAILURE_OF)
"""The kinds by which the end of a job starts another one."""

_WORDS = {
    EdgeKind.REQUIRES: "requires",
    EdgeKind.AFTER: "waits for",
    EdgeKind.OPTIONAL: "waits for",
    EdgeKind.SUCCESS_OF: "is started by success of",
    EdgeKind.ANY_SUCCESS_OF: "is started by success of",
    EdgeKind.FAILURE_OF: "is started by failure of",
    EdgeKind.CONFLICTS: "never runs beside",
}


@dataclass(frozen=True, slots=True)
class Edge:
    """One job has to do with another one, which need not exist.

    job: the one that waits or is started, in whose keys it is written. needs: the other one.
    """

    kind: EdgeKind
    job: str
    needs: str

    def __str__(self) -> str:
        """Return it in words: `verify requires backup`."""
        return f"{self.job} {_WORDS[self.kind]} {self.needs}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relations:
    """All jobs, and what others write about each.

    started_by: by the id of a job, the edges of those that its end starts. conflicts: by the id of
    a job, the ids of those that must not run beside it, whoever of the two writes so. carried: the
    ids of those of a virtual machine whose results go with it, since others ask for them.
    """

    jobs: Mapping[str, Job] = field(default_factory=dict)
    started_by: Mapping[str, Sequence[Edge]] = field(default_factory=dict)
    conflicts: Mapping[str, Sequence[str]] = field(default_factory=dict)
    carried: frozenset[str] = frozenset()


def relate(jobs: Mapping[str, Job]) -> Relations:
    """Return `jobs` with what they have to do with each other."""
    started_by: dict[str, list[Edge]] = {}
    conflicts: dict[str, set[str]] = {}
    carried: set[str] = set()
    for edge in edges(jobs):
        carried |= _carried(edge, jobs)
        if edge.kind in CHAINS:
            started_by.setdefault(edge.needs, []).append(edge)
        elif edge.kind is EdgeKind.CONFLICTS:
            conflicts.setdefault(edge.job, set()).add(edge.needs)
            conflicts.setdefault(edge.needs, set()).add(edge.job)
    return Relations(
        jobs=jobs,
        started_by=started_by,
        conflicts={job_id: sorted(others) for job_id, others in conflicts.items()},
        carried=frozenset(carried),
    )


def _carried(edge: Edge, jobs: Mapping[str, Job]) -> set[str]:
    """Return those of the two whose results the other wants to know on another host.

    A step is run for each run that requires it. Who is started by the ends of others compares them
    with its own last run.
    """
    needs = jobs.get(edge.needs)
    if needs is None or needs.where.vm_active is None:
        return set()
    if edge.kind is EdgeKind.REQUIRES:
        return set() if needs.is_step else {edge.needs}
    is_chain = edge.kind in CHAINS and jobs[edge.job].where.vm_active is not None
    return {edge.needs, edge.job} if is_chain else set()


def edges(jobs: Mapping[str, Job]) -> tuple[Edge, ...]:
    """Return every edge that `jobs` write, in their order, those to unknown jobs included.

    A conflict is written by one job, or by both: it is an edge for each that does.
    """
    return tuple(edge for job in jobs.values() for edge in edges_of(job))


def edges_of(job: Job) -> Iterator[Edge]:
    """Yield every edge that `job` writes, in the order of its keys."""
    return (edge for _, edge in written_edges(job))


def written_edges(job: Job) -> Iterator[tuple[tuple[str | int, ...], Edge]]:
    """Yield every edge that `job` writes, each with the path of the value that names the other."""
    for number, trigger in enumerate(job.triggers):
        for kind in CHAINS:
            for place, source in enumerate(getattr(trigger, kind)):
                yield ("triggers", number, str(kind), place), Edge(kind, job.id, source)
    for number, dependency in enumerate(job.depends_on):
        if dependency.job is not None:
            edge = Edge(EdgeKind(dependency.type), job.id, dependency.job)
            yield ("depends_on", number, "job"), edge
    for number, conflict in enumerate(job.conflicts_with):
        edge = Edge(EdgeKind.CONFLICTS, job.id, conflict.job)
        yield ("conflicts_with", number, "job"), edge


def cycles(written: Iterable[Edge]) -> tuple[tuple[Edge, ...], ...]:
    """Return cycles of `written` edges: as many as it takes to show each job that is in one.

    Each is the shortest one through its first job, as a chain: each edge begins where the one
    before ends. Conflicts are no part of it, nor are jobs that need themselves.
    """
    below: dict[str, list[Edge]] = {}
    for edge in written:
        if edge.kind is not EdgeKind.CONFLICTS and edge.job != edge.needs:
            below.setdefault(edge.job, []).append(edge)
    _drop_what_ends(below)
    found, shown = [], set[str]()
    for job in below:
        if job not in shown and (cycle := _shortest_cycle(job, below)):
            found.append(cycle)
            shown |= {edge.job for edge in cycle}
    return tuple(found)


def _drop_what_ends(below: dict[str, list[Edge]]) -> None:
    """Remove the jobs from which no edge leads on for ever: nearly always all of them."""
    above: dict[str, list[str]] = {}
    left = {job: len(out) for job, out in below.items()}
    for edge in (edge for out in below.values() for edge in out):
        above.setdefault(edge.needs, []).append(edge.job)
    ends = [job for job in above if job not in below]
    while ends:
        for job in above.get(ends.pop(), ()):
            left[job] -= 1
            if not left[job]:
                del below[job]
                ends.append(job)


def _shortest_cycle(start: str, below: Mapping[str, list[Edge]]) -> tuple[Edge, ...]:
    """Return the shortest chain of edges from `start` back to it, empty where there is none."""
    came_by: dict[str, Edge] = {}
    queue = deque([start])
    while queue:
        for edge in below.get(queue.popleft(), ()):
            if edge.needs == start:
                return _chain(edge, start, came_by)
            if edge.needs not in came_by:
                came_by[edge.needs] = edge
                queue.append(edge.needs)
    return ()


def _chain(last: Edge, start: str, came_by: Mapping[str, Edge]) -> tuple[Edge, ...]:
    chain = [last]
    while chain[-1].job != start:
        chain.append(came_by[chain[-1].job])
    return tuple(reversed(chain))


def followers(jobs: Mapping[str, Job]) -> frozenset[str]:
    """Return the ids of jobs that require, over others too, a job with the very same schedule.

    They are due together, so they share the delay of the first one: they have no jitter of their
    own.
    """
    needs: dict[str, list[str]] = {}
    for edge in edges(jobs):
        if edge.kind is EdgeKind.REQUIRES and edge.needs in jobs and edge.needs != edge.job:
            needs.setdefault(edge.job, []).append(edge.needs)
    times = {job_id: _times(jobs[job_id]) for job_id in _reached(needs, needs) | needs.keys()}
    return frozenset(
        job_id
        for job_id in needs
        if times[job_id] is not None
        and any(times[job_id] == times[other] for other in _reached([job_id], needs) - {job_id})
    )


def _reached(starts: Iterable[str], needs: Mapping[str, list[str]]) -> set[str]:
    found: set[str] = set()
    left = [other for start in starts for other in needs.get(start, ())]
    while left:
        if (job_id := left.pop()) not in found:
            found.add(job_id)
            left += needs.get(job_id, ())
    return found


def _times(job: Job) -> Hashable:
    """Return what two schedules have in common that elapse at the same times."""
    schedule = job.schedule
    if schedule is None:
        return None
    expression = schedule.expression
    when = schedule.on_calendar if expression is None else replace(expression, text="")
    return (when, schedule.timezone, schedule.dst)
