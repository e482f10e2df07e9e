# SPDX-License-Identifier: Apache-2.0
"""graph: which job depends on which other, as a tree, as DOT or as a picture."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import click

from debvisor_timers.cli import times
from debvisor_timers.cli.options import JOB, json_option
from debvisor_timers.cli.output import counted, echo_json, echo_problems, takes_unicode
from debvisor_timers.errors import ExitCode, UsageError

if TYPE_CHECKING:
    from debvisor_timers.operations.graph import Graph

_STDOUT = "-"


@click.command("graph", epilog="Example: debvisor-timers graph nightly-backup --svg backup.svg")
@click.argument("job", metavar="[JOB]", default="", type=JOB)
@click.option("--dot", "as_dot", is_flag=True, help="Print DOT instead, the language of Graphviz.")
@click.option(
    "--svg",
    metavar="FILE",
    type=click.Path(),
    help="Draw into this file instead, by Graphviz, as SVG; - is standard output.",
)
@json_option
def command(*, job: str, as_dot: bool, svg: str | None, as_json: bool) -> int:
    """Show which job depends on which other, and how each ended last.

    All jobs, or JOB with all that it needs and all that need it. Exits with 3 when a file is
    wrong; the jobs of the others are shown.
    """
    from debvisor_timers.scheduler import Scheduler

    _check(as_dot=as_dot, svg=svg, as_json=as_json)
    graph = Scheduler.system().graph(job)
    if svg is not None:
        _draw(graph, svg)
    if as_json:
        from debvisor_timers.operations.documents.graph import graph_document

        echo_json(graph_document(graph))
    elif as_dot:
        from debvisor_timers.cli.dot import dot_text

        click.echo(dot_text(graph, at=times.now()).encode(), nl=False)
    elif svg is None:
        _echo(graph)
    elif svg != _STDOUT:
        click.echo(f"{svg}: {counted(len(graph.nodes), 'job')}")
    if graph.problems:
        echo_problems(graph.problems)
    is_wrong = any(problem.is_error for problem in graph.problems)
    return ExitCode.DEFINITIONS if is_wrong else ExitCode.DONE


def _check(*, as_dot: bool, svg: str | None, as_json: bool) -> None:
    """Refuse what would put two answers on standard output."""
    if as_dot and svg is not None:
        raise UsageError("--dot and --svg together", fix="write one of them")
    if as_dot and as_json:
        raise UsageError("--dot and --json together", fix="write one of them")
    if svg == _STDOUT and as_json:
        raise UsageError("--svg - and --json together", fix="write one of them into a file")


def _echo(graph: Graph) -> None:
    from debvisor_timers.cli.tree import Paper, tree

    width = shutil.get_terminal_size().columns
    paper = Paper(width=width, is_unicode=takes_unicode(), now=times.now())
    for line in tree(graph, paper):
        click.echo(line.rstrip())
    if not (graph.nodes or graph.alone or graph.problems):
        click.echo("no jobs; write one into /etc/debvisor/timers/jobs.d/")


def _draw(graph: Graph, file: str) -> None:
    from debvisor_timers.cli.dot import dot_text
    from debvisor_timers.cli.file import write_file
    from debvisor_timers.operations.graphviz import svg_of

    svg = svg_of(dot_text(graph, at=times.now()))
    if file == _STDOUT:
        click.echo(svg.encode(), nl=False)
    else:
        write_file(Path(file), svg)
