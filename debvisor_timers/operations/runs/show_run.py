# SPDX-License-Identifier: Apache-2.0
"""show --run: all that is known of one run, and the last lines that it printed."""

from __future__ import annotations

from dataclasses import dataclass

from debvisor_timers.history.runs import Run
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.runs.output import Limit, Output, run_output
from debvisor_timers.operations.runs.which_run import Choice, find_run

_SHOWN = Limit(lines=100, size=64 * 1024)


@dataclass(frozen=True, slots=True, kw_only=True)
class RunDetails:
    """One run, and the end of what it printed."""

    run: Run
    output: Output


def show_run(host: Host, job_id: str, choice: Choice) -> RunDetails:
    """Return a run of the job. Raises NotFoundError when nobody knows the job or the run."""
    run = find_run(host, job_id, choice)
    return RunDetails(run=run, output=run_output(host, run, _SHOWN))
