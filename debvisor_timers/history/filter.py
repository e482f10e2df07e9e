# SPDX-License-Identifier: Apache-2.0
"""Which runs somebody wants to see."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

from debvisor_timers.errors import UsageError
from debvisor_timers.history.outcome import RunOutcome, RunStatus, Trigger


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

    def wants(self, outcome: RunOutcome, trigger: Trigger) -> bool:
        """Return True when a run that ended and was started so may be wanted."""
        is_outcome = not self.outcomes or outcome in self.outcomes
        return is_outcome and (not self.triggers or trigger in self.triggers)


def outcomes_named(words: Iterable[str]) -> frozenset[RunOutcome]:
    """Return the outcomes that `words` name, each by a status (`failed`) or by itself (`lost`).

    Raises UsageError for another word.
    """
    found: set[RunOutcome] = set()
    for word in words:
        name = word.replace("-", "_")
        named = {each for each in RunOutcome if name in {str(each), str(each.status)}}
        # Who asks for failures does not mean what somebody has stopped, though its status is that.
        named -= {RunOutcome.STOPPED} if name == RunStatus.FAILED else set()
        if not named:
            known = sorted({*map(str, RunStatus), *map(str, RunOutcome)})
            raise UsageError(f"there is no status {word!r}", fix=f"use one of: {', '.join(known)}")
        found |= named
    return frozenset(found)


def triggers_named(words: Sequence[str]) -> frozenset[Trigger]:
    """Return the triggers that `words` name (`catch-up` or `catch_up`). Raises UsageError."""
    names = [word.replace("-", "_") for word in words]
    for word, name in zip(words, names, strict=True):
        if name not in set(Trigger):
            raise UsageError(
                f"there is no trigger {word!r}", fix=f"use one of: {', '.join(Trigger)}"
            )
    return frozenset(map(Trigger, names))
