# SPDX-License-Identifier: Apache-2.0
"""Which runs somebody wants to see."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from debvisor_timers.history.outcome import RunOutcome, Trigger


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFilter:
    """What runs must be; a field that is left out asks for nothing.

    jobs: their ids; None: of all jobs. since, until: aware, by the start of a run; `until` itself
    is not included. outcomes, triggers: one of these; empty: any. run: the id of a run, or how it
    begins.
    """

    jobs: tuple[str, ...] | None = None
    since: datetime | None = None
    until: datetime | None = None
    outcomes: frozenset[RunOutcome] = frozenset()
    triggers: frozenset[Trigger] = frozenset()
    run: str = ""
