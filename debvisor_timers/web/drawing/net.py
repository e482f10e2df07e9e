# SPDX-License-Identifier: Apache-2.0
"""The graph of jobs as a picture: boxes that are links, and edges in the order of running."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.history.outcome import UNDER_WAY, RunOutcome
from debvisor_timers.jobs.relations import Edge, EdgeKind
from debvisor_timers.operations.graph import Graph, Node, edge_word, schedule_word
from debvisor_timers.operations.times import relative
from debvisor_timers.web.drawing.by_dot import by_dot
from debvisor_timers.web.drawing.layers import BOX_HEIGHT, BOX_WIDTH, Placed, components, in_layers

_WIDEST = 1280.0
_GAP = 34.0
_MARGIN = 6.0
_LETTERS, _SMALL_LETTERS = 25, 29
_WORTH_DOT = 4
_TOO_MANY = 400
"""For more edges than that dot may take seconds, and a worker is held up."""

_MEANINGS: Mapping[EdgeKind, str] = {
    EdgeKind.REQUIRES: "runs only when the one before it has succeeded",
    EdgeKind.AFTER: "waits for the one before it, whatever its result",
    EdgeKind.OPTIONAL: "waits for the one before it, if there is such a job",
    EdgeKind.SUCCESS_OF: "started when all have succeeded",
    EdgeKind.ANY_SUCCESS_OF: "started when one has succeeded",
    EdgeKind.FAILURE_OF: "started when it has failed",
    EdgeKind.CONFLICTS: "never run at the same time",
}
_TONES: Mapping[RunOutcome | None, tuple[str, str]] = {
    None: ("none", "○"),
    RunOutcome.SUCCEEDED: ("good", "✓"),
    RunOutcome.FAILED: ("bad", "✗"),
    RunOutcome.TIMED_OUT: ("bad", "!"),
    RunOutcome.LOST: ("bad", "?"),
    RunOutcome.STOPPED: ("warn", "■"),
    RunOutcome.SKIPPED: ("none", "»"),
    **dict.fromkeys(UNDER_WAY, ("busy", "▶")),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Box:
    """A job: the left top of its box, three lines of text that fit into it, all of it in words.

    tone: how it ended last. href: empty where no file defines it.
    """

    job_id: str
    x: float
    y: float
    title: str
    schedule: str
    result: str
    tone: str
    told: str
    href: str
    is_off: bool
    is_asked: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """An edge from one job to another: its kind, its path, what it means in words."""

    kind: str
    begin: str
    end: str
    path: str
    told: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Net:
    """The picture. legend: kinds of edges that are there, each with its key and what it means."""

    width: float
    height: float
    boxes: tuple[Box, ...]
    lines: tuple[Line, ...]
    legend: tuple[tuple[str, str, str], ...]
    alone: int
    box: tuple[float, float] = (BOX_WIDTH, BOX_HEIGHT)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Shelf:
    """A group of jobs with its place on the page."""

    placed: Placed
    x: float
    y: float


def net(graph: Graph, states: Mapping[str, RunOutcome], now: datetime) -> Net:
    """Return the picture of `graph` as it is `now`; states: of jobs that run."""
    groups = [
        (group, [edge for edge in graph.edges if edge.job in set(group)])
        for group in components(graph.nodes, graph.edges)
    ]
    shelves = _on_shelves(_places(groups))
    at = {
        name: (shelf.x + x, shelf.y + y)
        for shelf in shelves
        for name, (x, y) in shelf.placed.boxes.items()
    }
    used = {edge.kind for edge in graph.edges}
    return Net(
        width=max((shelf.x + shelf.placed.width for shelf in shelves), default=0) + _MARGIN,
        height=max((shelf.y + shelf.placed.height for shelf in shelves), default=0) + _MARGIN,
        boxes=tuple(
            _box(node, at[name], states.get(name), is_asked=name == graph.job_id, now=now)
            for name, node in graph.nodes.items()
        ),
        lines=tuple(
            Line(
                kind=str(edge.kind),
                begin=edge.needs,
                end=edge.job,
                path=_path(points, shelf),
                told=str(edge),
            )
            for shelf in shelves
            for edge, points in shelf.placed.edges.items()
        ),
        legend=tuple(
            (str(kind), edge_word(kind), words) for kind, words in _MEANINGS.items() if kind in used
        ),
        alone=graph.alone,
    )


def _places(groups: Sequence[tuple[list[str], list[Edge]]]) -> list[Placed]:
    """Return the places in each group: those of many jobs by dot, where it is there."""
    is_small = sum(len(edges) for _, edges in groups) <= _TOO_MANY
    worth = [group for group in groups if is_small and len(group[0]) >= _WORTH_DOT]
    try:
        by = by_dot(worth) if worth else []
    except (DebvisorTimersError, ValueError, LookupError):
        by = []  # not installed, too slow, or not to be understood: ours are good enough
    return [*by, *(in_layers(*group) for group in groups[len(by) :])]


def _on_shelves(places: Sequence[Placed]) -> list[_Shelf]:
    """Put the groups beside and below each other, so that the page is not too wide."""
    widest = max([_WIDEST, *(placed.width for placed in places)])
    shelves: list[_Shelf] = []
    x, y, tallest = _MARGIN, _MARGIN, 0.0
    for placed in places:
        if x > _MARGIN and x + placed.width > widest:
            x, y, tallest = _MARGIN, y + tallest + _GAP, 0.0
        shelves.append(_Shelf(placed=placed, x=x, y=y))
        x += placed.width + _GAP * 1.5
        tallest = max(tallest, placed.height)
    return shelves


def _path(points: Sequence[tuple[float, float]], shelf: _Shelf) -> str:
    moved = [f"{x + shelf.x:.1f} {y + shelf.y:.1f}" for x, y in points]
    curves = (" ".join(moved[at : at + 3]) for at in range(1, len(moved), 3))
    return f"M{moved[0]}" + "".join(f"C{curve}" for curve in curves)


def _box(
    node: Node,
    place: tuple[float, float],
    state: RunOutcome | None,
    *,
    is_asked: bool,
    now: datetime,
) -> Box:
    outcome = state or (node.last.outcome if node.last else None)
    tone, sign = _TONES[outcome]
    title = node.job.title if node.job else node.job_id
    words = "never ran" if outcome is None else str(outcome).replace("_", " ")
    when = _when(node, now) if node.last and state is None else ""
    return Box(
        job_id=node.job_id,
        x=round(place[0], 1),
        y=round(place[1], 1),
        title=_short(title, _LETTERS),
        schedule=_short(schedule_word(node), _SMALL_LETTERS),
        result=f"{sign} {_short(f'{words}{when}', _SMALL_LETTERS)}",
        tone=tone,
        told=f"{title}: {schedule_word(node)}; {words}{when}",
        href=f"/jobs/{node.job_id}" if node.job else "",
        is_off=node.job is None or not node.job.enabled,
        is_asked=is_asked,
    )


def _when(node: Node, now: datetime) -> str:
    if node.last is None or node.last.end is None:
        return ""
    return f" {relative(node.last.end, now=now)}"


def _short(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"
