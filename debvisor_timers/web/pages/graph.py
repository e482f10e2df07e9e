# SPDX-License-Identifier: Apache-2.0
"""The graph: which job depends on which other, and how each ended last."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Depends, Request, Response

from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.jobs.relations import Edge
from debvisor_timers.operations.access.roles import Role
from debvisor_timers.operations.graph import Graph
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.web.access import needs
from debvisor_timers.web.backend import BackendOf
from debvisor_timers.web.drawing.net import Net, net
from debvisor_timers.web.pages.rendering import page
from debvisor_timers.web.principal import Principal

router = APIRouter()
Viewer = Annotated[Principal, Depends(needs(Role.VIEWER))]


@router.get("/graph")
async def graph_page(request: Request, who: Viewer, backend: BackendOf, job: str = "") -> Response:
    """Show all jobs that depend on others, or `job` with all that it needs and all that need it."""
    snapshot = await backend.jobs()
    running = {
        row.job_id: RunOutcome.WAITING if row.under_way.waiting else RunOutcome.RUNNING
        for row in snapshot.jobs.rows
        if row.under_way is not None
    }
    graph, drawn = await backend.read(draw_graph, job, running)
    return page(
        request,
        "graph.html.j2",
        who,
        net=drawn,
        job=job,
        edges=[(edge.job, _verb(edge), edge.needs) for edge in graph.edges],
        problems=[problem for problem in graph.problems if problem.is_error],
        defined={name for name, node in graph.nodes.items() if node.job is not None},
        total=len(snapshot.jobs.rows),
    )


def draw_graph(
    scheduler: JobScheduler, job: str, running: dict[str, RunOutcome]
) -> tuple[Graph, Net]:
    """Return the graph of all jobs, or around one, and its picture."""
    graph = scheduler.graph(job)
    return graph, net(graph, running, scheduler.now())


def _verb(edge: Edge) -> str:
    return str(edge).removeprefix(edge.job).removesuffix(edge.needs).strip()
