# SPDX-License-Identifier: Apache-2.0
"""A graph drawn with characters: beneath each job what it needs, as systemctl has it."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

import click

from debvisor_timers.cli import times
from debvisor_timers.cli.results import lone_words, look_of, outcome_word
from debvisor_timers.jobs.relations import EdgeKind
from debvisor_timers.operations.graph import Graph, Node, edge_word, schedule_word

_GAP = "  "
_WIDEST_STEM = 30
"""Where a stem is wider, the tree goes on at the left: the words beside it need room."""
_GOOD_WORDS, _LEAST_WORDS = 18, 10
"""So many columns are left for the schedule by most ids, and by the longest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Paper:
    """What there is to draw on: columns, whether it takes UTF-8, and what time it is."""

    width: int
    is_unicode: bool
    now: datetime


@dataclass(frozen=True, slots=True, kw_only=True)
class _Characters:
    child: str
    last_child: str
    trunk: str
    above: str
    below: str
    cut: str


_UNICODE = _Characters(
    child="├─ ", last_child="└─ ", trunk="│  ", above="↑ above", below="↓ below", cut="…"
)
_ASCII = _Characters(
    child="|- ", last_child="`- ", trunk="|  ", above="^ above", below="v below", cut="~"
)
_ROOM = "   "


@dataclass(frozen=True, slots=True, kw_only=True)
class _Columns:
    """How wide each column is."""

    job: int
    last: int
    words: int


@dataclass(frozen=True, slots=True, kw_only=True)
class _Twig:
    """One line of the tree: a job, the words around its id, and the branch that it hangs on.

    stem: what its own twigs stand behind. place: where it stands in full, empty for here.
    """

    job_id: str
    before: str = ""
    after: str = ""
    branch: str = ""
    stem: str = ""
    is_conflict: bool = False
    place: str = ""

    @property
    def is_root(self) -> bool:
        return not (self.branch or self.before or self.after)

    @property
    def width(self) -> int:
        return sum(map(len, (self.branch, self.before, self.job_id, self.after)))


def tree(graph: Graph, paper: Paper) -> Iterator[str]:
    """Yield the lines of the tree; those of one job are followed by all that need it."""
    if graph.nodes:
        yield from _parts(graph, paper)
    if graph.alone:
        yield lone_words(graph)


def _parts(graph: Graph, paper: Paper) -> Iterator[str]:
    signs = _UNICODE if paper.is_unicode else _ASCII
    twigs = _needs(graph)
    if graph.job_id:
        parts = {"JOB": list(_grow([_Twig(job_id=graph.job_id)], twigs, signs))}
        needed_by = _needed_by(graph)
        found = list(_grow(needed_by.get(graph.job_id, ()), needed_by, signs))
        parts |= {"NEEDED BY": found} if found else {}
    else:
        parts = {"JOB": list(_grow(_roots(graph), twigs, signs, is_whole=True))}
    columns = _columns(parts, graph, paper)
    for number, (title, part) in enumerate(parts.items()):
        if number:
            yield ""
        heading = f"{title:{columns.job}}{_GAP}{'LAST':{columns.last}}{_GAP}SCHEDULE"
        yield click.style(heading, bold=True)
        for twig in part:
            yield _drawn(twig, graph.nodes[twig.job_id], columns, paper)


def _needs(graph: Graph) -> dict[str, list[_Twig]]:
    """Return the twigs of each job: what it needs, then what it is in conflict with."""
    found = {
        job_id: [_Twig(job_id=edge.needs, before=f"{edge_word(edge.kind)} ") for edge in edges]
        for job_id, edges in graph.needs.items()
    }
    before = f"{edge_word(EdgeKind.CONFLICTS)} "
    for job_id, others in graph.conflicts.items():
        found.setdefault(job_id, []).extend(
            _Twig(job_id=other, before=before, is_conflict=True) for other in others
        )
    return found


def _needed_by(graph: Graph) -> dict[str, list[_Twig]]:
    return {
        job_id: [_Twig(job_id=edge.job, after=f" {edge_word(edge.kind)} it") for edge in edges]
        for job_id, edges in graph.needed_by.items()
    }


