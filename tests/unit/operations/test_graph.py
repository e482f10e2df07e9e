# SPDX-License-Identifier: Apache-2.0
"""graph: all that joins jobs, and what of it belongs to one job."""

from __future__ import annotations

import pytest

from debvisor_timers.errors import DefinitionError, NotFoundError
from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.jobs.relations import Edge, EdgeKind
from debvisor_timers.operations.graph import Graph, around, graph
from tests.unit.operations.last_runs import FAILED_AT_TWO, note_last
from tests.unit.operations.world import World

TRUE = "command: [/bin/true]"
WORKFLOW = f"""\
jobs:
  backup: {{schedule: "0 2 * * *", {TRUE}}}
  verify: {{schedule: "0 2 * * *", depends_on: [backup], {TRUE}}}
  archive: {{schedule: "0 2 * * *", depends_on: [verify], {TRUE}}}
  lonely: {{{TRUE}}}
"""
EVERY_KIND = f"""\
jobs:
  a: {{{TRUE}}}
  b: {{{TRUE}}}
  all-kinds:
    {TRUE}
    depends_on:
      - a
      - {{job: b, type: after}}
      - {{job: gone, type: optional}}
      - {{unit: network.target}}
    conflicts_with: [b]
  chain: {{triggers: [{{success_of: [a, b]}}], {TRUE}}}
  either: {{triggers: [{{any_success_of: [a, b]}}], {TRUE}}}
  alarm: {{triggers: [{{failure_of: [a]}}], {TRUE}}}
"""


def of(world: World, text: str, job_id: str = "") -> Graph:
    world.write(text)
    return graph(world.host, job_id)


def edges(found: Graph) -> list[tuple[str, str, str]]:
    return [(edge.job, str(edge.kind), edge.needs) for edge in found.edges]


def test_jobs_without_an_edge_are_counted_alone(world: World) -> None:
    found = of(world, WORKFLOW)

    assert list(found.nodes) == ["archive", "backup", "verify"]
    assert edges(found) == [("archive", "requires", "verify"), ("verify", "requires", "backup")]
    assert (found.alone, found.job_id, found.problems) == (1, "", ())


def test_every_kind_of_edge_is_there_and_units_are_not(world: World) -> None:
    found = of(world, EVERY_KIND)

    assert {edge.kind for edge in found.edges} == set(EdgeKind)
    assert edges(found) == [
        ("alarm", "failure_of", "a"),
        ("all-kinds", "requires", "a"),
        ("all-kinds", "after", "b"),
        ("all-kinds", "optional", "gone"),
        ("all-kinds", "conflicts", "b"),
        ("chain", "success_of", "a"),
        ("chain", "success_of", "b"),
        ("either", "any_success_of", "a"),
        ("either", "any_success_of", "b"),
    ]
    assert (found.nodes["gone"].job, found.nodes["gone"].is_needed) == (None, True)
    assert found.nodes["a"].is_needed
    assert not found.nodes["alarm"].is_needed


@pytest.mark.parametrize(
    ("job_id", "others"),
    [
        ("backup", ["archive", "backup", "verify"]),
        ("verify", ["archive", "backup", "verify"]),
        ("lonely", ["lonely"]),
    ],
)
def test_one_job_comes_with_all_that_it_needs_and_all_that_need_it(
    world: World, job_id: str, others: list[str]
) -> None:
    found = of(world, WORKFLOW, job_id)

    assert (found.job_id, list(found.nodes), found.alone) == (job_id, others, 0)


def test_what_a_neighbour_needs_is_no_part_of_a_job(world: World) -> None:
    found = of(world, EVERY_KIND, "chain")

    assert list(found.nodes) == ["a", "b", "chain"]


def test_a_conflict_leads_to_one_job_and_no_further(world: World) -> None:
    text = f"""\
jobs:
  a: {{conflicts_with: [b], {TRUE}}}
  b: {{conflicts_with: [a, c], depends_on: [d], {TRUE}}}
  c: {{{TRUE}}}
  d: {{{TRUE}}}
"""
    found = of(world, text, "a")

    assert list(found.nodes) == ["a", "b"]
    assert edges(found) == [("a", "conflicts", "b")], "written by both, one edge"
    assert of(world, text).conflicts == {"a": ["b"], "b": ["a", "c"], "c": ["b"]}


def test_the_last_run_is_that_of_list(world: World) -> None:
    note_last(world, "backup", FAILED_AT_TWO)

    nodes = of(world, WORKFLOW).nodes

    assert nodes["backup"].last is not None
    assert nodes["backup"].last.outcome is RunOutcome.FAILED
    assert nodes["verify"].last is None


def test_jobs_in_a_circle_are_all_around_each_other() -> None:
    circle = [Edge(EdgeKind.REQUIRES, *pair) for pair in ("ab", "bc", "ca")]

    assert around([*circle, Edge(EdgeKind.AFTER, "x", "y")], "a") == {"a", "b", "c"}


def test_an_unknown_job_has_no_graph(world: World) -> None:
    with pytest.raises(NotFoundError, match="there is no job 'nobody'"):
        of(world, WORKFLOW, "nobody")


def test_a_job_that_a_wrong_file_may_define_is_told_by_its_mistake(world: World) -> None:
    world.write("jobs: {late: {schedule: '0 25 * * *', command: [/bin/true]}}\n", "b.yaml")

    with pytest.raises(DefinitionError, match="hour 25"):
        of(world, WORKFLOW, "late")
    found = of(world, WORKFLOW)
    assert list(found.nodes) == ["archive", "backup", "verify"]
    assert len(found.problems) == 1


def test_a_chain_of_many_jobs_takes_no_depth_of_ours(world: World) -> None:
    lines = ["jobs:", f"  j0: {{{TRUE}}}"]
    lines += [f"  j{n}: {{depends_on: [j{n - 1}], {TRUE}}}" for n in range(1, 3000)]
    world.write("\n".join(lines))

    assert len(graph(world.host, "j1500").nodes) == 3000
