# SPDX-License-Identifier: Apache-2.0
"""Runs in figures: one as usual, with what a test wants otherwise; and many that are alike."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from debvisor_timers.history.figures import RunFigures
from debvisor_timers.history.outcome import RunOutcome, Trigger

START = datetime(2026, 11, 1, 2, 0, tzinfo=UTC).timestamp()
DAY = 86_400.0

USUAL = RunFigures(
    job="nightly",
    id="20261101T020000Z-000000",
    start=START,
    duration=300.0,
    outcome=RunOutcome.SUCCEEDED,
    trigger=Trigger.TIMER,
    attempts=1,
    waited=None,
    cpu=None,
    memory_peak=None,
    elapses=1,
    reason="",
)


def run(**changes: Any) -> RunFigures:
    """Return a run that succeeded within five minutes, but for `changes`."""
    return USUAL._replace(**changes)


def nights(lengths: Iterable[float], *, apart: float = DAY, **changes: Any) -> list[RunFigures]:
    """Return a run each day, which took so many seconds; oldest first."""
    return [
        run(start=START + number * apart, id=f"run-{number}", duration=length, **changes)
        for number, length in enumerate(lengths)
    ]


def ended(outcomes: str) -> list[RunFigures]:
    """Return a run each day by a letter: s(ucceeded), f(ailed), x(topped by hand), - (skipped)."""
    letters = {
        "s": RunOutcome.SUCCEEDED,
        "f": RunOutcome.FAILED,
        "t": RunOutcome.TIMED_OUT,
        "l": RunOutcome.LOST,
        "x": RunOutcome.STOPPED,
        "-": RunOutcome.SKIPPED,
        "r": RunOutcome.RUNNING,
    }
    return [
        run(start=START + number * DAY, id=f"run-{number}", outcome=letters[letter])
        for number, letter in enumerate(outcomes)
    ]
