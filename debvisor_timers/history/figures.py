# SPDX-License-Identifier: Apache-2.0
"""A run in figures: what statistics need of it, and nothing that is slow to make."""

from __future__ import annotations

from typing import NamedTuple

from debvisor_timers.history.outcome import RunOutcome, Trigger


class RunFigures(NamedTuple):
    """One run; twenty thousand of them are read in the twinkling of an eye.

    start: seconds since 1970. duration, waited, cpu: seconds; None where nobody knows.
    attempts: 0 for a run that was skipped before its first. elapses: of how many a skip tells.
    memory_peak: bytes. reason: why it ended so, empty where the outcome says it all.
    """

    job: str
    id: str
    start: float
    duration: float | None
    outcome: RunOutcome
    trigger: Trigger
    attempts: int
    waited: float | None
    cpu: float | None
    memory_peak: int | None
    elapses: int
    reason: str