def _roots(graph: Graph) -> list[_Twig]:
    """Return the jobs that nothing needs; then all, for those that need each other in a circle."""
    free = [job_id for job_id in graph.nodes if job_id not in graph.needed_by]
    return [_Twig(job_id=job_id) for job_id in (*free, *graph.nodes)]


def _grow(
    roots: Iterable[_Twig],
    twigs: Mapping[str, Sequence[_Twig]],
    signs: _Characters,
    *,
    is_whole: bool = False,
) -> Iterator[_Twig]:
    """Yield `roots` and all beneath; a job unfolds once, and is referred to when it comes again.

    A stem that would be too wide is cut, and goes on as the next root. is_whole: each job that is
    in a conflict stands somewhere in full.
    """
    stack, cut, left = list[_Twig](), deque[_Twig](), deque(roots)
    unfolded = set[str]()
    while stack or cut or left:
        twig = stack.pop() if stack else (cut or left).popleft()
        if twig.is_root and twig.job_id in unfolded:
            continue
        beneath = _beneath(twig, twigs.get(twig.job_id, ()), signs)
        if twig.job_id in unfolded:
            twig = replace(twig, place=signs.above)
        elif len(twig.stem) > _WIDEST_STEM and beneath and not twig.is_conflict:
            cut.append(_Twig(job_id=twig.job_id))
            twig = replace(twig, place=signs.below)
        elif twig.is_conflict:
            twig = replace(twig, place=signs.below if is_whole else "")
        else:
            unfolded.add(twig.job_id)
            stack += reversed(beneath)
        yield twig


def _beneath(twig: _Twig, children: Sequence[_Twig], signs: _Characters) -> list[_Twig]:
    return [
        replace(
            child,
            branch=twig.stem + (signs.child if number < len(children) else signs.last_child),
            stem=twig.stem + (signs.trunk if number < len(children) else _ROOM),
        )
        for number, child in enumerate(children, 1)
    ]


def _columns(parts: Mapping[str, Sequence[_Twig]], graph: Graph, paper: Paper) -> _Columns:
    """Return how wide each column is: the first and the last share what the results leave."""
    twigs = [twig for part in parts.values() for twig in part if not twig.place]
    last = max(len(_last(graph.nodes[twig.job_id], paper)) for twig in twigs)
    words = max(len(schedule_word(graph.nodes[twig.job_id])) for twig in twigs)
    room = paper.width - last - 2 * len(_GAP)
    widest = max(len(title) for title in parts), *(twig.width for twig in twigs)
    job = min(max(widest), max(room - words, room - _GOOD_WORDS))
    return _Columns(job=job, last=last, words=max(room - job, _LEAST_WORDS))


def _drawn(twig: _Twig, node: Node, columns: _Columns, paper: Paper) -> str:
    """Return the line of a job; one that stands elsewhere in full is only referred to there."""
    colour = look_of(node.last).colour
    before = _dim(twig.branch + twig.before)
    job = f"{before}{click.style(twig.job_id, fg=colour, bold=True)}{_dim(twig.after)}"
    room = " " * max(columns.job - twig.width, 0)
    if twig.place:
        return f"{job}{room}{_GAP}{_dim(twig.place)}"
    last = _last(node, paper)
    words = _cut(schedule_word(node), columns.words - max(twig.width - columns.job, 0), paper)
    result = click.style(last.ljust(columns.last), fg=colour, dim=colour is None or None)
    return _GAP.join((job + room, result, words))


def _last(node: Node, paper: Paper) -> str:
    look = look_of(node.last)
    text = f"{look.sign if paper.is_unicode else look.ascii_sign} {outcome_word(node.last)}"
    return f"{text} {times.relative(node.last.end, now=paper.now)}" if node.last else text


def _cut(text: str, width: int, paper: Paper) -> str:
    if len(text) <= width:
        return text
    signs = _UNICODE if paper.is_unicode else _ASCII
    return f"{text[: max(width, _LEAST_WORDS) - 1].rstrip()}{signs.cut}"


def _dim(text: str) -> str:
    return click.style(text, dim=True) if text else ""
