# SPDX-License-Identifier: Apache-2.0
"""All that the page of a run shows, read in one go: in the process that reads."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.history.runs import Run
from debvisor_timers.operations.runs.output import Limit, Output, Stream, run_output
from debvisor_timers.operations.runs.which_run import Choice, find_run
from debvisor_timers.scheduler.guide import JobScheduler

LINES = Limit(lines=2000, size=512 * 1024)
"""So much of each stream is shown: the newest."""

StreamName = Literal["out", "err"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LogLine:
    """A line of a run: when, by which stream."""

    at: datetime
    stream: StreamName
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """A run with what it printed, by time. is_cut: older lines were left out.

    hidden: why nobody may read it, empty where it is there.
    """

    run: Run
    now: datetime
    lines: tuple[LogLine, ...]
    is_cut: bool
    hidden: str = ""


def read_run(scheduler: JobScheduler, job_id: str, run_id: str) -> RunFacts:
    """Return a run of a job. Raises NotFoundError."""
    run = find_run(scheduler.host, job_id, Choice(id=run_id))
    output, hidden = Output(), ""
    try:
        output = run_output(scheduler.host, run, LINES)
    except DebvisorTimersError as error:
        hidden = error.message
    lines = [*_lines(output.stdout, "out"), *_lines(output.stderr, "err")]
    return RunFacts(
        run=run,
        now=scheduler.now(),
        lines=tuple(sorted(lines, key=lambda line: line.at)),
        is_cut=output.stdout.is_cut or output.stderr.is_cut,
        hidden=hidden,
    )


def _lines(stream: Stream, name: StreamName) -> Iterator[LogLine]:
    return (LogLine(at=line.at, stream=name, text=line.text) for line in stream.lines)
