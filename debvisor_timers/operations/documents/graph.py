# SPDX-License-Identifier: Apache-2.0
"""Which job depends on which other, for programs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from debvisor_timers.jobs.words import schedule_words
from debvisor_timers.operations.documents.runs import last_document

if TYPE_CHECKING:
    from debvisor_timers.operations.graph import Graph


def graph_document(graph: Graph) -> dict[str, object]:
    """Return jobs and the edges between them; alone: how many have none."""
    return {
        "job": graph.job_id or None,
        "jobs": [
            {
                "job": node.job_id,
                "name": node.job.title if node.job else node.job_id,
                "schedule": schedule_words(node.job) if node.job else "",
                "defined": node.job is not None,
                "enabled": bool(node.job and node.job.enabled),
                "last": last_document(node.last),
            }
            for node in graph.nodes.values()
        ],
        "edges": [
            {"kind": str(edge.kind), "job": edge.job, "needs": edge.needs} for edge in graph.edges
        ],
        "alone": graph.alone,
    }
