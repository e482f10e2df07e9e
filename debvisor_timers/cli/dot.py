# SPDX-License-Identifier: Apache-2.0
"""A graph as DOT, the language of Graphviz: from left to right in the order of running."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime

from debvisor_timers.cli import times
from debvisor_timers.cli.output import printable
from debvisor_timers.cli.results import lone_words, look_of, outcome_word
from debvisor_timers.jobs.relations import Edge, EdgeKind
from debvisor_timers.operations.graph import Graph, Node, edge_word, schedule_word

_FONT = "DejaVu Sans,Verdana,sans-serif"
_INK, _FAINT = "#1b1f24", "#57606a"
_LONGEST = 44
_ESCAPES = str.maketrans(
    {"\\": "\\\\", "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "]": "&#93;"}
)
_SPARE = "\N{NO-BREAK SPACE}"
"""Behind a result: a viewer may have its sign from another font than dot, and a wider one."""
_MANY = 250
_SWIFT = "splines=line, nslimit=0.2, nslimit1=0.5, mclimit=0.1"
"""For more edges than that: dot takes minutes for a better picture, and nobody sees the better."""


@dataclass(frozen=True, slots=True, kw_only=True)
class _Stroke:
    """How an edge is drawn, and what it means; `line` is how it looks in the legend."""

    style: str
    colour: str
    line: str
    meaning: str


_STROKES: Mapping[EdgeKind, _Stroke] = {
    EdgeKind.REQUIRES: _Stroke(
        style="solid",
        colour="#1b1f24",
        line="━━▶",
        meaning="runs only when the one before it has succeeded",
    ),
    EdgeKind.AFTER: _Stroke(
        style="dashed",
        colour="#57606a",
        line="╍╍▶",
        meaning="waits for the one before it, whatever its result",
    ),
    EdgeKind.OPTIONAL: _Stroke(
        style="dotted",
        colour="#57606a",
        line="┈┈▶",
        meaning="waits for the one before it, if there is such a job",
    ),
    EdgeKind.SUCCESS_OF: _Stroke(
        style="solid", colour="#1a7f37", line="━━▶", meaning="started when all have succeeded"
    ),
    EdgeKind.ANY_SUCCESS_OF: _Stroke(
        style="dashed", colour="#1a7f37", line="╍╍▶", meaning="started when one has succeeded"
    ),
    EdgeKind.FAILURE_OF: _Stroke(
        style="solid", colour="#cf222e", line="━━▶", meaning="started when it has failed"
    ),
    EdgeKind.CONFLICTS: _Stroke(
        style="dotted", colour="#bc4c00", line="┈┈┈", meaning="never run at the same time"
    ),
}


def dot_text(graph: Graph, *, at: datetime) -> str:
    """Return `graph` in DOT, as it is at the time `at`: UTF-8, ends with a line feed."""
    return "".join(f"{line}\n" for line in _lines(graph, at))


def _lines(graph: Graph, at: datetime) -> Iterator[str]:
    yield 'digraph "debvisor-timers" {'
    haste = _SWIFT if len(graph.edges) > _MANY else "splines=true"
    yield f"  graph [rankdir=LR, {haste}, nodesep=0.3, ranksep=0.7, pad=0.3,"
    yield f'    bgcolor="#ffffff", fontname="{_FONT}", fontsize=11, fontcolor="{_FAINT}",'
    yield f"    labelloc=b, labeljust=l, label=<{_legend(graph, at)}>]"
    yield '  node [shape=box, style="filled,rounded", penwidth=1.4, margin="0.18,0.08",'
    yield f'    fontname="{_FONT}", fontsize=11, fontcolor="{_INK}"]'
    yield f'  edge [fontname="{_FONT}", fontsize=9, arrowsize=0.8, penwidth=1.4]'
    yield ""
    for node in graph.nodes.values():
        yield f"  {quoted(node.job_id)} [{_node(node, is_asked=node.job_id == graph.job_id)}]"
    yield ""
    for edge in graph.edges:
        yield f"  {quoted(edge.needs)} -> {quoted(edge.job)} [{_edge(edge)}]"
    yield "}"


def _node(node: Node, *, is_asked: bool) -> str:
    look = look_of(node.last)
    rows = [f"<b>{escaped(node.job_id)}</b>"]
    if node.job is not None and node.job.title != node.job_id:
        rows.append(_small(_short(node.job.title), _INK))
    rows.append(_small(_short(schedule_word(node)), _FAINT))
    rows.append(_small(f"{look.sign} {_result(node)}{_SPARE}", look.ink))
    cells = "".join(f'<tr><td align="left">{row}</td></tr>' for row in rows)
    label = f'<table border="0" cellborder="0" cellspacing="0" cellpadding="1">{cells}</table>'
    style = "filled,rounded" if node.job and node.job.enabled else "filled,rounded,dashed"
    width = ", penwidth=3" if is_asked else ""
    return (
        f'label=<{label}>, style="{style}", color="{look.ink}", fillcolor="{look.paper}"{width},'
        f" tooltip={quoted(_told(node))}"
    )


def _result(node: Node) -> str:
    when = f" {times.short(node.last.end)}" if node.last else ""
    return f"{outcome_word(node.last)}{when}"


def _told(node: Node) -> str:
    """Return what is shown to who points at a job: all of what may be cut in its box."""
    title = f" ({node.job.title})" if node.job and node.job.title != node.job_id else ""
    result = (
        f"{node.last.outcome_words}, {times.local(node.last.end)}" if node.last else "never ran"
    )
    return f"{node.job_id}{title}: {schedule_word(node)}; {result}"


def _edge(edge: Edge) -> str:
    stroke = _STROKES[edge.kind]
    words = [f'style={stroke.style}, color="{stroke.colour}", fontcolor="{stroke.colour}"']
    if edge.kind is not EdgeKind.REQUIRES:
        words.append(f'label=" {edge_word(edge.kind)} "')
    if edge.kind is EdgeKind.CONFLICTS:
        words.append("dir=none, constraint=false, penwidth=2")
    words.append(f"tooltip={quoted(str(edge))}")
    return ", ".join(words)


def _legend(graph: Graph, at: datetime) -> str:
    used = {edge.kind for edge in graph.edges}
    rows = [_wide(_SPARE), _wide(f"<b>Jobs at {escaped(times.local(at))}</b>")]
    rows += [_strokes(kind, stroke) for kind, stroke in _STROKES.items() if kind in used]
    if graph.alone:
        rows.append(_wide(escaped(lone_words(graph))))
    table = "".join(f"<tr>{row}</tr>" for row in rows)
    return f'<table border="0" cellborder="0" cellspacing="2" cellpadding="1">{table}</table>'


def _wide(text: str) -> str:
    return f'<td align="left" colspan="3">{text}</td>'


def _strokes(kind: EdgeKind, stroke: _Stroke) -> str:
    coloured = (
        f'<font color="{stroke.colour}">{text}</font>' for text in (stroke.line, edge_word(kind))
    )
    return "".join(f'<td align="left">{cell}</td>' for cell in (*coloured, stroke.meaning))


def _small(text: str, colour: str) -> str:
    return f'<font point-size="10" color="{colour}">{escaped(text)}</font>'


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1].rstrip()}…"


def escaped(text: str) -> str:
    """Return `text` for a label in the form of HTML: any character, none with a meaning.

    Graphviz reads its own escapes there too: a backslash and N is the id of the node. And dot 2.42
    takes a label for wrong where a bracket, which might begin the end of CDATA, ends a text.
    """
    return printable(text).translate(_ESCAPES)


def quoted(text: str) -> str:
    """Return `text` as a quoted string for an id or a tooltip, where entities of HTML are read too.

    dot 2.42 looks for escapes in a tooltip twice, so a backslash is written four times.
    """
    told = printable(text).replace("\\", "\\" * 4).replace("&", "&amp;")
    return '"' + told.replace('"', '\\"') + '"'
