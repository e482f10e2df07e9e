# SPDX-License-Identifier: Apache-2.0
"""How runs look, in words for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from debvisor_timers.history.runs import Run


def trigger_words(run: Run) -> str:
    """Return what started it: `manual by root`, `chain: backup`, `retry by root`, `catch-up`."""
    words = run.trigger.words
    if run.trigger_runs:
        words = f"{words}: {', '.join(name.job for name in run.trigger_runs)}"
    return f"{words} by {run.by}" if run.by else words


def result_words(run: Run) -> str:
    """Return how it ended, and of several starts that were left out how many."""
    return f"{run.outcome_words}, {run.count} times" if run.count > 1 else run.outcome_words
