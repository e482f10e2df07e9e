# SPDX-License-Identifier: Apache-2.0
"""How one run looks in full: its attempts, what it used, and the last lines that it printed."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import click

from debvisor_timers.cli import times
from debvisor_timers.cli.output import counted, cut, echo_json
from debvisor_timers.cli.runs import result_words, task_result_lines, trigger_words

if TYPE_CHECKING:
    from debvisor_timers.history.attempt import Attempt
    from debvisor_timers.history.runs import Run
    from debvisor_timers.operations.runs.output import Stream
    from debvisor_timers.operations.runs.show_run import RunDetails

_SHOWN = 20
_MARGIN = 14
_SIZES = ("B", "KiB", "MiB", "GiB", "TiB")


def echo_run(details: RunDetails, *, as_json: bool) -> None:
    """Print the run, for people or for programs."""
    if as_json:
        from debvisor_timers.operations.documents.runs import run_details_document

        echo_json(run_details_document(details))
        return
    for title, value in _lines(details.run):
        click.echo(f"{click.style(f'{title:>12}', bold=True)}  {cut(value, _MARGIN)}")
    for name, stream in (("stdout", details.output.stdout), ("stderr", details.output.stderr)):
        _echo_stream(name, stream)


def _lines(run: Run) -> Iterator[tuple[str, str]]:
    yield "job", run.job
    yield "run", run.id
    yield "result", result_words(run)
    yield "trigger", trigger_words(run)
    if run.trigger_runs:
        yield "runs", ", ".join(f"{name.job} {name.id}" for name in run.trigger_runs)
    if run.retry_of:
        yield "repeats", run.retry_of
    if run.overlapped:
        yield "during", run.overlapped
    if run.scheduled_for:
        yield "due", times.local(run.scheduled_for)
    if run.count > 1:
        yield "last due", times.local(run.last_scheduled_for)
    yield "start", times.local(run.start)
    yield "end", times.local(run.end)
    yield "took", times.span(run.duration)
    if run.waited:
        yield "waited", times.span(run.waited)
    yield from _attempts(run)
    yield "CPU", times.span(run.cpu)
    yield "memory", "-" if run.memory_peak is None else f"{_size(run.memory_peak)} at most"
    yield from _task_result(run)
    yield "generation", "-" if run.generation is None else str(run.generation)


def _task_result(run: Run) -> Iterator[tuple[str, str]]:
    """Yield what the handler of a task has returned, a line for each name."""
    for number, line in enumerate(task_result_lines(run.task_result)):
        yield ("task result" if number == 0 else ""), line


def _attempts(run: Run) -> Iterator[tuple[str, str]]:
    """Yield each attempt where there could be several, else how the program ended."""
    if run.attempts <= 1 and (run.max_attempts or 1) <= 1:
        return
    yield "attempts", f"{run.attempts} of {run.max_attempts or run.attempts}"
    for each in run.each_attempt:
        yield "", _attempt(each)


def _attempt(attempt: Attempt) -> str:
    words = f"{attempt.number}: {times.short(attempt.start)}, {attempt.ending.words}"
    took = attempt.duration
    return words if took is None else f"{words}, took {times.span(took)}"


def _size(count: int) -> str:
    """Return a number of bytes for people: `34.5 MiB`."""
    size, unit = float(count), 0
    while size >= 1024 and unit < len(_SIZES) - 1:
        size, unit = size / 1024, unit + 1
    return f"{size:.1f} {_SIZES[unit]}" if unit else f"{count} B"


def _echo_stream(name: str, stream: Stream) -> None:
    """Print the last lines of a stream under a headline; nothing for one that is empty."""
    if not stream.lines:
        return
    shown = stream.lines[-_SHOWN:]
    is_all = len(shown) == len(stream.lines) and not stream.is_cut
    words = "" if is_all else f" (the last {counted(len(shown), 'line')})"
    click.echo(f"\n{click.style(name, bold=True)}{words}")
    for line in shown:
        click.echo(f"  {cut(_harmless(line.text), 2)}")


def _harmless(text: str) -> str:
    """Return text without what would make a terminal do anything: `\\x1b` for an escape."""
    plain = text.expandtabs()
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in plain)
