# SPDX-License-Identifier: Apache-2.0
"""All that the page of a run shows, read in one go: in the process that reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.history.runs import Run
from debvisor_timers.operations.runs.log_lines import LogLine, LogStream, LogWish
from debvisor_timers.operations.runs.which_run import Choice, find_run
from debvisor_timers.scheduler.guide import JobScheduler

LINES, SIZE = 2000, 512 * 1024
"""So many lines, and bytes, are shown: the newest."""

STREAMS: Mapping[LogStream, str] = {LogStream.STDOUT: "out", LogStream.STDERR: "err"}
"""What a stream is called on the page; all else is `sys`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFacts:
    """A run with what it printed, and what systemd and our programs said of it, by time.

    is_cut: older lines were left out. hidden: why nobody may read them, empty where they are there.
    """

    run: Run
    now: datetime
    lines: Sequence[LogLine] = ()
    is_cut: bool = False
    hidden: str = ""

    @property
    def cursor(self) -> str:
        """Return where the lines end, to follow them from there."""
        return self.lines[-1].cursor if self.lines else ""


def read_run(scheduler: JobScheduler, job_id: str, run_id: str) -> RunFacts:
    """Return a run of a job. Raises NotFoundError."""
    run = find_run(scheduler.host, job_id, Choice(id=run_id))
    try:
        found = scheduler.log(LogWish(job_id=job_id, run_id=run.id, most=LINES)).lines
    except DebvisorTimersError as error:
        return RunFacts(run=run, now=scheduler.now(), hidden=error.message)
    shown = _newest(found)
    is_cut = len(shown) < len(found) or len(found) == LINES
    return RunFacts(run=run, now=scheduler.now(), lines=shown, is_cut=is_cut)


def _newest(lines: Sequence[LogLine]) -> Sequence[LogLine]:
    """Return the newest of `lines` that there is room for."""
    room = SIZE
    for number in range(len(lines) - 1, -1, -1):
        room -= len(lines[number].text.encode()) + 1
        if room < 0:
            return lines[number + 1 :]
    return lines
