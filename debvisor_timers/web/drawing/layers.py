# SPDX-License-Identifier: Apache-2.0
"""Where the jobs of a graph are drawn: in columns, from left to right in the order of running.

The usual way (Sugiyama): columns by the longest path, few crossings by the means of neighbours,
and a place of its own for each column that a long edge passes.
"""

from __future__ import annotations

from bisect import bisect_right, insort
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from debvisor_timers.jobs.relations import Edge, EdgeKind

BOX_WIDTH, BOX_HEIGHT = 196.0, 56.0
COLUMN, LINE = 270.0, 74.0
"""From the left of a box to that of the next column; from the top of a box to that below it."""

_PASSING = 22.0
_SWEEPS = 12

_Spot = tuple[str, int]
"""A job in its column, or the place where an edge passes that column: then the name has a space."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Placed:
    """Jobs and edges with their places: the left top of each box, the points of each edge.

    edges: begin at the right of the job that is needed, end at the left of the one that needs it;
    three points for each curve, as Bézier has them, after the first.
    """

    width: float
    height: float
    boxes: Mapping[str, tuple[float, float]]
    edges: Mapping[Edge, Sequence[tuple[float, float]]]


def components(names: Iterable[str], edges: Sequence[Edge]) -> list[list[str]]:
    """Return the jobs in groups that no edge joins, the largest first."""
    near: dict[str, set[str]] = {name: set() for name in names}
    for edge in edges:
        near[edge.job].add(edge.needs)
        near[edge.needs].add(edge.job)
    found, left = [], dict.fromkeys(near)
    while left:
        group, waiting = [], [next(iter(left))]
        while waiting:
            name = waiting.pop()
            if name in left:
                del left[name]
                group.append(name)
                waiting += sorted(near[name])
        found.append(sorted(group))
    return sorted(found, key=lambda group: (-len(group), group))


def in_layers(names: Sequence[str], edges: Sequence[Edge]) -> Placed:
    """Return the places of jobs that edges join."""
    arrows = _without_circles(
        names, [edge for edge in edges if edge.kind is not EdgeKind.CONFLICTS]
    )
    columns = _columns(names, arrows, edges)
    routes = {edge: _route(edge, columns) for edge in arrows}
    layers = _ordered(_layers(columns, routes.values()), _neighbours(routes.values()))
    y = _heights(layers, _neighbours(routes.values()))
    boxes = {name: (columns[name] * COLUMN, y[name, columns[name]]) for name in names}
    found = {}
    for edge in edges:
        spots = routes.get(edge)
        found[edge] = _curve(spots, y) if spots else _direct(edge, boxes)
    height = max(top for _, top in boxes.values()) + BOX_HEIGHT
    return Placed(
        width=max(columns.values()) * COLUMN + BOX_WIDTH, height=height, boxes=boxes, edges=found
    )


def _without_circles(names: Sequence[str], edges: Sequence[Edge]) -> list[Edge]:
    """Return the edges but those that lead back: files that are wrong may hold a circle."""
    after, missing = defaultdict[str, list[Edge]](list), dict.fromkeys(names, 0)
    for edge in edges:
        after[edge.needs].append(edge)
        missing[edge.job] += 1
    kept: list[Edge] = []
    while missing:
        # Where each of those that are left needs another one, the first is taken as it is.
        name = next((each for each, many in missing.items() if not many), next(iter(missing)))
        del missing[name]
        for edge in after[name]:
            if edge.job in missing:
                missing[edge.job] -= 1
                kept.append(edge)
    return kept


def _columns(names: Sequence[str], arrows: Sequence[Edge], edges: Sequence[Edge]) -> dict[str, int]:
    """Return the column of each job: behind all that it needs, as near as it goes to what follows.

    One that is only in conflict with another stands in that one's column.
    """
    before, after = defaultdict[str, set[str]](set), defaultdict[str, set[str]](set)
    for edge in arrows:
        before[edge.job].add(edge.needs)
        after[edge.needs].add(edge.job)
    column: dict[str, int] = {}
    waiting = [name for name in names if not before[name]]
    open_ = {name: len(before[name]) for name in names}
    for name in waiting:
        column[name] = max((column[other] + 1 for other in before[name]), default=0)
        for other in sorted(after[name]):
            open_[other] -= 1
            if not open_[other]:
                waiting.append(other)
    for name in reversed(waiting):
        if after[name] and not before[name]:
            column[name] = min(column[other] for other in after[name]) - 1
    for edge in edges:
        for one, other in ((edge.job, edge.needs), (edge.needs, edge.job)):
            if not before[one] and not after[one]:
                column[one] = column[other]
    return column


def _route(edge: Edge, columns: Mapping[str, int]) -> list[_Spot]:
    """Return the spots that an edge passes, from the job that is needed to the one that needs."""
    first, last = columns[edge.needs], columns[edge.job]
    passing = [
        (f"{edge.needs} {edge.job} {edge.kind}", number) for number in range(first + 1, last)
    ]
    return [(edge.needs, first), *passing, (edge.job, last)]


def _layers(columns: Mapping[str, int], routes: Iterable[Sequence[_Spot]]) -> list[list[_Spot]]:
    layers: list[list[_Spot]] = [[] for _ in range(max(columns.values()) + 1)]
    for name, number in columns.items():
        layers[number].append((name, number))
    for route in routes:
        for spot in route[1:-1]:
            layers[spot[1]].append(spot)
    return layers


def _neighbours(
    routes: Iterable[Sequence[_Spot]],
) -> dict[_Spot, tuple[list[_Spot], list[_Spot]]]:
    """Return of each spot those before and those behind it."""
    found = defaultdict[_Spot, tuple[list[_Spot], list[_Spot]]](lambda: ([], []))
    for route in routes:
        for left, right in pairwise(route):
            found[right][0].append(left)
            found[left][1].append(right)
    return found


def _ordered(
    layers: list[list[_Spot]], near: Mapping[_Spot, tuple[list[_Spot], list[_Spot]]]
) -> list[list[_Spot]]:
    """Return each column in an order with few crossings."""
    rank = {spot: float(at) for layer in layers for at, spot in enumerate(layer)}
    best, fewest = [list(layer) for layer in layers], _crossings(layers, near)
    for sweep in range(_SWEEPS):
        side = sweep % 2
        for layer in layers if side == 0 else layers[::-1]:
            means = {
                spot: _mean([rank[other] for other in near[spot][side]], rank[spot])
                if spot in near
                else rank[spot]
                for spot in layer
            }
            layer.sort(key=lambda spot: (means[spot], spot))
            rank.update((spot, float(at)) for at, spot in enumerate(layer))
        number = _crossings(layers, near)
        if number < fewest:
            best, fewest = [list(layer) for layer in layers], number
    return best


def _crossings(
    layers: Sequence[Sequence[_Spot]], near: Mapping[_Spot, tuple[list[_Spot], list[_Spot]]]
) -> int:
    number = 0
    for layer in layers:
        rank = {spot: at for at, spot in enumerate(layer)}
        before = layers[layer[0][1] - 1] if layer and layer[0][1] else ()
        ends = [
            sorted(rank[other] for other in near[spot][1] if other in rank)
            for spot in before
            if spot in near
        ]
        seen: list[int] = []
        for one in (each for some in ends for each in some):
            number += len(seen) - bisect_right(seen, one)
            insort(seen, one)
    return number


def _heights(
    layers: Sequence[Sequence[_Spot]], near: Mapping[_Spot, tuple[list[_Spot], list[_Spot]]]
) -> dict[_Spot, float]:
    """Return the top of each spot: near the mean of its neighbours, and no two too close."""
    y: dict[_Spot, float] = {}
    for layer in layers:
        at = 0.0
        for spot in layer:
            y[spot] = at
            at += _room(spot)
    for sweep in range(_SWEEPS):
        for layer in layers if sweep % 2 else layers[::-1]:
            wanted = [
                _mean([y[other] for side in near[spot] for other in side], y[spot])
                if spot in near
                else y[spot]
                for spot in layer
            ]
            y.update(zip(layer, _apart(wanted, [_room(spot) for spot in layer]), strict=True))
    least = min(y.values())
    return {spot: round(at - least, 1) for spot, at in y.items()}


def _apart(wanted: Sequence[float], rooms: Sequence[float]) -> list[float]:
    """Return places in the same order with room between them, as near to the wanted as can be.

    What is too close is moved together, so that the mean of the group stays.
    """
    offsets, total = [], 0.0
    for room in rooms:
        offsets.append(total)
        total += room
    groups: list[tuple[float, int]] = []
    for want, offset in zip(wanted, offsets, strict=True):
        groups.append((want - offset, 1))
        while len(groups) > 1 and groups[-2][0] > groups[-1][0]:
            (two, many), (one, few) = groups.pop(), groups.pop()
            groups.append(((one * few + two * many) / (few + many), few + many))
    bases = [base for base, many in groups for _ in range(many)]
    return [base + offset for base, offset in zip(bases, offsets, strict=True)]


def _room(spot: _Spot) -> float:
    return _PASSING if " " in spot[0] else LINE


def _mean(values: Sequence[float], otherwise: float) -> float:
    return sum(values) / len(values) if values else otherwise


def _curve(route: Sequence[_Spot], y: Mapping[_Spot, float]) -> list[tuple[float, float]]:
    points: list[tuple[float, float]] = []
    for name, number in route:
        left = number * COLUMN
        middle = y[name, number] + BOX_HEIGHT / 2
        points += [(left, middle), (left + BOX_WIDTH, middle)]
    points = points[1:-1]
    found = [points[0]]
    for (x1, y1), (x2, y2) in pairwise(points):
        half = (x2 - x1) / 2
        found += [(x1 + half, y1), (x2 - half, y2), (x2, y2)]
    return found


def _direct(edge: Edge, boxes: Mapping[str, tuple[float, float]]) -> list[tuple[float, float]]:
    """Return an edge that is in no column: of a conflict, or one that leads back."""
    (x1, y1), (x2, y2) = boxes[edge.needs], boxes[edge.job]
    if x1 > x2:
        (x1, y1), (x2, y2) = (x2, y2), (x1, y1)
    half = BOX_HEIGHT / 2
    if x1 == x2:
        # Within a column it goes around at the right of both.
        out = x1 + BOX_WIDTH + 26.0
        return [
            (x1 + BOX_WIDTH, y1 + half),
            (out, y1 + half),
            (out, y2 + half),
            (x1 + BOX_WIDTH, y2 + half),
        ]
    begin, end, way = x1 + BOX_WIDTH, x2, (x2 - x1 - BOX_WIDTH) / 2
    return [(begin, y1 + half), (begin + way, y1 + half), (end - way, y2 + half), (end, y2 + half)]
