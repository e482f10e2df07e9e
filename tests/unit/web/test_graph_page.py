# SPDX-License-Identifier: Apache-2.0
"""The graph as a page: our own columns, those of dot, and the picture that both make."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from itertools import combinations

import pytest

from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.jobs.relations import Edge, EdgeKind
from debvisor_timers.scheduler.guide import JobScheduler
from debvisor_timers.web.drawing.by_dot import by_dot
from debvisor_timers.web.drawing.layers import (
    BOX_HEIGHT,
    BOX_WIDTH,
    Placed,
    components,
    in_layers,
)
from debvisor_timers.web.drawing.net import net
from tests.unit.web.served import Served

JOBS = """\
jobs:
  backup: {command: [/bin/true], depends_on: [snapshot], schedule: "0 2 * * *"}
  snapshot: {command: [/bin/true], name: "Snapshot <of> tank"}
  verify: {command: [/bin/true], triggers: [{success_of: [backup]}], conflicts_with: [scrub]}
  scrub: {command: [/bin/true]}
  alone: {command: [/bin/true]}
  report: {command: [/bin/true], depends_on: [{job: gone, type: optional}]}
"""


@pytest.fixture
def served(served: Served) -> Served:
    served.world.apply(JOBS)
    return served


def needs(*pairs: str, kind: EdgeKind = EdgeKind.REQUIRES) -> list[Edge]:
    """Return edges: `b>a` for b that needs a."""
    found = [pair.split(">") for pair in pairs]
    return [Edge(kind=kind, job=job, needs=needed) for job, needed in found]


def placed(edges: list[Edge]) -> Placed:
    names = sorted({end for edge in edges for end in (edge.job, edge.needs)})
    return in_layers(names, edges)


def overlaps(found: Placed) -> Iterator[tuple[str, str]]:
    for (one, (x1, y1)), (other, (x2, y2)) in combinations(found.boxes.items(), 2):
        if abs(x1 - x2) < BOX_WIDTH and abs(y1 - y2) < BOX_HEIGHT:
            yield one, other


GRAPHS = {
    "chain": needs("b>a", "c>b", "d>c"),
    "diamond": needs("b>a", "c>a", "d>b", "d>c"),
    "long edge": needs("b>a", "c>b", "d>c", "d>a"),
    "many": needs(*(f"n{number:02}>a" for number in range(30)), "z>n00", "z>n29"),
    "circle": needs("b>a", "c>b", "a>c"),
    "conflict": [*needs("b>a"), *needs("c>b", kind=EdgeKind.CONFLICTS)],
    "conflict alone": needs("b>a", kind=EdgeKind.CONFLICTS),
    "itself": needs("a>a", "b>a"),
}


@pytest.mark.parametrize("edges", GRAPHS.values(), ids=GRAPHS)
def test_no_two_boxes_overlap_and_each_edge_has_its_way(edges: list[Edge]) -> None:
    found = placed(edges)

    assert list(overlaps(found)) == []
    assert set(found.edges) == set(edges)
    assert all(len(points) % 3 == 1 for points in found.edges.values())
    for x, y in found.boxes.values():
        assert 0 <= x <= found.width - BOX_WIDTH
        assert 0 <= y <= found.height - BOX_HEIGHT + 0.01


@pytest.mark.parametrize("name", ["chain", "diamond", "long edge", "many"])
def test_what_is_needed_stands_at_the_left(name: str) -> None:
    found = placed(GRAPHS[name])

    for edge, points in found.edges.items():
        assert found.boxes[edge.needs][0] < found.boxes[edge.job][0]
        assert points[0][0] == found.boxes[edge.needs][0] + BOX_WIDTH
        assert points[-1][0] == found.boxes[edge.job][0]


def test_a_chain_is_a_straight_line() -> None:
    assert len({y for _, y in placed(GRAPHS["chain"]).boxes.values()}) == 1


def test_a_thousand_jobs_in_a_row_are_placed() -> None:
    edges = needs(*(f"n{number + 1:04}>n{number:04}" for number in range(1500)))

    assert placed(edges).boxes["n1500"][0] == 1500 * 270


def test_jobs_that_nothing_joins_are_groups_of_their_own() -> None:
    edges = needs("b>a", "d>c", "e>d")

    assert components("abcdef", edges) == [["c", "d", "e"], ["a", "b"], ["f"]]


@pytest.mark.skipif(shutil.which("dot") is None, reason="Graphviz is not installed")
def test_dot_places_several_groups_by_one_call() -> None:
    one, other = GRAPHS["diamond"], GRAPHS["chain"]

    first, second = by_dot([("abcd", one), ("abcd", other)])

    assert list(overlaps(first)) == []
    assert set(first.edges) == set(one)
    assert second.boxes["a"][0] < second.boxes["b"][0] < second.boxes["d"][0]


def test_the_picture_tells_how_each_job_ended(served: Served) -> None:
    scheduler = JobScheduler(served.world.host)

    drawn = net(scheduler.graph(), {"backup": RunOutcome.RUNNING}, scheduler.now())

    boxes = {box.job_id: box for box in drawn.boxes}
    assert (boxes["backup"].tone, boxes["backup"].result) == ("busy", "▶ running")
    assert boxes["snapshot"].told == "Snapshot <of> tank: step; never ran"
    assert (boxes["gone"].schedule, boxes["gone"].href) == ("not defined", "")
    assert drawn.alone == 1
    assert [kind for kind, *_ in drawn.legend] == [
        "requires",
        "optional",
        "success_of",
        "conflicts",
    ]


def test_the_page_says_the_same_as_a_list(served: Served) -> None:
    text = served.as_role("viewer").get("/graph").text

    assert (
        '<a href="/jobs/backup">backup</a> requires <a href="/jobs/snapshot">snapshot</a>' in text
    )
    assert "gone <span" in text
    assert "Snapshot &lt;of&gt; tank" in text
    assert "1 without dependencies" in text


def test_the_graph_around_a_job(served: Served) -> None:
    client = served.as_role("viewer")

    text = client.get("/graph?job=snapshot").text

    assert 'data-job="verify"' in text
    assert 'data-job="report"' not in text
    assert client.get("/graph?job=nothing").status_code == 404


def test_files_that_are_wrong_hide_only_their_jobs(served: Served) -> None:
    served.world.write("jobs: [\n", "wrong.yaml")

    text = served.as_role("viewer").get("/graph").text

    assert "wrong.yaml:" in text
    assert 'data-job="backup"' in text
