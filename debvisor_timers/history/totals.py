# SPDX-License-Identifier: Apache-2.0
"""Sums over all runs that there ever were: they do not fall when old runs are forgotten."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime

from debvisor_timers.history.outcome import RunOutcome, Trigger

BOUNDS: tuple[float, ...] = (1, 5, 15, 60, 300, 900, 1800, 3600, 7200, 14400, 43200, 86400)
"""Upper bounds of the classes of durations, in seconds; one more class holds what is longer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Durations:
    """How long runs took: `counts` of those up to each of BOUNDS, and of all; `sum` in seconds."""

    counts: tuple[int, ...]
    sum: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    """Sums since the index began; runs that are under way are not among them.

    runs: by job, outcome and trigger. attempts: by job. skips: elapses that came to nothing, by job
    and reason. cpu_seconds, durations: by job. synced: when the newest record of the journal was
    written that has been read; None where none was.
    """

    runs: Mapping[tuple[str, RunOutcome, Trigger], int] = field(default_factory=dict)
    attempts: Mapping[str, int] = field(default_factory=dict)
    skips: Mapping[tuple[str, str], int] = field(default_factory=dict)
    cpu_seconds: Mapping[str, float] = field(default_factory=dict)
    durations: Mapping[str, Durations] = field(default_factory=dict)
    synced: datetime | None = None
