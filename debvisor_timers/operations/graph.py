# SPDX-License-Identifier: Apache-2.0
"""graph: which job needs, follows or keeps off which other, and how each ended last."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

from debvisor_timers.errors import DefinitionError
from debvisor_timers.history.last import LastRun, read_last
from debvisor_timers.jobs.load import Definitions, load_definitions
from debvisor_timers.jobs.model import Job
from debvisor_timers.jobs.relations import Edge, EdgeKind, edges
from debvisor_timers.jobs.words import schedule_words
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.unknown import unknown_job
from debvisor_timers.source import Problem


@dataclass(frozen=True, slots=True, kw_only=True)
class Node:
    """One job of the graph; job is None where others name it and no file defines it.

    is_needed: another job requires it, waits for it or is started by it.
    """

    job_id: str
    job: Job | None
    last: LastRun | None
    is_needed: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Graph:
    """Jobs by id, and the edges between them.

    job_id: the job that was asked for, empty where all were.
    edges: each leads from `job` to the one that it `needs`; a conflict has no direction.
    alone: how many jobs are not among `nodes`, since nothing joins them to another.
    """

    job_id: str
    nodes: Mapping[str, Node]
    edges: tuple[Edge, ...]
    alone: int
    problems: tuple[Problem, ...] = ()

    @property
    def needs(self) -> Mapping[str, Sequence[Edge]]:
        """Return the edges of each job to what it needs; conflicts are not among them."""
        return _by(_directed(self.edges), lambda edge: edge.job)

    @property
    def needed_by(self) -> Mapping[str, Sequence[Edge]]:
        """Return the edges of those that need a job, by that job; no conflicts."""
        return _by(_directed(self.edges), lambda edge: edge.needs)

    @property
    def conflicts(self) -> Mapping[str, Sequence[str]]:
        """Return the jobs that each job is in conflict with, sorted; both have the other."""
        found: dict[str, set[str]] = {}
        for edge in self.edges:
            if edge.kind is EdgeKind.CONFLICTS:
                found.setdefault(edge.job, set()).add(edge.needs)
                found.setdefault(edge.needs, set()).add(edge.job)
        return {job_id: sorted(others) for job_id, others in found.items()}


def edge_word(kind: EdgeKind) -> str:
    """Return how an edge is called: by its key in the job files."""
    return "conflicts_with" if kind is EdgeKind.CONFLICTS else str(kind)


def schedule_word(node: Node) -> str:
    """Return what starts a job, in words; or that there is no such job."""
    if node.job is None:
        return "not defined"
    words = schedule_words(node.job) or ("step" if node.is_needed else "on demand")
    return words if node.job.enabled else f"disabled; {words}"


def graph(host: Host, job_id: str = "") -> Graph:
    """Return the graph of all jobs, or of one with all that it needs and all that need it.

    Files that are wrong hide only their own jobs. Asks nothing of systemd, needs no root. Raises
    NotFoundError for a job that no file defines, DefinitionError where a wrong file may define it.
    """
    definitions = load_definitions(host.layout.config)
    if job_id and job_id not in definitions.jobs:
        if any(problem.is_error for problem in definitions.problems):
            raise DefinitionError(definitions.problems)
        raise unknown_job(job_id, definitions.jobs)
    return graph_of(
        definitions, edges(definitions.jobs), lambda name: read_last(host.layout.last, name), job_id
    )


def graph_of(
    definitions: Definitions,
    joined: Iterable[Edge],
    last: Callable[[str], LastRun | None],
    job_id: str = "",
) -> Graph:
    """Return the graph that the edges `joined` make, or its part around one job; `last` by id."""
    all_edges = _each_once(joined)
    ends = {end for edge in all_edges for end in _ends(edge)}
    chosen = around(all_edges, job_id) if job_id else ends
    jobs, needed = definitions.jobs, {edge.needs for edge in _directed(all_edges)}
    return Graph(
        job_id=job_id,
        nodes={
            name: Node(job_id=name, job=jobs.get(name), last=last(name), is_needed=name in needed)
            for name in sorted(chosen)
        },
        edges=tuple(edge for edge in all_edges if chosen.issuperset(_ends(edge))),
        alone=0 if job_id else len(jobs.keys() - chosen),
        problems=definitions.problems,
    )


def around(joined: Sequence[Edge], job_id: str) -> set[str]:
    """Return the job, all that it needs and all that need it, and its own conflicts."""
    directed = _directed(joined)
    needs = _by(directed, lambda edge: edge.job)
    needed_by = _by(directed, lambda edge: edge.needs)
    chosen = _reached(job_id, lambda name: (edge.needs for edge in needs.get(name, ())))
    chosen |= _reached(job_id, lambda name: (edge.job for edge in needed_by.get(name, ())))
    for edge in joined:
        if job_id in _ends(edge):
            chosen.update(_ends(edge))
    return chosen


def _reached(start: str, following: Callable[[str], Iterable[str]]) -> set[str]:
    """Return all that can be reached from `start`; a circle is no hindrance."""
    reached, waiting = {start}, [start]
    while waiting:
        new = set(following(waiting.pop())) - reached
        reached |= new
        waiting += new
    return reached


def _ends(edge: Edge) -> tuple[str, str]:
    return edge.job, edge.needs


def _directed(joined: Iterable[Edge]) -> list[Edge]:
    return [edge for edge in joined if edge.kind is not EdgeKind.CONFLICTS]


def _by(joined: Iterable[Edge], key: Callable[[Edge], str]) -> dict[str, list[Edge]]:
    found: dict[str, list[Edge]] = {}
    for edge in joined:
        found.setdefault(key(edge), []).append(edge)
    return found


def _each_once(joined: Iterable[Edge]) -> tuple[Edge, ...]:
    """Return the edges in order; of a conflict that both jobs have written, one."""
    found: dict[tuple[EdgeKind, frozenset[str] | tuple[str, str]], Edge] = {}
    for edge in sorted(joined, key=_order):
        is_conflict = edge.kind is EdgeKind.CONFLICTS
        found.setdefault((edge.kind, frozenset(_ends(edge)) if is_conflict else _ends(edge)), edge)
    return tuple(found.values())


def _order(edge: Edge) -> tuple[str, int, str]:
    return edge.job, list(EdgeKind).index(edge.kind), edge.needs
