# SPDX-License-Identifier: Apache-2.0
"""The places of a graph by Graphviz's dot, where that is installed: it finds the better ones."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from debvisor_timers.jobs.relations import Edge, EdgeKind
from debvisor_timers.operations.graphviz import drawn
from debvisor_timers.web.drawing.layers import BOX_HEIGHT, BOX_WIDTH, COLUMN, LINE, Placed

_INCH = 72.0
_MANY = 250
_SWIFT = "nslimit=0.2, nslimit1=0.5, mclimit=0.1"


def by_dot(groups: Sequence[tuple[Sequence[str], Sequence[Edge]]]) -> list[Placed]:
    """Return the places of each group of jobs, by one call of dot.

    Raises RefusedError where there is no dot, or it takes too long.
    """
    text = "".join(_dot(names, edges) for names, edges in groups)
    answers = drawn(text, "plain").split("\nstop\n")
    return [
        _placed(answer, names, edges)
        for answer, (names, edges) in zip(answers, groups, strict=False)
    ]


def _dot(names: Sequence[str], edges: Sequence[Edge]) -> str:
    haste = _SWIFT if len(edges) > _MANY else "splines=true"
    number = {name: at for at, name in enumerate(names)}
    gap, columns = (LINE - BOX_HEIGHT) / _INCH, (COLUMN - BOX_WIDTH) / _INCH
    lines = [
        f"digraph {{ graph [rankdir=LR, {haste}, nodesep={gap:.3f}, ranksep={columns:.3f}]",
        "node [shape=box, fixedsize=true] edge [arrowhead=none]",
        f"node [width={BOX_WIDTH / _INCH:.4f}, height={BOX_HEIGHT / _INCH:.4f}]",
        *(f"n{at}" for at in number.values()),
    ]
    for edge in edges:
        is_loose = edge.kind is EdgeKind.CONFLICTS
        loose = "[constraint=false]" if is_loose else "[tailport=e, headport=w]"
        lines.append(f"n{number[edge.needs]} -> n{number[edge.job]} {loose}")
    return "\n".join([*lines, "}\n"])


def _placed(answer: str, names: Sequence[str], edges: Sequence[Edge]) -> Placed:
    lines = [line.split() for line in answer.splitlines()]
    width, height = (float(word) * _INCH for word in lines[0][2:4])
    boxes = {
        names[int(words[1][1:])]: (
            round(float(words[2]) * _INCH - BOX_WIDTH / 2, 1),
            round(height - float(words[3]) * _INCH - BOX_HEIGHT / 2, 1),
        )
        for words in lines
        if words[0] == "node"
    }
    found = dict(_routes(lines, names, edges, height))
    return Placed(width=width, height=height, boxes=boxes, edges=found)


def _routes(
    lines: Sequence[Sequence[str]], names: Sequence[str], edges: Sequence[Edge], height: float
) -> Iterator[tuple[Edge, list[tuple[float, float]]]]:
    """Yield the points of each edge: several between the same two jobs come in their order."""
    open_ = list(edges)
    for words in lines:
        if words[0] != "edge":
            continue
        needs, job = (names[int(word[1:])] for word in words[1:3])
        edge = next(each for each in open_ if (each.needs, each.job) == (needs, job))
        open_.remove(edge)
        places = [float(word) * _INCH for word in words[4 : 4 + 2 * int(words[3])]]
        yield (
            edge,
            [(x, height - y) for x, y in zip(places[::2], places[1::2], strict=True)],
        )
