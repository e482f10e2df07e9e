# SPDX-License-Identifier: Apache-2.0
"""generations: what was applied, when, by whom."""

from __future__ import annotations

from dataclasses import dataclass

from debvisor_timers.operations.applying.generations import Kept
from debvisor_timers.operations.applying.recover import generations
from debvisor_timers.operations.host import Host
from debvisor_timers.operations.safety.trial import Trial, is_applied, read_trial


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The generations that are kept, newest first: that is the current one.

    trial: what waits for being confirmed; None: nothing.
    """

    kept: tuple[Kept, ...]
    trial: Trial | None


def list_generations(host: Host) -> History:
    """Return the generations that are kept. Raises PermissionRefusedError without root."""
    several = generations(host)
    trial = read_trial(host)
    return History(
        kept=tuple(several.about(number) for number in reversed(several.numbers())),
        trial=trial if trial is not None and is_applied(host, trial) else None,
    )
