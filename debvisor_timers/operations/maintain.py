# SPDX-License-Identifier: Apache-2.0
"""maintain: what has to be done from time to time; debvisor-timers-maintain.timer calls it."""

from __future__ import annotations

from dataclasses import dataclass

from debvisor_timers.operations.host import Host
from debvisor_timers.operations.prune import Limits, Pruned, prune_history


@dataclass(frozen=True, slots=True, kw_only=True)
class Maintenance:
    """What was done."""

    pruned: Pruned


def maintain(host: Host) -> Maintenance:
    """Bring the index up to date with the journal, and forget what it does not have to keep.

    Raises the errors of `prune_history`.
    """
    return Maintenance(pruned=prune_history(host, Limits()))
