# SPDX-License-Identifier: Apache-2.0
"""How often each job has run, and how often it failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass

from debvisor_timers.errors import DebvisorTimersError
from debvisor_timers.history.outcome import RunOutcome
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.past.past import open_past


@dataclass(frozen=True, slots=True, kw_only=True)
class RunCounts:
    """Of one job: its runs that have ended, skips apart, and those of them that failed."""

    executions: int = 0
    failures: int = 0


def run_counts(host: Host) -> Mapping[str, RunCounts] | None:
    """Return the counts of every job that has run, since the index began; forgotten runs count.

    None where this user may read neither the index nor the journal.
    """
    try:
        with open_past(host) as past:
            runs = past.totals().runs
    except DebvisorTimersError:
        return None
    executions, failures = Counter[str](), Counter[str]()
    for (job, outcome, _), count in runs.items():
        executions[job] += count if outcome is not RunOutcome.SKIPPED else 0
        failures[job] += count if outcome.is_failure else 0
    return {
        job: RunCounts(executions=number, failures=failures[job])
        for job, number in executions.items()
    }
