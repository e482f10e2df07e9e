# SPDX-License-Identifier: Apache-2.0
"""task show: what a task type does, and what it is given."""

from __future__ import annotations

import json
import textwrap
from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from debvisor_timers.cli.complete import complete_task_type
from debvisor_timers.cli.options import json_option
from debvisor_timers.cli.output import echo_json

if TYPE_CHECKING:
    from debvisor_timers.operations.task_list import KnownType

_WIDTH = 80


@click.command("task show", epilog="Example: debvisor-timers task show vm_snapshot")
@click.argument("task_type", metavar="TYPE", shell_complete=complete_task_type)
@json_option
def command(*, task_type: str, as_json: bool) -> None:
    """Show what tasks of TYPE do, their parameters, and what their jobs have by default."""
    from debvisor_timers.scheduler import Scheduler

    known = Scheduler.system().known_task_type(task_type)
    if as_json:
        from debvisor_timers.operations.documents.tasks import task_document

        echo_json(task_document(known))
        return
    for line in _lines(known):
        click.echo(line)


def _lines(known: KnownType) -> Iterator[str]:
    from debvisor_timers.jobs.yamltext import to_yaml
    from debvisor_timers.operations.documents.tasks import task_defaults

    declared = known.declared
    also = f" (also {', '.join(declared.aliases)})" if declared.aliases else ""
    yield click.style(f"{known.name}{also}", bold=True)
    if declared.summary:
        yield f"    {declared.summary}."
    yield f"    {known.origin}: {known.place}"
    if declared.description:
        yield ""
        for paragraph in declared.description.rstrip("\n").split("\n\n"):
            yield from _wrapped(paragraph, 4)
            yield ""
    yield from _parameters(known)
    if known.defaults:
        yield "Its jobs have by default:"
        yield from (f"    {line}" for line in to_yaml(task_defaults(known)).splitlines())
        yield ""
    if declared.packages:
        lacking = f" (missing: apt install {' '.join(known.lacking)})" if known.lacking else ""
        yield f"Packages: {', '.join(declared.packages)}{lacking}"
    if declared.example is not None:
        yield "Example:"
        task = {"task": {"type": known.name, "config": declared.example}}
        yield from (f"    {line}" for line in to_yaml(task).splitlines())


def _parameters(known: KnownType) -> Iterator[str]:
    from debvisor_timers.jobs.parameters import kind_words, properties_of

    schema = known.declared.parameters
    if not schema:
        yield "Parameters: whatever the handler reads."
        yield ""
        return
    yield "Parameters:"
    for name, about in properties_of(schema).items():
        facts = [kind_words(about)]
        if name in schema.get("required", ()):
            facts.append("required")
        if "default" in about:
            facts.append(f"default {json.dumps(about['default'], ensure_ascii=False)}")
        yield f"    {click.style(name, bold=True)} ({'; '.join(facts)})"
        yield from _wrapped(str(about.get("description", "")), 8)
    yield ""


def _wrapped(text: str, indent: int) -> Iterator[str]:
    margin = " " * indent
    yield from textwrap.wrap(
        text, _WIDTH, initial_indent=margin, subsequent_indent=margin, break_on_hyphens=False
    )
